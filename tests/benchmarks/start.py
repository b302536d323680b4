"""How long one waits before anything happens: `python -m tests.benchmarks.start [--store STORE]`.

Each command runs in a process of its own, as a user starts it, several times,
and the fastest counts: the machine may be busy with other things. Beside the
time on the clock stands that of processors, which other work hardly changes. The store is one in which
catalog/recipes/abacus.yaml was built (make corpus); without it what needs it
is left out. Bytecode is written beside a first run that does not count. Exits
non-zero where a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from flows.planning.plan import make_plan
from tests.command import ROOT

PROBLEMS = 200
ROWS = (("What is 3 plus 4?", "7", "7"), ("What do 6 books of 5 dollars cost?", "30", "35"), ("What is 12 less 5?", "7", "7"), ("What is 3 times 60?", "180", "180"))  # fmt: skip
RECIPE = """\
corpus: four
version: 0.1.0
title: Four rows
license: Apache-2.0
tables:
  generations: {task: import, files: [rows.jsonl], set: {value: four}, question: question, answer: gold, text: text, model: {value: m}}
  steps: {task: split, from: generations}
  verified: {task: verify, from: steps}
  unpaired: {task: view, from: verified, format: unpaired-preference}
  release: {task: release, from: unpaired, splits: {train: 1.0}}
gates: []
"""


@dataclass(frozen=True)
class Figure:
    """Something that is timed, and the seconds that it may take."""

    name: str
    most: float
    commands: Sequence[Sequence[str]]
    before: Callable[[], None] = lambda: None
    """Puts things as they were before each time."""


def run(arguments: Sequence[str], folder: Path) -> tuple[float, float]:
    """Run the command; seconds on the clock, and of processors."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONDONTWRITEBYTECODE", "ERRATA_STORE", "PREFECT_API_URL")}  # fmt: skip
    environment |= {"PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}", "PREFECT_HOME": str(folder / "prefect")}
    environment.setdefault("PYTHONPYCACHEPREFIX", str(folder / "bytecode"))
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "errata.cli", *arguments]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    after, seconds = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter() - began
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_files(folder: Path) -> None:
    """Four rows with their recipe, and problems and solutions that know nothing of each other but an id."""
    rows = [{"question": q, "gold": gold, "text": f"The answer is {said}."} for q, gold, said in ROWS]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "four.yaml").write_text(RECIPE)
    lines = [f"p{n},What is {n} plus {n + 1}?,{2 * n + 1}" for n in range(PROBLEMS)]
    (folder / "problems.csv").write_text("\n".join(["id,question,gold", *lines]) + "\n")
    solutions = [
        {"problem_id": f"p{n}", "model": "m", "sample": s, "response": f"{n} + {n + 1} = {2 * n + 1 + s}.\nThe answer is {2 * n + 1 + s}."}
        for n in range(PROBLEMS)
        for s in range(2)
    ]  # fmt: skip
    (folder / "solutions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in solutions))


def is_released(recipe: str, store: str) -> bool:
    """Whether a store has what a recipe makes as it is now."""
    return make_plan(recipe, None, store).finished


def list_figures(folder: Path, corpus: str | None) -> list[Figure]:
    """The figures, in the order in which they are measured."""

    def forget(*names: str) -> Callable[[], None]:
        def remove() -> None:
            for name in names:
                shutil.rmtree(folder / name, ignore_errors=True)
                (folder / name).unlink(missing_ok=True)

        return remove

    own = ["--store", "own"]
    three = [
        ["init", "problems.csv", "solutions.jsonl", "--as", "ours", "--yes", *own],
        ["build", "ours.yaml", *own],
        ["show", "ours", *own],
    ]
    figures = [
        Figure("errata --version", 0.3, [["--version"]]),
        Figure("errata --help", 0.3, [["--help"]]),
        Figure("preview of four rows", 4, [["preview", "four.yaml", "--store", "four"]]),
        Figure("plan of four rows", 1, [["plan", "four.yaml", "--store", "four"]]),
        Figure("build of four rows, with Prefect", 12, [["build", "four.yaml", "--store", "four"]], forget("four")),
        Figure("nothing to do", 2, [["build", "four.yaml", "--store", "four"]]),
        Figure("two files to a release, three commands", 120, three, forget("own", "ours.yaml")),
    ]
    if corpus:
        store, recipe = ["--store", corpus], str(ROOT / "catalog/recipes/abacus.yaml")
        figures += [
            Figure("plan of the default corpus", 1, [["plan", recipe, *store]]),
            Figure("ledger of the default corpus", 1, [["ledger", *store]]),
            Figure("browse of the default corpus", 1, [["browse", "abacus", "--limit", "3", *store]]),
        ]
        if is_released(recipe, corpus):  # else it would be built
            figures.append(Figure("nothing to do in the default corpus", 2, [["build", recipe, *store]]))
    return figures


def measure(figure: Figure, folder: Path, times: int) -> tuple[float, float]:
    """The fastest of some times; for the bytecode, once before them."""
    figure.before()
    for command in figure.commands:
        run(command, folder)
    seconds = []
    for _ in range(times):
        figure.before()
        spent = [run(command, folder) for command in figure.commands]
        seconds.append((sum(clock for clock, _ in spent), sum(work for _, work in spent)))
    return min(clock for clock, _ in seconds), min(work for _, work in seconds)


def main() -> int:
    """Measure and print; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="where catalog/recipes/abacus.yaml was built")
    parser.add_argument("--times", type=int, default=3, help="how often each is run (default: 3)")
    options = parser.parse_args()
    table = Table(title=f"seconds, the fastest of {options.times}; load {os.getloadavg()[0]:.1f}", title_justify="left")
    for head in ("", "at most", "clock", "processors", ""):
        table.add_column(head, justify="left" if not head else "right")
    missed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_files(folder)
        for figure in list_figures(folder, os.path.abspath(options.store) if options.store else None):
            clock, work = measure(figure, folder, options.times)
            missed += clock > figure.most
            print(f"{figure.name}: {clock:.2f} s", file=sys.stderr, flush=True)
            mark = "met" if clock <= figure.most else "MISSED"
            table.add_row(figure.name, f"{figure.most:g}", f"{clock:.2f}", f"{work:.2f}", mark)
    Console(width=100).print(table)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
