"""The calls that an executor carries out, `complete_table` aside: their arguments are references, never rows."""

from __future__ import annotations

from contextlib import nullcontext

from flows.planning.plan import TableJob
from flows.running.complete import yield_to_other_builds
from flows.running.engine_pool import EnginePool
from flows.running.kinds import find_kind, run_partition
from flows.running.partitions import Partition, PartitionBatch
from flows.running.unit_executor import Unit, UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from flows.running.work_folder import explain_full_disk

ASKING = 8
"""Tables that ask models at a time, at most: they wait nearly all the while, so they have threads beside those that compute."""


def prepare(job: TableJob, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
    """Find out what the partitions of a table need to know of each other.

    Args:
        job: The table.
        units: What runs the units of a large table in other processes; all is done here unless given.
        watcher: Is notified of how far it is.

    Raises:
        StoreError: What must be seen of all rows at once has no room on the disk.

    """
    if job.folder().read_manifest() is not None:  # another build was first, and has removed what it prepared
        return
    with yield_to_other_builds(job), explain_full_disk(job.name):
        find_kind(job).prepare(units, watcher)


def run_batch(
    job: TableJob, batch: PartitionBatch, units: UnitExecutor | None = None, engines: EnginePool | None = None,
    watcher: Watcher = NOBODY,
) -> None:  # fmt: skip
    """Run the partitions of a batch, here or in other processes.

    Args:
        job: The table.
        batch: Its partitions.
        units: What runs them in other processes; none where they run here.
        engines: The engines of the build; a table that asks models has its own unless given.
        watcher: Is notified of how far they are.

    """
    with yield_to_other_builds(job):
        if units is not None:
            units.run([make_unit(job, partition) for partition in batch.partitions], watcher)
            return
        with nullcontext(engines) if engines else EnginePool(watcher) as shared:
            find_kind(job).run(batch.partitions, watcher, shared)


def make_unit(job: TableJob, partition: Partition) -> Unit:
    """A partition of a table as a unit for another process, which commits it."""
    return Unit(f"{job.name}, unit {partition.name}", run_partition, (job, partition))
