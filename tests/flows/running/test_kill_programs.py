"""Kill -9 a build that runs programs, at random moments, and start again: the same release, and no program runs again whose end the ledger has."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from catalog.ledger.writer import COUNT
from tasks.engines.python.sandbox import find_fault
from tests.command import ROOT, files_of
from tests.flows.running.test_kill_recipes import count_files
from tests.tasks.engines.test_python_kill import is_alive, list_descendants

pytestmark = [pytest.mark.kill, pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")]

KILLS, WAIT = 6, 600
RELEASE = "releases/code/0.1.0"
BUILD = """
import sys
from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
from tasks.engines.python.engine import PythonEngine

run, log = PythonEngine._run, open(sys.argv[3], "a", buffering=1)

def logged(self, request):
    log.write(request.id + "\\n")
    return run(self, request)

PythonEngine._run = logged
publish_release(materialize(make_plan(sys.argv[1], None, sys.argv[2])))
"""
"""A build that logs each program when it begins."""


def start(recipe: Path, store: Path, log: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", BUILD, str(recipe), str(store), str(log)]
    return subprocess.Popen(command, env=env, start_new_session=True)


def read_log(log: Path) -> list[str]:
    """The programs that began, in their order; a line that a kill cut off is none."""
    return [line for line in log.read_text().split("\n")[:-1] if len(line) == 32] if log.exists() else []


def kill_at_work(build: subprocess.Popen[bytes], now: Callable[[], bool], later: float) -> bool:
    """Kill a build some seconds after it is time; whether it was still at work. Nothing of it is left."""
    while build.poll() is None and not now():
        time.sleep(0.01)
    time.sleep(later)
    begun = list_descendants(build.pid)
    if build.poll() is None:
        os.killpg(build.pid, signal.SIGKILL)
    was_killed = build.wait() == -signal.SIGKILL
    until = time.monotonic() + 120
    while any(map(is_alive, begun)) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [pid for pid in begun if is_alive(pid)], "a program outlived its build"
    return was_killed


def test_killed_at_any_moment_it_goes_on_and_runs_nothing_twice_that_the_ledger_has(tmp_path: Path) -> None:
    recipe, chance, log = tmp_path / "code.yaml", random.Random(), tmp_path / "log"
    recipes = ROOT / "catalog" / "recipes"
    recipe.write_text(re.sub(r"count: \d+", "count: 40", (recipes / "code.yaml").read_text("utf-8")))
    shutil.copytree(recipes / "sample", tmp_path / "sample")
    assert start(recipe, tmp_path / "undisturbed", tmp_path / "whole").wait(WAIT) == 0
    files = 0.9 * count_files(tmp_path / "undisturbed")
    whole = Counter(read_log(tmp_path / "whole"))
    assert len(whole) > 200 and set(whole.values()) == {1}, "an undisturbed build ran a program twice"
    store, kills = tmp_path / "killed", 0
    kept: set[str] = set()
    for number in range(KILLS):  # spread over the build, each a little later than a commit, or a segment of the ledger
        before, enough = len(read_log(log)), (number + chance.random()) * files / KILLS
        build = start(recipe, store, log)
        kills += kill_at_work(build, lambda: count_files(store) >= enough, chance.random())  # noqa: B023
        assert not kept.intersection(read_log(log)[before:]), "a program ran again that the ledger has"
        kept = (
            set(pl.read_parquet(f"{store}/ledger/*.parquet")["request"])
            if any(store.glob("ledger/*.parquet"))
            else kept
        )
    assert kills >= KILLS // 3 and kept, "the builds ended, or kept nothing, before they could be killed"
    assert start(recipe, store, log).wait(WAIT) == 0
    expected = files_of(tmp_path / "undisturbed" / RELEASE)
    assert expected and files_of(store / RELEASE) == expected
    ran = Counter(read_log(log))
    assert ran.keys() == whole.keys()
    assert ran.total() - len(whole) <= kills * (COUNT + (os.cpu_count() or 1))
