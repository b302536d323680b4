"""The calls that an executor carries out, `complete_table` aside: their arguments are references, never rows."""

from __future__ import annotations

from contextlib import nullcontext

from flows.planning.plan import TableJob
from flows.running.engine_pool import EnginePool
from flows.running.kinds import find_kind
from flows.running.partitions import PartitionBatch
from flows.running.process_pool import ProcessPool
from flows.running.watcher import NOBODY, Watcher

ASKING = 8
"""Tables that ask models at a time, at most: they wait nearly all the while, so they have threads beside those that compute."""


def prepare(job: TableJob) -> None:
    """Find out what the partitions of a table need to know of each other."""
    find_kind(job).prepare()


def run_batch(
    job: TableJob, batch: PartitionBatch, pool: ProcessPool | None = None, engines: EnginePool | None = None,
    watcher: Watcher = NOBODY,
) -> None:  # fmt: skip
    """Run the partitions of a batch, here or in the processes of a pool.

    Args:
        job: The table.
        batch: Its partitions.
        pool: The processes; none where they run here.
        engines: The engines of the build; a table that asks models has its own unless given.
        watcher: Is notified of how far they are.

    """
    if pool is None:
        with nullcontext(engines) if engines else EnginePool(watcher) as shared:
            find_kind(job).run(batch.partitions, watcher, shared)
        return
    for partition in batch.partitions:
        pool.run(job, partition, watcher)
