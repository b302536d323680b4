"""Kill -9 in any round of a revision, and start again: the same release, and nothing that the ledger has is asked again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from catalog.ledger import Ledger
from catalog.ledger.writer import COUNT
from catalog.storage import Store
from tests.command import ROOT, files_of

pytestmark = pytest.mark.kill

RELEASE = "releases/revised/0.1.0"
RECIPE = """\
corpus: revised
version: 0.1.0
title: T
license: Apache-2.0
models:
  pupil: {engine: world, skill: {slips: 0.7}}
  critic: {engine: world, skill: {misses: 0.2, elsewhere: 0.2}, seed: 1}
  reviser: {engine: world, skill: {fixes: 0.5, guesses: 0.1}, seed: 2}
tables:
  problems: {task: world, count: 150, level: 3}
  solutions: {task: generate, from: problems, models: [pupil], prompt: abacus-solve, sampling: [{temperature: 1.0, samples: 2}]}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  turns: {task: revise, from: verified, actor: reviser, critics: [critic], prompt: abacus-solve, turns: 4, samples: 3}
  release: {task: release, from: turns, splits: {all: 1}}
"""
BUILD = """
import sys, time
from pathlib import Path
from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
from tasks.engines.world.engine import WorldEngine

answer, path, most = WorldEngine._answer, Path(sys.argv[3]), int(sys.argv[4])
log = open(path, "a", buffering=1)

def slow(self, request):
    if path.read_bytes().count(b"\\n") >= most:
        time.sleep(3600)
    log.write(request.id + "\\n")
    return answer(self, request)

WorldEngine._answer = slow
publish_release(materialize(make_plan(sys.argv[1], None, sys.argv[2])))
"""
"""A build whose every request is logged when it is asked, and which stands still when so many were."""


def start(recipe: Path, store: Path, log: Path, most: int = 10**9) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", BUILD, str(recipe), str(store), str(log), str(most)]
    return subprocess.Popen(command, env=env, start_new_session=True)


def count_asked(log: Path) -> int:
    return log.read_bytes().count(b"\n") if log.exists() else 0


def test_killed_in_any_round_it_goes_on_and_is_the_same(tmp_path: Path) -> None:
    recipe, chance, log = tmp_path / "revised.yaml", random.Random(), tmp_path / "log"
    recipe.write_text(RECIPE)
    assert start(recipe, tmp_path / "undisturbed", tmp_path / "whole").wait(900) == 0
    whole = Counter((tmp_path / "whole").read_text().split())
    assert len(whole) > 1000 and set(whole.values()) == {1}, "an undisturbed build asked something twice"
    shares = (0.25, 0.45, 0.65, 0.85)
    for share in shares:
        most = int(share * len(whole)) + chance.randint(0, 50)
        build = start(recipe, tmp_path / "killed", log, most)
        while build.poll() is None and count_asked(log) < most:
            time.sleep(0.005)
        os.killpg(build.pid, signal.SIGKILL)
        assert build.wait() == -signal.SIGKILL
    assert start(recipe, tmp_path / "killed", log).wait(900) == 0
    assert files_of(tmp_path / "killed" / RELEASE) == files_of(tmp_path / "undisturbed" / RELEASE)
    asked = Counter(log.read_text().split())
    assert asked.keys() == whole.keys() and len(Ledger(Store(str(tmp_path / "killed")))) == len(whole)
    assert asked.total() - len(whole) <= len(shares) * COUNT, "more than what was not yet in the ledger was asked again"
