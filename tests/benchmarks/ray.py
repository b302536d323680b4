"""Ray against one process: row-wise stages on two nodes of one processor each, and what a unit costs.

python -m tests.benchmarks.ray [--rows 240000] [--pairs 5]

The nodes are namespaces of this machine (root, Linux, two processors; `make install-ray`). One process on two cores, whose
Polars has two threads, and the two nodes build the same tables in turn, pair by pair; the ratio of a pair counts, and of
these the median, as other work on the machine meets both alike. A node has its code loaded when it is measured. The cost of a unit is that of one
that does nothing, among `UNITS` on both nodes. Exits with 1 where two nodes are not `FASTER` times as fast, or a unit costs more than `MOST_MS`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from shutil import rmtree
from time import perf_counter

from flows.planning.plan import Plan, make_plan
from flows.running.run_plan import ThreadExecutor, materialize, materialize_generation
from flows.running.unit_executor import Unit
from flows.running.units_on import open_unit_executor
from flows.running.watcher import NOBODY, Watcher
from tests.command import files_of

FASTER, MOST_MS = 1.7, 10.0
FILES, UNITS = 8, 1000
RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: ["*.jsonl"], set: set, question: q, answer: a, model: m, text: t}
  steps: {task: split, from: generations}
  release: {task: release, from: steps, splits: {all: 1}}
"""
TEXT = "\n".join(f"Step {i}: {i} * {i % 7} = {i * (i % 7)} apples are in box number {i}." for i in range(1, 12))


def write_rows(folder: Path, rows: int) -> None:
    """The recipe, and so many solutions in `FILES` files."""
    (folder / "r.yaml").write_text(RECIPE)
    for file in range(FILES):
        with open(folder / f"{file}.jsonl", "w") as out:
            for i in range(rows // FILES):
                value = {
                    "set": "s",
                    "q": f"How many? {i}",
                    "a": str(i),
                    "m": f"m{file}",
                    "t": f"{i}.\n{TEXT}\nThe answer is {i}.",
                }
                out.write(json.dumps(value) + "\n")


def do_nothing(_: Watcher) -> None:
    """A unit."""


def plan_anew(folder: Path, name: str) -> Plan:
    """The plan, in a store without tables."""
    rmtree(folder / name / "tables", ignore_errors=True)
    return make_plan(str(folder / "r.yaml"), None, str(folder / name))


def time_here(folder: Path) -> float:
    """Seconds of one process."""
    plan = plan_anew(folder, "here")
    began = perf_counter()
    with ThreadExecutor(1) as executor:
        for job in plan.jobs[:-1]:
            materialize_generation([job], executor)
    return perf_counter() - began


def time_nodes(folder: Path, place: str) -> float:
    """Seconds of the nodes."""
    units, plan = open_unit_executor(place, plan_anew(folder, "nodes"))
    began = perf_counter()
    materialize(plan, units=units)
    return perf_counter() - began


def time_unit(folder: Path, place: str) -> float:
    """Milliseconds of a unit that does nothing."""
    from tests.benchmarks.ray import do_nothing  # by a name that nodes know: this module is `__main__`

    units, _ = open_unit_executor(place, plan_anew(folder, "nodes"))
    with closing(units):
        todo = [Unit(f"t, unit {i}", do_nothing, ()) for i in range(UNITS)]
        units.run(todo[:20], NOBODY)
        began = perf_counter()
        units.run(todo, NOBODY)
        return (perf_counter() - began) / UNITS * 1000


def measure(folder: Path, place: str, pairs: int) -> int:
    """Measure on the head of the cluster, and print the table."""
    time_nodes(folder, place)
    seconds = [(time_here(folder), time_nodes(folder, place)) for _ in range(pairs)]
    identical = files_of(folder / "here" / "tables") == files_of(folder / "nodes" / "tables")
    unit = time_unit(folder, place)
    ratio = statistics.median(here / nodes for here, nodes in seconds)
    print("pair  one process (s)  two nodes (s)  times as fast")
    for number, (here, nodes) in enumerate(seconds, 1):
        print(f"{number:4d}  {here:15.1f}  {nodes:13.1f}  {here / nodes:13.2f}")
    print(
        f"median {ratio:.2f} times as fast, expected {FASTER} or more; a unit {unit:.1f} ms, expected {MOST_MS:.0f} or less"
    )
    print(f"tables identical: {identical}; load of the machine {os.getloadavg()[0]:.1f}")
    return int(ratio < FASTER or unit > MOST_MS or not identical)


def main() -> int:
    """Start the cluster, and measure on its head; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=240_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--place", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.place:
        return measure(given.folder, given.place, given.pairs)
    from tests.ray.cluster import PORT, PYTHON, find_fault, start_cluster

    if fault := find_fault():
        print(fault)
        return 1
    with start_cluster() as cluster, tempfile.TemporaryDirectory() as folder:
        write_rows(Path(folder), given.rows)
        command = ["-m", "tests.benchmarks.ray", "--folder", folder, "--pairs", str(given.pairs)]
        result = cluster.head.run(
            PYTHON,
            *command,
            "--place",
            f"ray://{cluster.head.address}:{PORT}",
            environment={"POLARS_MAX_THREADS": "2"},
            seconds=3000,
        )
        print(result.stdout, result.stderr[-3000:] if result.returncode else "", sep="")
        return result.returncode


if __name__ == "__main__":
    sys.exit(main())
