"""The gates of a release at size: rows a second and peak memory, which must stay below 4 GiB.

    .venv/bin/python -m tests.benchmarks.gates [--rows 10000000]

Each size runs in a process of its own, on synthetic parts with the columns of a
released table; beside it Great Expectations on the whole table at once, up to
1,000,000 rows.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
from errata.cli import text

LIMIT_GIB = 4.0
PART = 20_000
SIZES = (100_000, 1_000_000)
GATES = """\
  - {measure: rows, at_least: 1}
  - {measure: undecided, table: rows, column: error_type, at_most: 0.9}
  - {measure: duplicates, columns: [problem_id, text], at_most: 0.5}
  - {measure: drift, column: error_type, at_most: 0.5, severity: warn}
  - {expect: column_values_to_be_between, column: tokens, min_value: 0, max_value: 100000}
  - {expect: column_values_to_match_regex, column: text, regex: "^Step", mostly: 0.9}
  - {expect: column_mean_to_be_between, column: tokens, min_value: 0, max_value: 1000}
  - {expect: column_unique_value_count_to_be_between, column: problem_id, min_value: 1}
  - {expect: compound_columns_to_be_unique, column_list: [solution_id, problem_id]}
"""


def parts(rows: int) -> Iterator[pl.DataFrame]:
    """Synthetic rows that keep the contract, some texts of them long."""
    from schemas.frames import to_polars_schema
    from tests.flows.gates.planned import CONTRACT, TYPES

    for start in range(0, rows, PART):
        numbers = np.arange(start, min(rows, start + PART))
        draw = np.random.default_rng(start)
        frame = pl.DataFrame(
            {"i": numbers, "tokens": draw.integers(1, 400, len(numbers)), "share": draw.random(len(numbers))}
        )
        text_ = (
            pl.format("Step {}: {}", "i", pl.lit("of 12 pears 5 are left, so 7 are gone. ")).repeat_by(1).list.join("")
        )
        yield frame.select(
            pl.format("{}", pl.col("i")).str.zfill(8).alias("solution_id"),
            pl.format("p{}", pl.col("i") // 7).alias("problem_id"),
            (text_ + pl.lit("and so on, " * 30)).alias("text"),
            pl.concat_list(pl.lit("First this."), pl.lit("Then that.")).alias("steps"),
            "tokens",
            "share",
            pl.concat_list("share", "share").alias("shares"),
            pl.col("i").map_elements(lambda i: TYPES[i % 3], pl.String).alias("error_type"),
            (pl.col("i") % 5).alias("first"),
            (pl.col("i") % 7).alias("second"),
            (pl.col("i") % 2 == 0).alias("sure"),
        ).cast(pl.Schema(to_polars_schema(CONTRACT)))  # fmt: skip


def ours(rows: int) -> dict[str, float]:
    """The gates on so many rows: seconds and the process' peak memory."""
    from flows.gates.check import list_results
    from flows.gates.great_expectations import load_library
    from tests.flows.gates.planned import planned

    load_library()  # its import is told apart: it takes as long for one row
    with tempfile.TemporaryDirectory(prefix="errata-") as place:
        plan = planned(Path(place), parts(rows), GATES)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        results = list_results(plan)
        spent = time.perf_counter() - began
    assert all(result["passed"] for result in results), [result for result in results if not result["passed"]]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"rows": rows, "seconds": spent, "gates": len(results), "gib": peak / 2**20, "before": before / 2**20}


def whole(rows: int) -> dict[str, float]:
    """What follows from the contract, by Great Expectations on the whole table at once."""
    from flows.gates.great_expectations import Suite
    from schemas.recipe.expectations import EACH, derive_expectations
    from tests.flows.gates.planned import CONTRACT

    frame = pl.concat(list(parts(rows)))
    suite = Suite(
        [expectation for expectation in derive_expectations(CONTRACT) if expectation.type in EACH], "solution_id"
    )
    suite.add(frame.head(10))
    began = time.perf_counter()
    suite.add(frame)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"rows": rows, "seconds": time.perf_counter() - began, "gates": len(suite.expected), "gib": peak}


def apart(which: str, rows: int) -> dict[str, float]:
    """Run one of the two in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.gates", "--one", which, "--rows", str(rows)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    document: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return document


def main() -> int:
    """Print the table; 1 where a figure is missed."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument(
        "--rows", type=int, action="append", help="a size besides 100,000 and 1,000,000; may be repeated"
    )
    given.add_argument("--one", choices=["ours", "whole"], help=argparse.SUPPRESS)
    asked = given.parse_args()
    if asked.one:
        print(json.dumps({"ours": ours, "whole": whole}[asked.one](asked.rows[0])))
        return 0
    sizes = [*SIZES, *(asked.rows or [])]
    pairs = [("gates, part by part", apart("ours", rows)) for rows in sizes]
    pairs += [("contract alone, at once", apart("whole", rows)) for rows in SIZES]
    lines: list[list[object]] = [
        [name, int(item["rows"]), int(item["gates"]), f"{item['seconds']:.1f}", f"{item['rows'] / item['seconds']:,.0f}", f"{item['gib']:.2f}"]
        for name, item in pairs
    ]  # fmt: skip
    print(text.format_table(["what", "rows", "gates", "seconds", "rows/s", "peak GiB"], lines))
    missed = [item for name, item in pairs if name.startswith("gates") and item["gib"] > LIMIT_GIB]
    print(f"peak memory must stay below {LIMIT_GIB:g} GiB: {'missed' if missed else 'met'}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
