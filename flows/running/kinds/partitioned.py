"""Tables made partition by partition: what becomes of one needs nothing that runs beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import polars as pl

from catalog.parts import ParquetFile
from catalog.storage import StoreError
from catalog.tables import PartitionCommit, sum_commits
from flows.running.commit import write_outcome
from flows.running.engine_pool import EnginePool
from flows.running.exchange import remove_sent
from flows.running.kinds.kind import Kind
from flows.running.partitions import InputRows, Partition, list_file_partitions
from flows.running.unit_executor import Unit, UnitExecutor
from flows.running.watcher import Watcher
from schemas.task import Outcome, Task

T = TypeVar("T", bound=Task[Any])
PREPARED = "decided"
"""The unit that ends when a table is prepared."""
ROWS_OF_A_BATCH = 250_000
"""Rows, about, that are sent to their shares together."""


class PartitionedKind(Kind[T]):
    """Partitions are run one after the other, here or in processes of their own."""

    offloads = True

    def run(self, partitions: Sequence[Partition], watcher: Watcher, engines: EnginePool) -> None:
        """Run the partitions of a batch in this process; no model is asked."""
        for partition in partitions:
            self.run_partition(partition, watcher)

    def run_partition(self, partition: Partition, watcher: Watcher) -> None:
        """Run the task on a partition, check and write what it made, and commit it."""
        self.folder.commit(partition.name, sum_commits(self.run_chunks(partition, watcher)))

    @abstractmethod
    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """Run a partition chunk by chunk: a Parquet file is one chunk, a file of records has many, each committed by itself."""

    def write_chunk(
        self, partition: Partition, rows_in: int, outcome: Outcome, watcher: Watcher, rows: pl.DataFrame | None = None
    ) -> PartitionCommit:
        """Write what became of a partition that is one chunk; of the rows of its file, where it is made from these."""
        inputs = None if rows is None else InputRows(partition, rows)
        commit = write_outcome(self.job, f"{partition.name}-00000", rows_in, outcome, inputs)
        watcher.advance(self.job.name, rows_in, None)
        return commit

    def list_batches(self) -> list[range]:
        """The numbers of input files whose rows are sent to their shares together."""
        begins, rows, number = [0], 0, -1
        for number, partition in enumerate(list_file_partitions(self.job)):
            if rows >= ROWS_OF_A_BATCH:
                begins.append(number)
                rows = 0
            rows += partition.file.rows if partition.file else 0
        return [range(*bounds) for bounds in zip(begins, [*begins[1:], number + 1])]

    def run_units(
        self, what: str, call: Any, arguments: Sequence[tuple[Any, ...]], units: UnitExecutor | None, watcher: Watcher
    ) -> list[ParquetFile]:
        """The file that each call writes, those that have ended before not made again."""
        names = [f"{what}-{number:05d}" for number in range(len(arguments))]
        commits = {name: self.folder.read_commit(name) for name in names}
        todo = [
            Unit(f"{self.job.name}, {name}", call, (*given, name))
            for name, given in zip(names, arguments)
            if commits[name] is None
        ]
        if units is None:
            made = [unit.call(*unit.arguments, watcher) for unit in todo]
        else:
            made = units.run(todo, watcher)
        files = iter(made)
        return [commit.parts[0] if (commit := commits[name]) else next(files) for name in names]

    def receive(
        self, what: str, call: Any, arguments: Sequence[tuple[Any, ...]], sent: Sequence[ParquetFile],
        units: UnitExecutor | None, watcher: Watcher,
    ) -> None:  # fmt: skip
        """Prepare the table by calls that read what was sent, each of which writes a file; then what was sent goes."""
        try:
            files = self.run_units(what, call, arguments, units, watcher)
            self.folder.commit(PREPARED, PartitionCommit(0, files))
        except StoreError:
            # a build beside this one may have prepared it meanwhile, and removed what was sent
            if self.folder.read_commit(PREPARED) is None:
                raise
        remove_sent(self.folder, sent)
