"""Releases at size: loading beside pyarrow, comparing two, opening one that is cached, and the client's wheel.

python -m tests.benchmarks.releases [--rows 600000] [--folder DIR]     needs 2 GB of disk for 600,000 rows

Each figure is of a process of its own; memory is its peak, interpreter and libraries included. It exits with 1 where a
figure is missed: loading at most 1.2 times pyarrow's time over the same files, two releases compared in 10 s and 2 GiB,
a cached release opened in 200 ms, a wheel below 200 KB.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
from errata.cli import text as terminal

from catalog.publish.publish import View, locate_release, publish
from catalog.storage import Store
from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.frames import to_polars_schema

CONTRACT = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS)
PART = 10_000
ROUNDS = 7
WORDS = [f"{a}{b}{c}" for a in ("st", "pr", "l", "qu", "") for b in "aeiou" for c in ("ne", "rt", "m", "lk", "ss")]
PHRASES = [" ".join(random.Random(i).choices([*WORDS, str(i % 1009), "=", "+"], k=12)) for i in range(20_011)]
TIMES, BYTES, SECONDS, MEMORY, OPENING = 1.2, 200_000, 10.0, 2 * 2**30, 0.2
ROOT = Path(__file__).parents[2]


def block() -> pl.DataFrame:
    """Solutions of about a kilobyte, the same whenever they are made."""
    rows = []
    for number in range(PART):
        steps = [PHRASES[(number * 7 + i * 1013) % len(PHRASES)] for i in range(4 + number % 7)]
        text = "\n".join(steps)
        rows.append({
            "solution_id": "", "problem_id": "", "set": ("gsm8k", "svamp", "asdiv")[number // 8 % 3],
            "question": PHRASES[number // 8], "options": None, "answer": str(number % 997), "reference": None,
            "model": f"model-{number % 50}", "sampling": "temperature 1", "sample": number % 8, "text": text, "rationale": text,
            "stated": None, "source": "", "steps": steps, "step_rule": "lines", "verdict": "wrong", "undecided": None,
            "extracted": str(number % 991), "extracted_by": "phrase", "extracted_from": None, "extracted_to": None,
            "compared_by": "numeric", "second_opinion": None,
        })  # fmt: skip
    return pl.DataFrame(rows, schema=to_polars_schema(CONTRACT))


def parts(rows: int, changed: bool) -> Iterator[dict[str, pl.DataFrame]]:
    """The rows by split; changed, a hundredth is relabelled and as many are new."""
    first, base = rows // 100 if changed else 0, block()
    for at in range(first, rows + first, PART):
        numbers = pl.Series("n", range(at, min(at + PART, rows + first)), dtype=pl.Int64)
        frame = base[numbers % PART].with_columns(numbers)
        number = pl.col("n").cast(pl.String)
        label = pl.when(pl.lit(changed) & (pl.col("n") % 100 == 0)).then(pl.lit("right")).otherwise(pl.lit("wrong"))
        yield {
            "train": frame.with_columns(
                solution_id=number.str.zfill(24),
                problem_id=(pl.col("n") // 8).cast(pl.String).str.zfill(24),
                source=pl.lit("made:") + number,
                text=pl.col("text") + pl.lit("\n") + number,
                verdict=label,
            ).drop("n")
        }


def make(store: str, rows: int) -> None:
    """Publish two versions, where they are not there from an earlier run."""
    for version, changed in (("1.0.0", False), ("2.0.0", True)):
        if Path(store, locate_release("big", version), "manifest.json").exists():
            continue
        view = View(CONTRACT, parts(rows, changed))

        def describe(_: list[dict[str, Any]], version: str = version) -> tuple[dict[str, str], dict[str, Any]]:
            columns = {"solutions": [{"name": column.name, "meaning": column.meaning} for column in CONTRACT.columns]}
            rest = {
                "fingerprint": version,
                "recipe": {"title": "Big", "license": "MIT", "text": ""},
                "columns": columns,
            }
            return {"README.md": "# Big\n"}, rest | {"funnel": [], "keys": {"solutions": CONTRACT.key}}

        publish(Store(store), "big", version, version, {"solutions": view}, describe)


PRELUDE = """
import errata, json, resource, statistics, sys, time
from pathlib import Path
store, rounds = sys.argv[1], int(sys.argv[2])
paths = sorted(str(one) for one in Path(store, "releases/big/1.0.0/solutions").glob("*.parquet"))
def timed(run):
    found = []
    for _ in range(rounds):
        began = time.perf_counter(); run(); found.append(time.perf_counter() - began)
    return found
