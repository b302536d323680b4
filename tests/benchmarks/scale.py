"""Ten million rows: what each stage that asks no model costs a row, at several sizes, and the memory it takes.

python -m tests.benchmarks.scale --folder DIR [--rows 100000,1000000,10000000] [--stages import,split,…]

Makes synthetic solutions in DIR (0.5 GB a million, tables about as much again a stage) and builds each stage's table in a
process of its own, on two cores, above 100,000 rows with units in two processes beside it as in a build. Results are kept in DIR: a run that was stopped goes on where it was. Times begin after
start-up; what a row costs is *processor time* (user and system, of all threads and child processes), because the
wall's depends on what else the machine does; memory is the peak resident set of all three processes together, interpreters
and libraries included.
Processors that share a core or a cache are slower beside other work: so a small fixed piece of work is timed twice a
second in the same process, and growth is that of a row's cost in such pieces (its growth in seconds stands beside it).
Exits with 1 where a stage takes 4 GiB or more, or where a row costs over 10 % more at the largest size than at the
smallest.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from shutil import rmtree
from time import perf_counter, thread_time
from typing import Any

from tests.benchmarks import scale_rows
from tests.benchmarks.scale_tables import STAGES, recipe

MEMORY, FLAT = 4 * 2**30, 1.10
CORES = 2
SMALL = 100_000
"""Sizes up to this are measured several times; the median counts."""
EVERY_SECONDS = 0.5
TEXT = "".join(f"Step {i}: {i} * {i % 7} = {i * (i % 7)} apples in box {i * i}. " for i in range(400))


def spent() -> float:
    """Processor seconds of this process and its children so far."""
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def peak() -> int:
    """The peak resident sets of this process and of those below it that are there now, in bytes.

    The system's own account of children will not do: one that was begun from
    a large process counts as large.
    """
    return sum(_highest(pid) for pid in (os.getpid(), *_below(os.getpid())))


def _below(pid: int) -> Iterator[int]:
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in map(int, file.read_text().split()):
            yield from (child, *_below(child))


def _highest(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def piece() -> float:
    """Processor seconds that a fixed piece of work takes at the moment, about 0.005."""
    begun = thread_time()
    for _ in range(4):
        words = sorted(re.findall(r"\w+", TEXT))
        dict.fromkeys(words[::2])
        hashlib.sha256(" ".join(words).encode()).hexdigest()
    return thread_time() - begun


@contextmanager
def measured(place: Path) -> Iterator[None]:
    """Measure what is done, into a JSON file; what an earlier, unfinished try has spent is added."""
    nothing = {"cpu": 0.0, "wall": 0.0, "peak": 0, "pieces": 0, "pieces_cpu": 0.0}
    before: dict[str, Any] = json.loads(place.read_text()) if place.exists() else nothing
    cpu, wall, ended, pieces, peaks = spent(), perf_counter(), threading.Event(), [piece()], [peak()]

    def say(done: bool) -> None:
        values = {
            "cpu": before["cpu"] + spent() - cpu - sum(pieces[1:]), "wall": before["wall"] + perf_counter() - wall,
            "peak": max(before["peak"], *peaks, peak()), "done": done,
            "pieces": before["pieces"] + len(pieces), "pieces_cpu": before["pieces_cpu"] + sum(pieces),
        }  # fmt: skip
        place.with_suffix(".new").write_text(json.dumps(values))
        os.replace(place.with_suffix(".new"), place)

    def watch() -> None:
        while not ended.wait(EVERY_SECONDS):
            pieces.append(piece())
            with suppress(OSError):  # a process may end while it is looked at
                peaks.append(peak())
            say(False)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    say(True)


def build(stage: str, folder: Path, place: Path) -> None:
    """Build one stage's table as the flow does, on `CORES` threads, without Prefect round it."""
    from flows.planning import plan as planning
    from flows.publishing.publish import publish_release
    from flows.running.process_pool import ProcessPool
    from flows.running.run_plan import ThreadExecutor, materialize_generation
    from tests.benchmarks.scale_tables import judged, warm

    path = folder / f"{stage}.yaml"
    path.write_text(recipe(stage))
    plan = planning.make_plan(str(path), None, str(folder / "store"))
    warm()
    with measured(place):
        if stage == "release":
            publish_release(plan)
            return
        work = plan.jobs[-2]
        if work.task == "judge":
            judged(work)
            return
        with ProcessPool() as pool, ThreadExecutor(CORES if int(folder.name) > SMALL else 1) as executor:
            materialize_generation([work], executor, units=pool)


