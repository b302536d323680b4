"""A plan is made without Prefect: in order, side by side, once, and observers learn how it went."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from catalog.tables import Manifest
from flows.planning import plan as planning
from flows.planning.plan import Plan, TableJob
from flows.running.run_plan import ThreadExecutor, materialize
from flows.running.watcher import Watcher
from tasks import TASKS
from tests.command import ROOT, SAMPLE, files_of
from tests.flows.running.executors import Backwards
from tests.flows.running.test_table import make, row


class Diary:
    """An observer that writes down what it sees."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def begin(self, job: TableJob) -> None:
        self.lines.append(f"begin {job.name}")

    def end(self, job: TableJob, manifest: Manifest) -> None:
        self.lines.append(f"end {job.name} {manifest.receipt.rows_kept()}")

    def fail(self, job: TableJob, error: BaseException) -> None:
        self.lines.append(f"fail {job.name} {error}")


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return make(tmp_path, [row("one"), row("two")], [row("two"), row("three")])


def test_tables_are_made_in_order_and_observed(plan: Plan) -> None:
    diary, executor = Diary(), Backwards()
    done = materialize(plan, executor, [diary])
    assert diary.lines == [
        "begin generations", "end generations 3", "begin steps", "end steps 3", "begin mistakes", "end mistakes 3",
    ]  # fmt: skip
    assert executor.calls == [
        "generations run_batch", "generations run_batch", "generations complete_table",
        "steps run_batch", "steps run_batch", "steps complete_table",
        "mistakes prepare", "mistakes run_batch", "mistakes run_batch", "mistakes complete_table",
    ]  # fmt: skip
    assert list(done.done) == ["generations", "steps", "mistakes"]
    assert done.done["mistakes"] == plan.jobs[2].folder().read_manifest()


def test_what_exists_is_not_made_again(plan: Plan) -> None:
    executor = Backwards()
    assert materialize(materialize(plan), executor).done.keys() == {"generations", "steps", "mistakes"}
    assert executor.calls == []


def test_observers_learn_what_could_not_be_made_and_a_second_build_goes_on(
    plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise OSError("no space left")

    diary = Diary()
    with monkeypatch.context() as patch:
        patch.setitem(TASKS, "split", replace(TASKS["split"], run=broken))  # type: ignore[call-arg]
        with pytest.raises(OSError, match="no space left"):
            materialize(plan, observers=[diary])
    assert diary.lines == ["begin generations", "end generations 3", "begin steps", "fail steps no space left"]
    executor = Backwards()
    materialize(planning.make_plan(plan.recipe.file, None, plan.store), executor)
    assert executor.calls[0] == "steps run_batch"


def test_threads_and_order_change_nothing(tmp_path: Path) -> None:
    results = []
    for name, executor in (("many", ThreadExecutor(4)), ("one", ThreadExecutor(1)), ("backwards", Backwards())):
        materialize(planning.make_plan(str(SAMPLE), None, str(tmp_path / name)), executor)
        results.append(files_of(tmp_path / name / "tables"))
    assert results[0] == results[1] == results[2] != {}


def test_the_runner_does_not_know_prefect() -> None:
    code = "import sys; from flows.running import run_plan; assert 'prefect' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


APART = """\
corpus: apart
version: 0.1.0
title: T
license: MIT
models: {model: {engine: abacus}}
tables:
  problems: {task: world, count: 24, level: 1}
  others: {task: world, count: 24, level: 1, seed: 7}
  solutions: {task: generate, from: problems, models: [model], prompt: abacus-solve, max_tokens: 120}
  steps: {task: split, from: solutions}
  again: {task: generate, from: others, models: [model], prompt: abacus-solve, max_tokens: 60}
  fewer: {task: select, from: others, where: "problem_id > '1'"}
  both: {task: generate, from: fewer, models: [model], prompt: abacus-solve, max_tokens: 50}
  more: {task: split, from: again}
  last: {task: split, from: both}
  release: {task: release, from: [steps, more, last]}
"""


class Meeting(Watcher):
    """Lets tables be answered when so many of them have asked."""

    def __init__(self, tables: int) -> None:
        self.tables: set[str] = set()
        self.barrier = Barrier(tables, timeout=300)

    def asked(self, table: str, requests: int, known: int) -> None:
        if table not in self.tables:
            self.tables.add(table)
            self.barrier.wait()


@pytest.mark.parametrize("processors", [1, 2])
def test_tables_ask_one_model_side_by_side_and_what_needs_none_of_them_is_made_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, processors: int
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: processors)
    (tmp_path / "apart.yaml").write_text(APART)
    plan = planning.make_plan(str(tmp_path / "apart.yaml"), None, str(tmp_path / "store"))
    generations = [[job.name for job in jobs] for jobs in plan.topological_generations()]
    assert ["solutions" in names for names in generations] != ["both" in names for names in generations]
    meeting = Meeting(3)
    with ThreadExecutor() as executor:
        assert len(materialize(plan, executor, watcher=meeting).done) == 9
    assert meeting.tables == {"solutions", "again", "both"}
