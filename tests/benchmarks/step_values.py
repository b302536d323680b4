"""What advantages say of steps: `python -m tests.benchmarks.step_values [--store STORE] [--count N]`.

Builds `prm.yaml` with Abacus, and holds the values of its wrong solutions'
steps against the truth of its world: how much the truly wrong step loses, how
little the steps before it move, and how often the steepest fall is the truly
wrong step. Exits non-zero where a figure is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from tasks.evaluation.score import wilson
from tests.benchmarks.corrections import build

AT_MOST, WITHIN, FALLS = -0.35, 0.05, 0.60
"""The mean advantage of truly wrong steps, that of the steps before them, and the share of them that fall steepest."""


def list_advantages(rows: Sequence[dict[str, Any]]) -> Iterator[tuple[list[float], int]]:
    """For each wrong solution its advantages, and its first truly wrong step."""
    for row in rows:
        first = row["gold_first_error"]
        if row["verdict"] == "wrong" and first is not None and first >= 0 and None not in row["advantage"]:
            yield row["advantage"], first


def describe_mean(values: Sequence[float]) -> tuple[float, float]:
    """A mean, and half of its 95 % interval."""
    return float(np.mean(values)), float(1.96 * np.std(values) / np.sqrt(len(values)))


def check_advantages(located: Sequence[tuple[list[float], int]]) -> Iterator[tuple[str, bool]]:
    """What the advantages of wrong solutions come to, and whether that is as it should be."""
    at, half = describe_mean([values[first] for values, first in located])
    before, around = describe_mean([value for values, first in located for value in values[:first]])
    steepest = sum(int(np.argmin(values)) == first for values, first in located)
    low, high = wilson(steepest, len(located))
    yield f"{len(located):,} wrong solutions of which the world says where they go wrong", bool(located)
    yield f"mean advantage of the truly wrong step {at:+.3f} ± {half:.3f} (at most {AT_MOST})", at <= AT_MOST
    yield f"mean advantage of a step before it     {before:+.3f} ± {around:.3f} (within {WITHIN} of 0)", abs(before) <= WITHIN  # fmt: skip
    share = f"{steepest / len(located):.1%} ({low:.1%}-{high:.1%}), at least {FALLS:.0%}"
    yield f"the steepest fall is the truly wrong step: {share}", steepest >= FALLS * len(located)


def print_checks(checks: Iterable[tuple[str, bool]]) -> int:
    """Print each figure, and whether it is missed; 1 where one is."""
    missed = 0
    for line, met in checks:
        print(line + ("" if met else "  MISSED"))
        missed |= not met
    return missed


def main() -> int:
    """Build, measure, print; whether all figures are met is the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="where tables are kept; without it a folder that is removed")
    parser.add_argument("--count", type=int, default=300, help="problems of the world")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        rows = build("prm.yaml", given.store or folder, given.count)["valued"].to_dicts()
    return print_checks(check_advantages(list(list_advantages(rows))))


if __name__ == "__main__":
    sys.exit(main())
