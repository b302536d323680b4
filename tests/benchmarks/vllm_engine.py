"""How much of a GPU a build uses: `python -m tests.benchmarks.vllm_engine --weights FOLDER_OR_HUB_NAME`.

Two tables. The first: `generate` over vLLM beside the bare `LLM.chat` with the
same chats, seeds and settings, in pairs within one run; both without loading.
The second, with `--recipe`: a whole build, how often models were loaded, for
what share of the time of its model stages the engine had requests inside, and,
where nvidia-smi is, the mean utilization of the GPU meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.cli.build import parse_changes
from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import Plan, TableJob
from flows.running.kinds import find_kind
from flows.running.partitions import read_partition
from flows.running.run_plan import ThreadExecutor, materialize, materialize_generation
from flows.running.watcher import Watcher
from schemas.recipe.models import VLLM
from schemas.request import Completion, Request
from tasks.engines.replicas.engine import Replica
from tasks.engines.vllm import engine as vllm_engine
from tasks.engines.vllm.engine import VLLMEngine
from tasks.generate import GENERATE, GenerateParameters
from tasks.worker_process import WorkerHandle

BARE = Path(__file__).with_name("bare_vllm.py")
PROBLEMS = Path(__file__).parents[2] / "catalog" / "recipes" / "sample" / "problems.jsonl"
RECIPE = """\
corpus: throughput
version: 0.1.0
title: T
license: Apache-2.0
models: {{small: {model}}}
tables:
  problems: {{task: load, files: ['{problems}'], set: set, question: question, answer: answer}}
  solutions: {{task: generate, from: problems, models: [small], sampling: [{{temperature: 0.8, samples: {samples}}}], max_tokens: {tokens}}}
  release: {{task: release, from: solutions, splits: {{all: 1}}}}