def told(**found):
    print(json.dumps(found | {"memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))
"""
LOADING = """
import pyarrow.parquet as pq
ours, theirs = [], []
errata.load("big@1.0.0", store=store)
pq.read_table(paths)
for _ in range(rounds):  # in turn, so that what else the machine does befalls both
    ours += timed_once(lambda: errata.load("big@1.0.0", store=store))
    theirs += timed_once(lambda: pq.read_table(paths))
told(ours=ours, theirs=theirs)
"""
ONCE = """
def timed_once(run):
    began = time.perf_counter(); run(); return [time.perf_counter() - began]
"""
DIFF = """
from errata.compare.difference import compare_releases
began = time.perf_counter()
found = compare_releases(errata.open_release("big@1.0.0", store), errata.open_release("big@2.0.0", store))
view = found.views[0]
told(seconds=time.perf_counter() - began, cpu=time.process_time(), added=view.added, removed=view.removed, changed=view.changed, kept=view.kept)
"""
OPENING_CODE = 'told(seconds=timed(lambda: errata.load("big@^1", split="train", store=store, form="paths")))'


def ran(code: str, store: str, cache: str) -> dict[str, Any]:
    """A measurement in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "catalog"), "ERRATA_CACHE": cache}
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + ONCE + code, store, str(ROUNDS)],
        env=environment,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        sys.exit(done.stderr)
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def wheel() -> int:
    """Bytes of the client's wheel."""
    with tempfile.TemporaryDirectory() as out:
        code = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
        copy = Path(out, "copy")
        copy.mkdir()
        for name in ("pyproject.toml", "README.md"):
            (copy / name).write_bytes((ROOT / name).read_bytes())
        (copy / "catalog" / "errata").mkdir(parents=True)
        for path in (ROOT / "catalog" / "errata").glob("*.py*"):
            if path.is_file():
                (copy / "catalog" / "errata" / path.name).write_bytes(path.read_bytes())
        subprocess.run([sys.executable, "-c", code, out], cwd=copy, check=True, capture_output=True)
        return next(Path(out).glob("*.whl")).stat().st_size


def main() -> int:
    """Measure, print the table, and say whether all figures are met."""
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("--rows", type=int, default=600_000, help="of each release (default: 600,000)")
    given.add_argument("--folder", help="where the releases lie, or are made (default: a temporary folder)")
    options = given.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        store, cache = options.folder or f"{temporary}/store", f"{temporary}/cache"
        make(store, options.rows)
        loading, difference, opening = (ran(code, store, cache) for code in (LOADING, DIFF, OPENING_CODE))
        size = wheel()
    ours, theirs = statistics.median(loading["ours"]), statistics.median(loading["theirs"])
    met = [
        ours <= TIMES * theirs, difference["seconds"] < SECONDS and difference["memory"] < MEMORY,
        statistics.median(opening["seconds"]) < OPENING, size < BYTES,
    ]  # fmt: skip
    counts = ", ".join(f"{difference[name]:,} {name}" for name in ("kept", "added", "removed", "changed"))
    opened = f"{1000 * statistics.median(opening['seconds']):.1f} ms"
    compared = f"{difference['seconds']:.1f} s ({difference['cpu']:.1f} of the processor), {difference['memory'] / 2**30:.2f} GiB"
    rows: list[list[object]] = [
        [
            f"load {options.rows:,} rows (median of {ROUNDS})",
            f"{ours:.2f} s",
            f"pyarrow {theirs:.2f} s",
            "1.2 times",
            _met(met[0]),
        ],
        [f"diff: {counts}", compared, "", "10 s, 2 GiB", _met(met[1])],
        ["resolve and open, cached", opened, "", "200 ms", _met(met[2])],
        ["wheel", f"{size:,} bytes", "", "200 KB", _met(met[3])],
    ]
    print(terminal.format_table(["what", "measured", "beside", "at most", ""], rows, left=1))
    return 0 if all(met) else 1


def _met(met: bool) -> str:
    return "met" if met else "MISSED"


if __name__ == "__main__":
    sys.exit(main())
