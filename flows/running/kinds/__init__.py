"""Kinds of task: how the tables of each are made.

A new kind is a class here, by the class of its tasks in `KINDS`.
"""

from __future__ import annotations

from typing import Any

from flows.planning.plan import TableJob
from flows.running.engine_pool import EnginePool
from flows.running.kinds.asking import AskingKind
from flows.running.kinds.from_files import FromFilesKind
from flows.running.kinds.from_seed import FromSeedKind
from flows.running.kinds.join import JoinKind
from flows.running.kinds.kind import Kind
from flows.running.kinds.per_problem import PerProblemKind
from flows.running.kinds.per_row import PerRowKind
from flows.running.kinds.whole_table import WholeTableKind
from flows.running.partitions import Partition
from flows.running.watcher import Watcher
from schemas.task import Asking, FromRecords, FromSeed, PerProblem, PerRow, Task
from schemas.whole_table import WholeTable
from tasks import TASKS

KINDS: dict[type[Task[Any]], type[Kind[Any]]] = {
    FromRecords: FromFilesKind,
    FromSeed: FromSeedKind,
    PerRow: PerRowKind,
    PerProblem: PerProblemKind,
    WholeTable: WholeTableKind,
    Asking: AskingKind,
}


def find_kind(job: TableJob) -> Kind[Any]:
    """How a table is made."""
    task = TASKS[job.task]
    kind: type[Kind[Any]] = JoinKind if job.input_names else KINDS[type(task)]
    return kind(job, task)


def run_partition(job: TableJob, partition: Partition, watcher: Watcher) -> None:
    """Run one partition of a table in this process, and commit it."""
    with EnginePool(watcher) as engines:
        find_kind(job).run([partition], watcher, engines)


def count_rows(job: TableJob, partition: Partition) -> int:
    """The rows that a partition of a table stands for, 0 where nobody knows."""
    return find_kind(job).count_rows(partition)
