"""Batches of partitions: what one call of an executor runs, because a call has a price of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from flows.planning.plan import TableJob
from flows.running import process_pool, progress
from flows.running.table import Partition, count_rows

ROWS_OF_A_BATCH = 20_000
"""Rows, about, of a batch."""


@dataclass(frozen=True)
class PartitionBatch:
    """Partitions that are one call: to Prefect the records of a run cost as much as the work of some thousand rows."""

    partitions: Sequence[Partition]

    @property
    def name(self) -> str:
        """The first partition's name, and the last one's."""
        return "-".join(dict.fromkeys((self.partitions[0].name, self.partitions[-1].name)))


def batch_partitions(job: TableJob, partitions: Sequence[Partition]) -> list[PartitionBatch]:
    """Put partitions together to some rows each; files, which are long or unknown, stay by themselves."""
    rows_of_all = sum(count_rows(job, partition) for partition in partitions)
    rows_of_each = min(ROWS_OF_A_BATCH, rows_of_all // (2 * (os.cpu_count() or 1)))
    batches: list[list[Partition]] = []
    rows = rows_of_each
    for partition in partitions:
        if rows >= rows_of_each or partition.source:
            batches.append([])
            rows = 0
        batches[-1].append(partition)
        rows += count_rows(job, partition)
    return [PartitionBatch(batch) for batch in batches]


def run_batch(job: TableJob, batch: PartitionBatch, offload: bool) -> None:
    """Run the partitions of a batch one after the other, here or in a process of the pool."""
    for partition in batch.partitions:
        process_pool.run_partition(job, partition, progress.watcher.advance, offload)
