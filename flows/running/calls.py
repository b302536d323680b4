"""The calls that an executor carries out, `complete_table` aside: their arguments are references, never rows."""

from __future__ import annotations

from flows.planning.plan import TableJob
from flows.running import process_pool, progress
from flows.running.kinds import kind_of
from flows.running.partitions import PartitionBatch


def prepare(job: TableJob) -> None:
    """Find out what the partitions of a table need to know of each other."""
    kind_of(job).prepare()


def run_batch(job: TableJob, batch: PartitionBatch, offload: bool) -> None:
    """Run the partitions of a batch, here or in processes of their own."""
    if not offload:
        kind_of(job).run(batch.partitions, progress.watcher.advance)
        return
    for partition in batch.partitions:
        process_pool.run_partition(job, partition, progress.watcher.advance, offload)
