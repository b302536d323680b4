"""Every task is of a kind, and a new kind is one class and its entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from catalog.tables import PartitionCommit
from flows.running.kinds import KINDS, find_kind
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import Partition, read_partition
from flows.running.run_plan import materialize
from flows.running.sample import PilotSample
from flows.running.watcher import Watcher
from schemas.task import Outcome, Parameters, Task
from tasks import TASKS
from tests.flows.running.test_table import make, read, row


def test_every_task_but_the_one_that_publishes_is_of_a_kind() -> None:
    assert {name for name, task in TASKS.items() if type(task) not in KINDS} == {"release"}
    assert {type(task) for task in TASKS.values() if not task.publishes} == set(KINDS)


def test_a_task_says_what_it_reads_and_asks() -> None:
    for task in TASKS.values():
        assert task.asks_models == hasattr(task, "ask")
        assert bool(task.needs) or task.publishes or not task.inputs


@dataclass(frozen=True, kw_only=True)
class Reverse(Task[Parameters]):
    """A task of a kind of its own: it needs no function, its rows are those of its input backwards."""


class ReverseKind(PartitionedKind[Reverse]):
    """Each file backwards."""

    prepares = True

    def prepare(self, *_: object) -> None:
        self.folder.commit("ready", PartitionCommit(0))

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        assert self.folder.read_commit("ready")
        rows = read_partition(self.job, partition)
        rows = rows[list(range(rows.height))[::-1]]
        yield self.write_chunk(partition, rows.height, Outcome(rows, rows.clear()), watcher)

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        return inputs


def test_a_new_kind_runs_by_its_entry_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reverse = Reverse(name="split", summary="", version="1", parameters=Parameters, needs=("text",))
    entries: Any = KINDS
    monkeypatch.setitem(entries, Reverse, ReverseKind)
    monkeypatch.setitem(TASKS, "split", reverse)
    plan = make(tmp_path, [row("one"), row("two")], [row("three")])
    jobs = {job.name: job for job in plan.jobs}
    assert isinstance(find_kind(jobs["steps"]), ReverseKind)
    materialize(plan)
    assert read(jobs["steps"])["text"].to_list() == ["two", "one", "three"]
