"""Builds with the real vLLM: one process for each model, shared, unloaded for another, started again, and ended with its build."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning import engines, plan
from flows.planning.plan import Plan
from flows.running.run_plan import ThreadExecutor, materialize
from schemas.recipe.models import Model
from tasks.engines.replicas.engine import Replica
from tasks.engines.vllm.engine import VLLMEngine
from tasks.worker_process import WorkerHandle
from tests.command import ROOT
from tests.vllm.conftest import CONTEXT
from tests.vllm.test_vllm import group_lives

pytestmark = pytest.mark.external

PROBLEMS = 60
ASKED = PROBLEMS * (4 + 4 + 1)
RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  one: {one}
  two: {two}
tables:
  problems: {{task: world, count: {problems}, level: 1}}
  first: {{task: generate, from: problems, models: [one], prompt: abacus-solve, max_tokens: 60, sampling: [{{samples: 4}}]}}
  second: {{task: generate, from: problems, models: [{second}], prompt: abacus-solve, max_tokens: 60, sampling: [{{temperature: 0.7, samples: 4}}]}}
  third: {{task: generate, from: problems, models: [one], prompt: abacus-solve, max_tokens: 60, sampling: [{{temperature: 0.0}}]}}
  release: {{task: release, from: first, splits: {{all: 1}}}}
"""


class WatchedEngine(VLLMEngine):
    """The engine; its processes are remembered, and those that lived when one of them was started."""

    started: list[int] = []
    beside: list[int] = []

    def _start(self, replica: Replica) -> WorkerHandle:
        WatchedEngine.beside += [pid for pid in self.started if group_lives(pid)]
        process = super()._start(replica)
        WatchedEngine.started.append(process.pid)
        return process


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    WatchedEngine.started, WatchedEngine.beside = [], []
    monkeypatch.setattr(engines, "open_engine", open_watched)
    yield
    assert not any(map(group_lives, WatchedEngine.started)), "nothing outlives a build"


def open_watched(model: Model, _: object) -> VLLMEngine:
    assert model.engine == "vllm"
    return WatchedEngine(model)


@pytest.fixture
def make(tmp_path: Path, checkpoint: str) -> MakePlan:
    return MakePlan(tmp_path, checkpoint)


class MakePlan:
    """Plans the recipe: `one` and `two` are the same weights in two folders."""

    def __init__(self, folder: Path, checkpoint: str) -> None:
        self.folder = folder
        self.recipe = folder / "r.yaml"
        places = [folder / "one", folder / "two"]
        for place in places:
            shutil.copytree(checkpoint, place)
        self.models = [
            json.dumps({
                "engine": "vllm", "model": str(place), "dtype": "float32", "context": CONTEXT,
                "batch": 16, "engine_args": {"enforce_eager": True},
            })
            for place in places
        ]  # fmt: skip

    def __call__(self, second: str = "one", store: str = "store") -> Plan:
        result, two = self.models
        self.recipe.write_text(RECIPE.format(problems=PROBLEMS, one=result, two=two, second=second))
        return plan.make_plan(str(self.recipe), None, str(self.folder / store))


def read_texts(value: Plan) -> dict[str, str]:
    """The completions of all tables, by request."""
    texts: dict[str, str] = {}
    for job in value.jobs[1:-1]:
        for part in value.done[job.name].receipt.parts:
            rows: pl.DataFrame = job.folder().read(part, ["request_id", "text"])
            texts |= dict(rows.select("request_id", "text").iter_rows())
    return texts


def test_tables_that_ask_the_same_model_share_one_process(make: MakePlan) -> None:
    with ThreadExecutor(3) as threads:
        result = materialize(make(), threads)
    assert len(WatchedEngine.started) == 1
    assert len(Ledger(Store(result.store))) == ASKED


def test_models_that_do_not_fit_together_are_never_loaded_together(make: MakePlan) -> None:
    with ThreadExecutor(3) as threads:
        materialize(make(second="two"), threads)
    assert len(WatchedEngine.started) == 2, "each once: all that ask the first come before the second"
    assert WatchedEngine.beside == []


def test_a_worker_that_is_killed_costs_nothing_but_time(make: MakePlan) -> None:
    expected = read_texts(materialize(make(store="undisturbed")))
    disturbed = make(store="disturbed")
    WatchedEngine.started.clear()
    with ThreadExecutor(1) as threads:
        building = threads._pool.submit(materialize, disturbed)
        ledger = Path(disturbed.store) / "ledger"
        wait_until(lambda: building.done() or (WatchedEngine.started and ledger.exists() and any(ledger.iterdir())))
        os.kill(WatchedEngine.started[0], signal.SIGKILL)
        result = building.result(600)
    assert read_texts(result) == expected
    assert len(Ledger(Store(result.store))) == ASKED, "what was answered before is not asked again"


BUILD = """
import sys
from flows.planning import engines, plan
from flows.running.run_plan import materialize
from tests.vllm.test_builds import WatchedEngine
class Told(WatchedEngine):
    def _start(self, replica):
        process = super()._start(replica)
        print(process.pid, flush=True)
        return process
engines.open_engine = lambda model, _: Told(model)
materialize(plan.make_plan(sys.argv[1], None, sys.argv[2]))
"""


def test_a_killed_build_leaves_nothing_and_started_again_makes_the_same(make: MakePlan) -> None:
    expected = read_texts(materialize(make(store="undisturbed")))
    disturbed = make(store="disturbed")
    command = [sys.executable, "-c", BUILD, str(make.recipe), disturbed.store]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "catalog"), str(ROOT)])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as build:
        assert build.stdout
        worker = int(build.stdout.readline())
        ledger = Path(disturbed.store) / "ledger"
        wait_until(lambda: build.poll() is not None or (ledger.exists() and any(ledger.iterdir())))
        build.send_signal(signal.SIGKILL)
    wait_until(lambda: not group_lives(worker))
    before = len(Ledger(Store(disturbed.store)))
    assert before > 0
    result = materialize(make(store="disturbed"))
    assert read_texts(result) == expected
    assert len(Ledger(Store(result.store))) == ASKED


def wait_until(holds: object, seconds: float = 600) -> None:
    until = time.monotonic() + seconds
    assert callable(holds)
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)
