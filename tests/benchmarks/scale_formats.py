"""What six row-wise stages write: python -m tests.benchmarks.scale_formats --folder DIR [--rows 100000,1000000,10000000]

Makes synthetic solutions in DIR and builds import, split, verify, gold, quality and select of them, each from the table of the
one before, on two cores and with processes as in a build; each size in a process of its own. Prints, for each size, the
bytes of the files that were imported, of the imported table and of all six tables with all else that lies in the store, how
many files they are, the cost of a row in processor time (its growth, too, in pieces of work of `tests.benchmarks.scale`) and
the peak resident set of all processes. Exits with 1 where the stages together write more than 1.5 times the bytes that were
imported, where 4 GiB are reached, or where a row costs over 10 % more at the largest size than at the smallest.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks import scale_rows
from tests.benchmarks.scale import CORES, FLAT, MEMORY, in_pieces, measured
from tests.benchmarks.scale_tables import HEAD

WRITTEN = 1.5
STAGES = {
    "import": 'files: "solutions-*.jsonl", set: {value: made}, question: question, answer: gold, model: model, sample: sample, text: text',
    "split": "", "verify": "", "gold": "", "quality": "", "select": "where: \"verdict = 'wrong'\", because: [verdict]",
}  # fmt: skip


def recipe() -> str:
    """The recipe of the six stages."""
    lines, before = [], ""
    for name, parameters in STAGES.items():
        source = f", from: t_{before}" if before else ""
        lines.append(f"  t_{name}: {{task: {name}{source}{parameters and ', ' + parameters}}}\n")
        before = name
    return f"{HEAD}{''.join(lines)}  last: {{task: release, from: t_{before}}}\n"


def build(folder: Path) -> None:
    """Build the six tables, and say of each what it took."""
    from flows.planning.plan import make_plan
    from flows.running.process_pool import ProcessPool
    from flows.running.run_plan import ThreadExecutor, materialize_generation
    from tests.benchmarks.scale_tables import warm

    (folder / "six.yaml").write_text(recipe())
    plan = make_plan(str(folder / "six.yaml"), None, str(folder / "six"))
    warm()
    for job in plan.jobs[:-1]:
        # processes are counted when they have ended
        with measured(folder / f"six-{job.task}.json"), ProcessPool() as pool, ThreadExecutor(CORES) as executor:
            materialize_generation([job], executor, units=pool)


def read_result(folder: Path) -> dict[str, Any]:
    """What was measured at a size."""
    stages = {name: json.loads((folder / f"six-{name}.json").read_text()) for name in STAGES}
    tables = {name: [*(folder / "six" / "tables").glob(f"{name}-*/**/*")] for name in STAGES}
    files = {name: [path.stat().st_size for path in paths if path.is_file()] for name, paths in tables.items()}
    everything = [path.stat().st_size for path in (folder / "six").rglob("*") if path.is_file()]
    return {
        "source": sum(path.stat().st_size for path in folder.glob("solutions-*.jsonl")),
        "tables": {name: sum(sizes) for name, sizes in files.items()},
        "written": sum(everything), "files": len(everything), "largest": max(everything),
        "cpu": sum(stage["cpu"] for stage in stages.values()),
        "wall": {name: stage["wall"] for name, stage in stages.items()},
        "pieces": {name: in_pieces(stage) for name, stage in stages.items()},
        "peak": max(stage["peak"] for stage in stages.values()),
    }  # fmt: skip


def main() -> int:
    """Measure, print the table; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="100000,1000000,10000000", help="the sizes, from small to large")
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
        build(given.folder)
        return 0
    results = {}
    for rows in sorted(int(part) for part in given.rows.split(",")):
        folder = given.folder / str(rows)
        scale_rows.write(folder, rows)
        if not (folder / "six-select.json").exists():
            command = [sys.executable, "-m", "tests.benchmarks.scale_formats", "--folder", str(folder), "--one"]
            subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
        results[rows] = read_result(folder)
    return report(results)


def report(results: dict[int, dict[str, Any]]) -> int:
    """Print what was measured at each size; 1 where a figure is missed."""
    print(
        "| rows | source B/row | import B/row | all six B/row | of source | of import | files | largest | µs a row | rows/s | MiB |"
    )
    print("|" + "---:|" * 11)
    missed = []
    for rows, result in results.items():
        ratio = result["written"] / result["source"]
        imported = result["written"] / result["tables"]["import"]
        wall = sum(result["wall"].values())
        print(
            f"| {rows:,} | {result['source'] / rows:.0f} | {result['tables']['import'] / rows:.0f} | {result['written'] / rows:.0f} | {ratio:.2f} | "
            f"{imported:.2f} | {result['files']:,} | {result['largest'] / 2**20:.0f} MiB | {result['cpu'] / rows * 1e6:.0f} | "
            f"{rows / wall:,.0f} | {result['peak'] / 2**20:,.0f} |"
        )
        if ratio > WRITTEN:
            missed.append(f"{rows:,} rows: {ratio:.2f} times the imported bytes were written")
        if result["peak"] >= MEMORY:
            missed.append(f"{rows:,} rows: {result['peak'] / 2**20:,.0f} MiB")
    sizes = list(results)
    print(f"\n| stage | B/row at {' | at '.join(f'{rows:,}' for rows in sizes)} | growth of a row's cost |")
    print(f"|---|{'---:|' * (len(sizes) + 1)}")
    for name in STAGES:
        costs = [results[rows]["pieces"][name] / rows for rows in sizes]
        growth = costs[-1] / costs[0]
        cells = " | ".join(f"{results[rows]['tables'][name] / rows:.1f}" for rows in sizes)
        print(f"| {name} | {cells} | {growth:.2f} |")
    total = [sum(results[rows]["pieces"].values()) / rows for rows in sizes]
    print(f"\na row of all six costs {total[-1] / total[0]:.2f} times as much at {sizes[-1]:,} rows as at {sizes[0]:,}")
    if total[-1] / total[0] > FLAT:
        missed.append(f"a row costs {total[-1] / total[0]:.2f} times as much")
    print("\n".join(["", *(f"missed: {item}" for item in missed)]) if missed else "\nno figure missed")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