def results(folder: Path, stage: str, rounds: int) -> list[dict[str, Any]]:
    """What was measured of a stage, after measuring what is missing."""
    documents = []
    for number in range(rounds):
        place = folder / "results" / f"{stage}-{number}.json"
        place.parent.mkdir(exist_ok=True)
        if not place.exists() or not json.loads(place.read_text())["done"]:
            if not place.exists():
                remove(folder, stage)
            command = [sys.executable, "-m", "tests.benchmarks.scale", "--folder", str(folder), "--one", stage]
            subprocess.run([*command, "--place", str(place)], check=True, cwd=Path(__file__).parents[2])
        documents.append(json.loads(place.read_text()))
    return documents


def remove(folder: Path, stage: str) -> None:
    """Remove what an earlier round has made."""
    where = "releases" if stage == "release" else f"tables/{STAGES[stage].task}-*"
    for path in (folder / "store").glob(where):
        rmtree(path)


def main() -> int:
    """Measure, print the table; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="100000,1000000,10000000", help="the sizes, from small to large")
    parser.add_argument("--stages", default=",".join(STAGES), help="some of them, and what they are made from")
    parser.add_argument("--rounds", type=int, default=3, help=f"how often sizes up to {SMALL:,} are measured")
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument(
        "--keep", action="store_true", help="keep tables that no other is made from; else they go, for room"
    )
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        build(given.one, given.folder, given.place)
        return 0
    wanted = given.stages.split(",")
    if unknown := [name for name in wanted if name not in STAGES]:
        print(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}", file=sys.stderr)
        return 2
    names = [name for name in STAGES if any(name in STAGES[item].chain() for item in wanted)]
    sizes = sorted(int(part) for part in given.rows.split(","))
    row: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for rows in sizes:
        folder = given.folder / str(rows)
        scale_rows.write(folder, rows)
        for name in names:
            row[name, rows] = results(folder, name, given.rounds if rows <= SMALL else 1)
            if STAGES[name].leaf() and not given.keep:
                remove(folder, name)
            print(f"{name} {rows:,} {row[name, rows][-1]}", file=sys.stderr)
    return report(names, sizes, row)


def in_pieces(result: dict[str, Any]) -> float:
    """What was measured, in pieces of work that take as long at the same time."""
    return float(result["cpu"] / (result["pieces_cpu"] / result["pieces"]))


def report(names: list[str], sizes: list[int], row: dict[tuple[str, int], list[dict[str, Any]]]) -> int:
    """Print the table; 1 where a figure is missed."""
    head = [f"µs a row at {rows:,} | rows/s | MiB" for rows in sizes]
    print(f"| stage | {' | '.join(head)} | growth | in seconds |\n|---|{'---|' * (3 * len(sizes) + 2)}")
    missed = []
    for name in names:
        costs, seconds, cells = [], [], []
        for rows in sizes:
            cpu, wall, most = (
                statistics.median(item[what] for item in row[name, rows]) for what in ("cpu", "wall", "peak")
            )
            seconds.append(cpu / rows)
            costs.append(statistics.median(in_pieces(item) for item in row[name, rows]) / rows)
            cells.append(f"{cpu / rows * 1e6:.1f} | {rows / wall:,.0f} | {most / 2**20:,.0f}")
            if most >= MEMORY:
                missed.append(f"{name}: {most / 2**20:,.0f} MiB at {rows:,} rows")
        growth = costs[-1] / costs[0]
        if growth > FLAT:
            missed.append(f"{name}: a row costs {growth:.2f} times as much at {sizes[-1]:,} rows as at {sizes[0]:,}")
        print(f"| {name} | {' | '.join(cells)} | {growth:.2f} | {seconds[-1] / seconds[0]:.2f} |")
    print("\n".join(["", *(f"missed: {item}" for item in missed)]) if missed else "\nno figure missed")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
