"""Intervals: measures and their differences, over seeds and problems drawn anew together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2_000
Counts = NDArray[np.float64]
"""(seeds, problems, one or two shares, 2): hits and of how many."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval of 95 %."""

    value: float
    low: float
    high: float


def measure(counts: Counts) -> float:
    """The share of all counts together; of two shares their harmonic mean (F1); NaN where nothing was counted."""
    hits, of = np.moveaxis(counts.sum((0, 1)), -1, 0)
    if (of == 0).any():
        return float("nan")
    shares = hits / of
    return 0.0 if (shares == 0).any() else float(len(shares) / (1 / shares).sum())


def estimate_interval(counts: Counts, other: Counts | None = None, draws: int = DRAWS, seed: int = 0) -> Estimate:
    """A measure, or how much more it is than the other's, with the percentile interval of the bootstrap.

    Seeds and problems are each drawn with replacement, the same for both
    sides: they are paired, since both have seen the same corpora's problems
    and sit the same exam.

    Args:
        counts: (seeds, problems, shares, 2).
        other: As many, of what it is compared with.
        draws: How often.
        seed: Of the draws.

    Returns:
        The estimate; NaN where there is nothing to count.

    Raises:
        ValueError: The two sides are not of the same seeds and problems.

    """
    if other is not None and other.shape != counts.shape:
        raise ValueError(f"sides of unlike shape: {counts.shape} and {other.shape}")
    sides = [counts] if other is None else [counts, other]
    random = np.random.default_rng(seed)

    def difference(seeds: NDArray[np.int64], problems: NDArray[np.int64]) -> float:
        values = [measure(side[np.ix_(seeds, problems)]) for side in sides]
        return values[0] if len(values) == 1 else values[0] - values[1]

    number, problems = counts.shape[:2]
    values = [
        difference(random.integers(number, size=(number,)), random.integers(problems, size=(problems,)))
        for _ in range(draws)
    ]
    finite = [value for value in values if not np.isnan(value)]
    low, high = np.percentile(finite, [2.5, 97.5]) if finite else (float("nan"), float("nan"))
    return Estimate(difference(np.arange(number), np.arange(problems)), float(low), float(high))
