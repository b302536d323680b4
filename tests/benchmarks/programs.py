"""The world's solutions as programs: their verdicts beside those of their texts, and where their states first go wrong beside the truth.

    .venv/bin/python -m tests.benchmarks.programs [--count 400]

Ends with status 1 where a verdict differs, or the place is right in less than 95 %.
"""

from __future__ import annotations

import argparse

import polars as pl

from tasks.engines.python.sandbox import find_fault
from tests.running_programs import run_mistakes, write_mistakes

PLACES = 0.95


def main() -> int:
    """Run the programs, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--count", type=int, default=400, help="problems, of each a solution with a mistake made on purpose"
    )
    if fault := find_fault():
        print(fault)
        return 1
    solutions = write_mistakes(parser.parse_args().count)
    ran = run_mistakes(solutions)
    same = ran.filter(pl.col("verdict") == pl.col("text_verdict"))
    wrong = ran.filter(pl.col("verdict") == "wrong")
    placed = wrong.filter(pl.col("states_first_error") == pl.col("truth"))
    print(f"{len(solutions)} solutions, {len(ran)} of them programs; verdict of the text: {len(same)}/{len(ran)}")
    print(
        f"first state that is no right one's = true first error: {len(placed)}/{len(wrong)} = {len(placed) / len(wrong):.1%}"
    )
    missed = wrong.filter(pl.col("states_first_error").ne_missing(pl.col("truth")))
    print(missed.group_by("kind").len().sort("len", descending=True))
    return 1 if len(same) < len(ran) or len(placed) < PLACES * len(wrong) else 0


if __name__ == "__main__":
    raise SystemExit(main())