"""


class CountedEngine(VLLMEngine):
    """The engine, and how often one was started."""

    opened: list[CountedEngine] = []
    loads = 0
    is_loading = False

    def __init__(self, model: VLLM) -> None:
        super().__init__(model)
        CountedEngine.opened.append(self)

    def _start(self, replica: Replica) -> WorkerHandle:
        CountedEngine.loads += 1
        self.is_loading = True
        try:
            return super()._start(replica)
        finally:
            self.is_loading = False

    @property
    def is_busy(self) -> bool:
        """Whether it has requests inside."""
        return self._queue.has_inside(0) and self.loaded


class Kept(CountedEngine):
    """An engine that a table does not close."""

    def close(self) -> None:
        """Nothing."""

    def end(self) -> None:
        """Close it."""
        super().close()


class StageClock(Watcher):
    """What share of the time in which tables ask models the engine had requests inside."""

    def __init__(self, asking: set[str]) -> None:
        self.asking, self.running = asking, set[str]()
        self.samples: list[bool] = []
        """Whether an engine was busy, while none was loading."""
        self.loading = 0
        self.utilization: list[float] = []
        self.over = Event()
        self.threads = [Thread(target=self._look, daemon=True), Thread(target=self._look_at_gpus, daemon=True)]
        for thread in self.threads:
            thread.start()

    def begin(self, table: str, rows: int | None, done: int) -> None:
        """A table that asks is running."""
        if table in self.asking:
            self.running.add(table)

    def end(self, table: str, kept: int, rejected: int) -> None:
        """It is not any more."""
        self.running.discard(table)

    def _look(self) -> None:
        while not self.over.wait(0.05):
            if self.running and any(engine.is_loading for engine in CountedEngine.opened):
                self.loading += 1
            elif self.running:
                self.samples.append(any(engine.is_busy for engine in CountedEngine.opened))

    def _look_at_gpus(self) -> None:
        command = ["nvidia-smi", "--query-gpu=utilization.gpu", "--format=csv,noheader,nounits"]
        while shutil.which(command[0]) and not self.over.wait(0.5):
            if self.running:
                output = subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
                self.utilization += [max(map(float, output))] if output else []


def make_solutions_job(folder: Path, given: argparse.Namespace) -> TableJob:
    """The work of `generate`, its problems made."""
    model: dict[str, Any] = {"engine": "vllm", "model": given.weights, "memory": given.memory, "dtype": given.dtype}
    model |= {"batch": given.batch} if given.batch else {}
    model |= {"context": given.context} if given.context else {}
    model |= {"engine_args": {"enforce_eager": True}} if given.eager else {}
    recipe = folder / "throughput.yaml"
    samples = -(-given.chats // 40)
    recipe.write_text(
        RECIPE.format(model=json.dumps(model), problems=PROBLEMS, samples=samples, tokens=given.tokens), "utf-8"
    )
    problems = planning.make_plan(str(recipe), None, str(folder / "store"), trust=True).jobs[0]
    with ThreadExecutor(1) as executor:
        materialize_generation([problems], executor)
    return planning.make_plan(str(recipe), None, str(folder / "store"), trust=True).jobs[1]


def list_requests(job: TableJob) -> list[Request]:
    """All that the table asks."""
    assert isinstance(job.parameters, GenerateParameters)
    names = {asked.name: asked.named for asked in job.models}
    parts = (read_partition(job, partition) for partition in find_kind(job).partitions)
    return [request for part in parts for request in next(GENERATE.ask(part, job.parameters, names))]


def time_ours(job: TableJob) -> tuple[float, int]:
    """Seconds of the table over an engine that is loaded, and tokens that came."""
    model = job.models[0].model
    assert isinstance(model, VLLM)
    engine = Kept(model)
    engine.load()
    try:
        with patch.object(engines, "open_engine", lambda *_: engine):
            began = time.perf_counter()
            with ThreadExecutor(1) as executor:
                materialize_generation([job], executor)
            seconds = time.perf_counter() - began
    finally:
        engine.end()
    result = Ledger(Store(job.store)).find(list_requests(job))
    return seconds, sum(reply.tokens for reply in result.values() if isinstance(reply, Completion))


def time_bare(job: TableJob, requests: Sequence[Request]) -> tuple[float, int]:
    """Seconds and tokens of `LLM.chat` with the same chats and settings."""
    model = job.models[0].model
    assert isinstance(model, VLLM)
    asked = [vllm_engine._ask(0, request) for request in requests]
    given = {
        "worker": str(vllm_engine.WORKER),
        "options": vllm_engine._options(model),
        "chats": [each["messages"] for each in asked],
        "sampling": [each["sampling"] for each in asked],
    }
    run = subprocess.run(
        [vllm_engine.find_python(), "-E", str(BARE)], input=json.dumps(given), capture_output=True, text=True,
        check=False, env=vllm_engine._environment(model) | {"VLLM_CPU_KVCACHE_SPACE": "2", "VLLM_NO_USAGE_STATS": "1"},
    )  # fmt: skip
    if run.returncode:
        sys.exit(f"bare vLLM failed:\n{run.stderr[-3000:]}")
    result = json.loads(run.stdout.strip().splitlines()[-1])
    return result["seconds"], result["tokens"]


def compare(given: argparse.Namespace) -> Table:
    """Tokens a second of both, in pairs, who comes first changing."""
    pairs = []
    for number in range(given.rounds):
        print(f"round {number + 1} of {given.rounds} …", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory() as name:
            job = make_solutions_job(Path(name), given)
            requests = list_requests(job)
            runs: list[Callable[[], tuple[float, int]]] = [partial(time_ours, job), partial(time_bare, job, requests)]
            results = [run() for run in (runs if number % 2 == 0 else runs[::-1])]
            (ours, our_tokens), (bare, bare_tokens) = results if number % 2 == 0 else results[::-1]
            pairs.append((our_tokens / ours, bare_tokens / bare))
    shown = Table(f"{len(requests)} chats of {given.tokens} tokens", "median", "lowest", "highest")
    for name, figures, form in (
        ("generate, tokens/s", [ours for ours, _ in pairs], ",.0f"),
        ("bare LLM.chat, tokens/s", [bare for _, bare in pairs], ",.0f"),
        ("generate's / bare", [ours / bare for ours, bare in pairs], ".3f"),
    ):
        shown.add_row(name, *(format(of(figures), form) for of in (statistics.median, min, max)))
    return shown


def measure_build(plan: Plan) -> Table:
    """A whole build of a recipe: its loads, and how busy its engines were."""
    CountedEngine.opened.clear()
    CountedEngine.loads = 0
    clock = StageClock({job.name for job in plan.jobs if job.models})
    began = time.perf_counter()
    with patch.object(engines, "open_engine", lambda model, _: CountedEngine(model)):
        materialize(plan, watcher=clock)
    seconds = time.perf_counter() - began
    clock.over.set()
    for thread in clock.threads:
        thread.join()
    models = {asked.model.model_dump_json() for job in plan.jobs for asked in job.models}
    shown = Table("a whole build", "")
    shown.add_row("seconds", f"{seconds:,.0f}")
    shown.add_row("models, and loads of them", f"{len(models)}, {CountedEngine.loads}")
    looks = clock.loading + len(clock.samples)
    shown.add_row("looks while tables asked", f"{looks:,}")
    shown.add_row("of these a model was loading", f"{clock.loading / max(1, looks):.1%}")
    shown.add_row("of the others the engine was busy", f"{statistics.mean(clock.samples or [False]):.1%}")
    utilization = f"{statistics.mean(clock.utilization):.0f} %" if clock.utilization else "no nvidia-smi"
    shown.add_row("utilization of the GPU, mean", utilization)
    return shown


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", required=True, help="a folder or a name on the Hub")
    parser.add_argument("--chats", type=int, default=3200)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--batch", type=int, help="sequences at once, of both; else what vLLM chooses")
    parser.add_argument("--context", type=int)
    parser.add_argument("--memory", type=float, default=0.9)
    parser.add_argument("--dtype", default="auto")
    parser.add_argument(
        "--eager", action="store_true", help="compile nothing, of both: loads in a minute on a processor"
    )
    parser.add_argument("--rounds", type=int, default=3, help="0 for the build alone")
    parser.add_argument("--recipe", help="a recipe to build, such as catalog/recipes/gsm8k_real.yaml")
    parser.add_argument("--data", help="its --data")
    parser.add_argument("--model", action="append", default=[], help="as of `errata build`: solver.model=FOLDER")
    given = parser.parse_args()
    console = Console()
    if given.rounds:
        console.print(compare(given))
    if given.recipe:
        with tempfile.TemporaryDirectory() as store:
            console.print(
                measure_build(
                    planning.make_plan(given.recipe, given.data, store, parse_changes(given.model), trust=True)
                )
            )
    version = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    print(f"{os.cpu_count()} cores, commit {version.stdout.strip() or '?'}")


if __name__ == "__main__":
    main()
