"""Kill -9 while models are being asked, and start again: the same release, and at most one flush asked again each time."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.ledger import Ledger
from catalog.ledger.writer import COUNT
from catalog.storage import Store
from tasks.engines.replicas.call_queue import UNTAKEN
from tasks.engines.vllm.engine import INSIDE
from tests.command import ROOT, files_of
from tests.faulty_server import Act, Asked, FaultyServer, completion
from tests.tasks.engines.vllm.opening import wait_until_dead

pytestmark = pytest.mark.kill

KILLS, CONCURRENCY = 20, 16
RELEASE = "releases/killed/0.1.0"
RECIPE = """\
corpus: killed
version: 0.1.0
title: T
license: Apache-2.0
seed: 3
models:
  one: {model}
tables:
  problems: {{task: world, count: {count}, level: 1}}
  solutions:
    task: generate
    from: problems
    models: [one]
    prompt: abacus-solve
    sampling: [{{temperature: 1.0, samples: 4}}]
    max_tokens: 120
  steps: {{task: split, from: solutions}}
  release: {{task: release, from: steps, splits: {{train: 0.8, test: 0.2}}}}
"""


BUILD = """
import sys
from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
publish_release(materialize(make_plan(sys.argv[1], None, sys.argv[2])))
"""
"""A build without Prefect, whose start takes longer than what is killed here."""


def start(recipe: Path, store: Path, code: str = BUILD) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    return subprocess.Popen([sys.executable, "-c", code, str(recipe), str(store)], env=env, start_new_session=True)


def killed(build: subprocess.Popen[bytes], now: Callable[[], bool]) -> bool:
    """Kill a build when it is time; whether it was still at work."""
    while build.poll() is None and not now():
        time.sleep(0.002)
    if build.poll() is None:
        os.killpg(build.pid, signal.SIGKILL)
    return build.wait() == -signal.SIGKILL


def answer(asked: Asked) -> Act:
    """The same to the same request whenever it comes."""
    time.sleep(0.004)
    seed = int(asked.body["seed"])
    return completion(f"1. {seed % 50} + 1 = {seed % 50 + 1} apples\n#### {seed % 50 + 1}")


def test_twenty_kills_ask_at_most_a_flush_again_each(tmp_path: Path) -> None:
    chance, kills = random.Random(), 0
    recipe = tmp_path / "killed.yaml"
    with FaultyServer(answer) as server:
        model = f"{{engine: openai, model: m, url: '{server.url}', concurrency: {CONCURRENCY}}}"
        recipe.write_text(RECIPE.format(model=model, count=600))
        assert start(recipe, tmp_path / "undisturbed").wait(900) == 0
        whole = len(server.asked)
        assert whole == sum(server.served.values()) == 2400
        stores = [tmp_path / "killed-0"]
        while kills < KILLS:
            asked, enough = len(server.asked), chance.randint(1, 700)
            end = asked + enough
            kills += killed(start(recipe, stores[-1]), lambda: len(server.asked) >= end)  # noqa: B023
            if (stores[-1] / RELEASE).exists():
                stores.append(tmp_path / f"killed-{len(stores)}")
        for store in stores:
            assert start(recipe, store).wait(900) == 0
            assert files_of(store / RELEASE) == files_of(tmp_path / "undisturbed" / RELEASE)
            assert len(Ledger(Store(str(store)))) == whole
        again = len(server.asked) - whole * (1 + len(stores))
        assert 0 <= again <= kills * (COUNT + CONCURRENCY), f"{again} requests were asked again after {kills} kills"


BUILD_WITH_WORKER = """
import sys
from pathlib import Path
from flows.planning import engines
from tasks.engines.vllm.engine import VLLMEngine
engines.open_engine = lambda model, _: VLLMEngine(model, worker=Path(sys.argv[3]))
""" + BUILD.lstrip()
FAKE_WORKER = ROOT / "tests" / "tasks" / "engines" / "vllm" / "fake_worker.py"


def test_a_killed_build_takes_its_worker_along_and_started_again_asks_little_twice(tmp_path: Path) -> None:
    recipe, log = tmp_path / "killed.yaml", tmp_path / "log"
    model = "{engine: vllm, model: fake, batch: 16, context: 6000}"
    recipe.write_text(RECIPE.format(model=model, count=400).replace("max_tokens: 120", "max_tokens: 5000"))

    def start_worker(store: Path) -> subprocess.Popen[bytes]:
        env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}", "FAKE_VLLM_LOG": str(log)}
        env["ERRATA_VLLM_PYTHON"] = sys.executable
        command = [sys.executable, "-c", BUILD_WITH_WORKER, str(recipe), str(store), str(FAKE_WORKER)]
        return subprocess.Popen(command, env=env, start_new_session=True)

    def read_log() -> list[list[str]]:
        return [line.split() for line in log.read_text().splitlines()] if log.exists() else []

    assert start_worker(tmp_path / "undisturbed").wait(900) == 0
    whole, undisturbed = len(read_log()), {seed for _, seed in read_log()}
    assert whole == len(undisturbed) == 1600
    log.unlink()
    ledger = tmp_path / "killed" / "ledger"
    assert killed(start_worker(tmp_path / "killed"), lambda: len(list(ledger.glob("*"))) >= 2), "it ended before"
    (worker,) = {int(pid) for pid, _ in read_log()}
    wait_until_dead(worker)
    assert start_worker(tmp_path / "killed").wait(900) == 0
    assert files_of(tmp_path / "killed" / RELEASE) == files_of(tmp_path / "undisturbed" / RELEASE)
    assert {seed for _, seed in read_log()} == undisturbed
    assert 0 <= len(read_log()) - whole <= COUNT + UNTAKEN * INSIDE * 16


BUILD_THAT_STOPS = """
import itertools, time
from tasks.engines.abacus.engine import AbacusEngine

answer, count = AbacusEngine.answer, itertools.count(1)

def stop_after_some(self, requests):
    for reply in answer(self, requests):
        yield reply
        if next(count) >= 300:
            time.sleep(3600)

AbacusEngine.answer = stop_after_some
""" + BUILD.lstrip()
"""A build that stands still when some are answered, more than a flush."""


def test_abacus_killed_says_the_same_afterwards(tmp_path: Path) -> None:
    recipe, chance = tmp_path / "killed.yaml", random.Random()
    recipe.write_text(RECIPE.format(model="{engine: abacus}", count=300))
    assert start(recipe, tmp_path / "undisturbed").wait(900) == 0
    store = tmp_path / "killed"
    ledger = store / "ledger"
    for flushes in (1, 2, 3):
        wait = time.monotonic() + chance.uniform(0, 0.5)
        assert killed(
            start(recipe, store, BUILD_THAT_STOPS),
            lambda: len(list(ledger.glob("*"))) >= flushes and time.monotonic() > wait,  # noqa: B023
        ), "the build ended before it could be killed"
    assert start(recipe, store).wait(900) == 0
    assert files_of(store / RELEASE) == files_of(tmp_path / "undisturbed" / RELEASE)
