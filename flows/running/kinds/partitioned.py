"""Tables made partition by partition: what becomes of one needs nothing that runs beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ClassVar, TypeVar

import polars as pl

from catalog.parts import ParquetFile
from catalog.storage import StoreError
from catalog.tables import PartitionCommit, sum_commits
from flows.running.commit import write_outcome
from flows.running.engine_pool import EnginePool
from flows.running.exchange import remove_sent
from flows.running.kinds.kind import Kind
from flows.running.partitions import InputRows, Partition, list_file_partitions
from flows.running.unit_executor import UnitExecutor
from flows.running.unit_files import make_files
from flows.running.watcher import Watcher
from schemas.task import Outcome, Task

T = TypeVar("T", bound=Task[Any])
PREPARED = "decided"
"""The unit that ends when a table is prepared, unless its kind calls it otherwise."""
ROWS_OF_A_BATCH = 250_000
"""Rows, about, that are sent to their shares together."""


class PartitionedKind(Kind[T]):
    """Partitions are run one after the other, here or in processes of their own."""

    offloads = True
    prepared: ClassVar[str] = PREPARED
    """The unit that ends when the table is prepared."""

    def run(self, partitions: Sequence[Partition], watcher: Watcher, engines: EnginePool) -> None:
        """Run the partitions of a batch in this process; no model is asked."""
        try:
            for partition in partitions:
                self.run_partition(partition, watcher)
        except StoreError:
            if (
                self.folder.read_manifest() is None
            ):  # else a build beside this one has completed it: nothing is left to do
                raise

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
        """The numbers of input files whose rows are sent to their shares together, those of one table."""
        begins, rows, number = [0], 0, -1
        partitions = list_file_partitions(self.job)
        for number, partition in enumerate(partitions):
            if rows >= ROWS_OF_A_BATCH or partition.table != partitions[begins[-1]].table:
                begins.append(number)
                rows = 0
            rows += partition.file.rows if partition.file else 0
        return [range(*bounds) for bounds in zip(begins, [*begins[1:], number + 1])]

    def receive(
        self, what: str, call: Any, arguments: Sequence[tuple[Any, ...]], sent: Sequence[ParquetFile],
        units: UnitExecutor | None, watcher: Watcher,
    ) -> None:  # fmt: skip
        """Prepare the table by calls that read what was sent, each of which writes a file; then what was sent goes."""
        files = make_files(self.job, what, call, arguments, units, watcher)
        self.note_received(files)
        self.preparation.commit(self.prepared, PartitionCommit(0, files))
        remove_sent(self.preparation, sent)

    def note_received(self, files: Sequence[ParquetFile]) -> None:
        """Whatever must be known of what calls wrote before the table is prepared."""

    @contextmanager
    def beside_others(self) -> Iterator[None]:
        """Go on where something is missing because a build beside this one has prepared or completed the table, and removed it."""
        try:
            yield
        except StoreError:
            if self.preparation.read_commit(self.prepared) is None and self.folder.read_manifest() is None:
                raise
