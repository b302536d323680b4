"""Tables made problem by problem: rows are shuffled first, so that those of a problem are in one partition."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import polars as pl

from catalog.tables import PartitionCommit
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import Partition, list_file_partitions, read_partition
from flows.running.sample import PilotSample, scale_sample
from flows.running.shuffle import shuffle_by_problem
from flows.running.unit_executor import UnitExecutor
from flows.running.verdict_cache import use_verdict_cache
from flows.running.watcher import NOBODY, Watcher
from schemas.frames import to_polars_schema
from schemas.task import PerProblem

ROWS_OF_A_BUCKET = 50_000
"""Rows, about, of the problems that a task sees at a time."""
PREPARED = "decided"


class PerProblemKind(PartitionedKind[PerProblem[Any]]):
    """The task runs on buckets of whole problems."""

    prepares = True

    @cached_property
    def partitions(self) -> list[Partition]:
        """The buckets; only the rows of all together are known."""
        rows = sum(partition.file.rows for partition in list_file_partitions(self.job) if partition.file)
        count = -(-rows // ROWS_OF_A_BUCKET)
        shares = [rows * (i + 1) // count - rows * i // count for i in range(count)]
        return [Partition(f"{i:05d}", bucket=i, rows=share) for i, share in enumerate(shares)]

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Shuffle the rows by problem."""
        if self.folder.read_commit(PREPARED):
            return
        rows = (read_partition(self.job, partition) for partition in list_file_partitions(self.job))
        for file in shuffle_by_problem(rows, len(self.partitions), self.folder):
            name = file.path.removeprefix("shares/").removesuffix(".parquet")
            self.folder.commit(f"{PREPARED}-{name}", PartitionCommit(0, [file]))
        self.folder.commit(PREPARED, PartitionCommit(0))

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the bucket."""
        rows = self._read_bucket(partition)
        with self.naming_table(), use_verdict_cache(self.folder.store):
            outcome = self.task.run(rows, self.job.parameters)
        yield self.write_chunk(partition, rows.height, outcome, watcher)

    def _read_bucket(self, partition: Partition) -> pl.DataFrame:
        """All rows of a bucket, in the order of the input; a bucket may be empty."""
        commit = self.folder.read_commit(f"{PREPARED}-{partition.name}")
        return (
            self.folder.read(commit.parts[0])
            if commit
            else pl.DataFrame(schema=to_polars_schema(self.job.input_contract))
        )

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """What the task makes of the sample of its inputs."""
        if inputs is None or not inputs.rows.height:
            return None
        return scale_sample(self.job, inputs, self.task.run(inputs.rows, self.job.parameters).kept)
