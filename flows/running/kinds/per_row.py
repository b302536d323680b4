"""Tables made row by row: what becomes of one depends on no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from catalog.tables import PartitionCommit
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import Partition, read_partition
from flows.running.sample import PilotSample, scale_sample
from flows.running.verdict_cache import use_verdict_cache
from flows.running.watcher import Watcher
from schemas.task import Outcome, PerRow


class PerRowKind(PartitionedKind[PerRow[Any]]):
    """The task runs on the rows of each input file."""

    def count_rows(self, partition: Partition) -> int:
        """As many for each row of the file as the task makes of one."""
        return super().count_rows(partition) * self.task.rows_per_row(self.job.parameters)

    def repeats_keys(self) -> bool:
        """Also where the task gives rows another key."""
        return super().repeats_keys() or self.job.contract.key != self.job.input_contract.key

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the file."""
        outcome = self.run_task(read_partition(self.job, partition))
        yield self.write_chunk(partition, self.count_rows(partition), outcome, watcher)

    def run_task(self, rows: pl.DataFrame) -> Outcome:
        """What the task makes of rows."""
        with self.naming_table(), use_verdict_cache(self.folder.store):
            return self.task.run(rows, self.job.parameters)

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """What the task makes of the sample of its inputs."""
        if inputs is None or not inputs.rows.height:
            return None
        return scale_sample(self.job, inputs, self.task.run(inputs.rows, self.job.parameters).kept)
