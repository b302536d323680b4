"""How much of the time of `generate` the engine works: `python -m tests.benchmarks.generate`.

The same requests go through the whole mechanism (tables, ledger, replies into
rows, contracts) and, in the same round, through a bare loop over the same
engine. Two figures: the share of `generate`'s wall time in which its engine
was at work, and its wall time over the bare loop's.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import TableJob
from flows.running.run_plan import ThreadExecutor, materialize_generation
from schemas.recipe.models import Abacus
from schemas.request import Completion, Reply, Request
from tasks.engines.abacus.engine import AbacusEngine

RECIPE = """\
corpus: busy
version: 0.1.0
title: T
license: Apache-2.0
models: {{abacus: {{engine: abacus}}}}
tables:
  problems: {{task: world, count: {count}}}
  solutions:
    task: generate
    from: problems
    models: [abacus]
    prompt: abacus-solve
    sampling: [{{temperature: 1.0, samples: {samples}}}, {{temperature: 0.0}}]
    max_tokens: 300
  steps: {{task: split, from: solutions}}
  release: {{task: release, from: steps, splits: {{all: 1}}}}
"""


class Watched(AbacusEngine):
    """The embedded engine with a clock that runs while it works."""

    busy = 0.0
    asked: tuple[Request, ...] = ()

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        Watched.asked += tuple(requests)
        replies = super().answer(requests)
        while True:
            began = time.perf_counter()
            reply = next(replies, None)
            Watched.busy += time.perf_counter() - began
            if reply is None:
                return
            yield reply


def made(folder: Path, count: int, samples: int) -> TableJob:
    """The work of `generate`, its problems made."""
    recipe = folder / "busy.yaml"
    recipe.write_text(RECIPE.format(count=count, samples=samples))
    problems = planning.make_plan(str(recipe), None, str(folder / "store")).jobs[0]
    with ThreadExecutor(1) as executor:
        materialize_generation([problems], executor)
    return planning.make_plan(str(recipe), None, str(folder / "store")).jobs[1]


def tokens(replies: Sequence[Reply]) -> int:
    """Tokens of completions."""
    return sum(reply.tokens for reply in replies if isinstance(reply, Completion))


def once(count: int, samples: int) -> tuple[float, float, float, int]:
    """Seconds of `generate`, of its engine, of the bare loop, and tokens made."""
    with tempfile.TemporaryDirectory() as name:
        work = made(Path(name), count, samples)
        Watched.busy, Watched.asked = 0.0, ()
        with patch.object(engines, "open_engine", lambda model, spent: Watched(model)):
            began = time.perf_counter()
            with ThreadExecutor(1) as executor:
                materialize_generation([work], executor)
            whole, busy = time.perf_counter() - began, Watched.busy
        assert len(Ledger(Store(work.store))) == len(Watched.asked) == count * (samples + 1)
    bare = AbacusEngine(Abacus(engine="abacus"))
    began = time.perf_counter()
    made_ = tokens(list(bare.answer(Watched.asked)))
    loop = time.perf_counter() - began
    bare.close()
    return whole, busy, loop, made_


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=1000)
    parser.add_argument("--samples", type=int, default=4, help="at T=1; a greedy one comes on top")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    rounds = []
    for number in range(given.rounds):
        print(f"round {number + 1} of {given.rounds} …", file=sys.stderr, flush=True)
        rounds.append(once(given.problems, given.samples))
    shown = Table("", "median", "lowest", "highest")
    for name, figures in (
        ("engine at work, of generate's time", [busy / whole for whole, busy, _, _ in rounds]),
        ("generate's time / bare loop's", [whole / loop for whole, _, loop, _ in rounds]),
    ):
        shown.add_row(name, *(f"{item(figures):.3f}" for item in (statistics.median, min, max)))
    for name, figures in (
        ("generate, tokens/s", [made_ / whole for whole, _, _, made_ in rounds]),
        ("bare loop, tokens/s", [made_ / loop for _, _, loop, made_ in rounds]),
    ):
        shown.add_row(name, *(f"{item(figures):,.0f}" for item in (statistics.median, min, max)))
    Console().print(shown)
    version = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"{given.problems} problems, {os.cpu_count()} cores, commit {version.stdout.strip() or '?'}")


if __name__ == "__main__":
    main()
