"""What a second replica brings, and what ends of windows cost: `python -m tests.benchmarks.replicas`.

A table is asked of one and of two replicas in turns: of a stand-in, whose
replicas answer so many requests at once, each after a time of its own, and of
Abacus. Idle is the share of places that had nothing to do while the
table was asked. `--commit` measures an earlier commit's worktree the same way, with
one replica of the stand-in.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from random import Random
from threading import Lock
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.running.kinds import asking, from_seed
from flows.running.run_plan import materialize
from schemas.request import Completion, Reply, Request

RECIPE = """\
corpus: replicas
version: 0.1.0
title: Replicas
license: MIT
models:
  solver: {model}
tables:
  problems: {{task: world, count: {problems}, level: 2}}
  solutions:
    {{task: generate, from: problems, models: [solver], prompt: abacus-solve, max_tokens: 60, sampling: [{{temperature: 0.8, samples: 4}}]}}
  release: {{task: release, from: solutions, splits: {{all: 1}}}}
"""
PLACES = 8
"""Requests that a replica of the stand-in works on at once."""
SECONDS = 0.02
"""Its time for most of them; one in fifty takes ten times as long."""
WINDOW = 400


class StandIn:
    """Replicas that answer after a while, each so many at once; counts how long its places worked."""

    name = "stand-in 1"

    def __init__(self, replicas: int) -> None:
        self.places = replicas * PLACES
        self._pool = ThreadPoolExecutor(self.places)
        self._lock = Lock()
        self.worked = self.first = self.last = 0.0

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Each reply as soon as it is there."""
        for future in as_completed([self._pool.submit(self._answer, request) for request in requests]):
            yield future.result()

    def _answer(self, request: Request) -> Reply:
        began = time.perf_counter()
        time.sleep(SECONDS * (10 if Random(request.id).random() < 0.02 else 1))
        with self._lock:
            self.last = time.perf_counter()
            self.first = self.first or began
            self.worked += self.last - began
        return Completion(
            request.id, "#### 4", "stop", request.sampling.max_tokens, 10, 5, None, self.name, time.time()
        )

    @property
    def idle(self) -> float:
        """The share of its places that had nothing to do."""
        return 1 - self.worked / (self.places * (self.last - self.first))

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown()


def make_plan(folder: Path, model: dict[str, Any], problems: int) -> Plan:
    """The plan of a table that asks, its problems made."""
    recipe = folder / "replicas.yaml"
    recipe.write_text(RECIPE.format(model=json.dumps(model), problems=problems), "utf-8")
    return planning.make_plan(str(recipe), None, str(folder / "store"))


def ask_stand_in(replicas: int, problems: int) -> dict[str, float]:
    """Replies a second of the stand-in, and its idle share."""
    engine = StandIn(replicas)
    with (
        tempfile.TemporaryDirectory() as folder,
        patch.object(engines, "open_engine", lambda *_: engine),
        patch.object(asking, "WINDOW", WINDOW),
        patch.object(from_seed, "ROWS_OF_A_PARTITION", 25),
    ):
        materialize(make_plan(Path(folder), {"engine": "openai", "model": "stand-in"}, problems))
    return {"rate": 4 * problems / (engine.last - engine.first), "idle": engine.idle}


def ask_abacus(replicas: int, problems: int) -> dict[str, float]:
    """Replies a second of Abacus, its loading among them."""
    with tempfile.TemporaryDirectory() as folder, patch.object(from_seed, "ROWS_OF_A_PARTITION", 25):
        plan = make_plan(Path(folder), {"engine": "abacus", "replicas": replicas}, problems)
        began = time.perf_counter()
        materialize(plan)
        return {"rate": 4 * problems / (time.perf_counter() - began)}


def ask_commit(worktree: str, problems: int) -> dict[str, float]:
    """The stand-in with one replica, by the code of another worktree."""
    code = f"import sys, json; sys.path[:0] = [{worktree!r}, {worktree + '/catalog'!r}]; import runpy; \
module = runpy.run_path({__file__!r}); print(json.dumps(module['ask_stand_in'](1, {problems})))"
    environment = {**os.environ, "PYTHONPATH": f"{worktree}/catalog{os.pathsep}{worktree}"}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=600, help="of the stand-in, four samples each")
    parser.add_argument("--abacus", type=int, default=150, help="problems of Abacus; 0 leaves it out")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--worktree", help="a folder with another commit, asked by the stand-in with one replica")
    given = parser.parse_args()
    cases = {
        "stand-in, 1 replica": partial(ask_stand_in, 1, given.problems),
        "stand-in, 2 replicas": partial(ask_stand_in, 2, given.problems),
    }
    if given.worktree:
        cases["stand-in, 1 replica, other commit"] = partial(ask_commit, given.worktree, given.problems)
    if given.abacus:
        cases |= {f"Abacus, {n} replica{'s' * (n > 1)}": partial(ask_abacus, n, given.abacus) for n in (1, 2)}
    results: dict[str, list[dict[str, float]]] = {case: [] for case in cases}
    for number in range(given.rounds):
        for case in list(cases)[:: 1 if number % 2 == 0 else -1]:
            results[case].append(cases[case]())
    table = Table("", "replies/s, median", "lowest", "highest", "idle, median")
    for case, figures in results.items():
        rates = [figure["rate"] for figure in figures]
        idle = f"{statistics.median(figure['idle'] for figure in figures):.1%}" if "idle" in figures[0] else ""
        table.add_row(case, *(f"{of(rates):,.1f}" for of in (statistics.median, min, max)), idle)
    Console().print(table)
    print(f"{os.cpu_count()} cores")


if __name__ == "__main__":
    main()
