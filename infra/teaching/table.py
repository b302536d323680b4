"""The table of the benchmark: each arm's measures, and how much better an arm is than its like."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from infra.teaching.arms import COMPARISONS
from infra.teaching.statistics import Counts, estimate_interval

Result = Mapping[str, Any]
CONDITIONAL = "right where it turned"
"""A measure that may have nothing to count."""


def gather_counts(results: Sequence[Result], arm: str, measure: str) -> dict[int, Counts]:
    """The counts of an arm's measure by seed."""
    return {
        result["seed"]: np.array(result["measures"][measure], dtype=float)
        for result in results
        if result["arm"] == arm and measure in result["measures"]
    }


def make_table(results: Sequence[Result]) -> dict[str, Any]:
    """Measures of all arms, and differences of those that are compared, over the seeds that both have.

    Args:
        results: What the files of results hold.

    Returns:
        JSON with `measures` and `differences`, each with its interval and its seeds.

    """
    arms = list(dict.fromkeys(result["arm"] for result in results))
    measures, differences = [], []
    for arm in arms:
        names = dict.fromkeys(name for result in results if result["arm"] == arm for name in result["measures"])
        for name in names:
            seeds = gather_counts(results, arm, name)
            value = asdict(estimate_interval(np.stack(list(seeds.values()))))
            measures.append({"arm": arm, "measure": name, "seeds": sorted(seeds)} | value)
    for arm, other in COMPARISONS:
        for name in dict.fromkeys(row["measure"] for row in measures if row["arm"] == arm):
            ours, theirs = gather_counts(results, arm, name), gather_counts(results, other, name)
            both = sorted(ours.keys() & theirs.keys())
            if both:
                side, beside = (np.stack([counts[seed] for seed in both]) for counts in (ours, theirs))
                value = asdict(estimate_interval(side, beside))
                differences.append({"arm": arm, "than": other, "measure": name, "seeds": both} | value)
    return {"measures": measures, "differences": differences}


def find_lacking(table: Mapping[str, Any]) -> list[Result]:
    """The measures without an interval, but for what is counted only where a model corrects itself."""
    return [row for row in table["measures"] if math.isnan(row["low"]) and row["measure"] != CONDITIONAL]


def write_lines(table: Mapping[str, Any]) -> Iterator[str]:
    """The table as text, in percent and in points."""
    yield f"{'arm':18} {'measure':28} {'percent':>7}   95 %"
    for row in table["measures"]:
        yield f"{row['arm']:18} {row['measure']:28} {_write(row, '')}"
    yield ""
    yield f"{'difference':33} {'measure':28} {'points':>7}   95 %"
    for row in table["differences"]:
        name = f"{row['arm']} - {row['than']}"
        yield f"{name:33} {row['measure']:28} {_write(row, '+')}"


def _write(row: Mapping[str, Any], sign: str) -> str:
    if math.isnan(row["value"]):
        return f"{'-':>7}   nothing to count"
    value, low, high = (100 * row[name] for name in ("value", "low", "high"))
    return f"{value:{sign}7.1f}   {low:{sign}.1f} to {high:{sign}.1f}   ({len(row['seeds'])} seeds)"
