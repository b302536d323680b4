"""Whether labels are as sure as they say: reliability, its error, and what precision is had at which retention.

Sources: Naeini et al. 2015 (expected calibration error, in bins of equal
width); El-Yaniv and Wiener 2010 (the risk-coverage curve).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.evaluation.discrimination import (
    Discrimination,
    ReliabilityBin,
    bin_labels,
    measure_calibration_error,
    measure_discrimination,
)
from tasks.evaluation.score import NONE, Gold, Labels, Share

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
"""Shares of the wrong solutions at which precision is told."""
Probabilities = Mapping[str, float]
"""One labeller's probabilities that its labels are right, by id."""


@dataclass(frozen=True)
class RiskPoint:
    """What is had of the labels that are at least so sure."""

    at_least: float
    """The probability of the least sure of them."""
    retention: Share
    """Wrong solutions that have such a label."""
    precision: Share
    """Exact ones among these labels that name a step, on wrong and right solutions."""
    expected: float
    """The mean of the probabilities of these."""


@dataclass(frozen=True)
class Calibration:
    """A labeller's probabilities beside gold, of the labels that name a step."""

    expected: float
    """The precision that follows from the probabilities: their mean."""
    exact: Share
    """The precision that is measured."""
    bins: tuple[ReliabilityBin, ...]
    curve: tuple[RiskPoint, ...]
    discrimination: Discrimination
    """How far they tell exact labels from others."""

    @property
    def error(self) -> float:
        """The expected calibration error: the distance of expected and measured precision, bin by bin, by labels."""
        return measure_calibration_error(self.bins)

    @property
    def gap(self) -> float:
        """How far the expected precision lies outside of the interval of the measured one; 0 inside."""
        return measure_gap(self.expected, self.exact)


def measure_gap(expected: float, exact: Share) -> float:
    """How far an expected share lies outside of the 95 % interval of the measured one; 0 inside, and of nothing."""
    low, high = exact.interval or (0.0, 1.0)
    return max(0.0, low - expected, expected - high)


def calibrate_labels(gold: Sequence[Gold], labels: Labels, probabilities: Probabilities) -> Calibration | None:
    """The calibration of the labels that name a step and have a probability; None where there is none."""
    wrong = sum(row.first_error != NONE for row in gold)
    rows = sorted(
        (-probabilities[row.id], row.id, labels[row.id] == row.first_error, row.first_error != NONE)
        for row in gold
        if labels.get(row.id) not in (None, NONE) and row.id in probabilities
    )
    if not rows:
        return None
    named = [(-negative, exact) for negative, _, exact, _ in rows]
    curve = _trace_risk([(-negative, exact, is_wrong) for negative, _, exact, is_wrong in rows], wrong)
    return Calibration(
        sum(share for share, _ in named) / len(named),
        Share(sum(exact for _, exact in named), len(named)),
        tuple(bin_labels(named)),
        tuple(curve),
        measure_discrimination(named),
    )


def _trace_risk(rows: Sequence[tuple[float, bool, bool]], wrong: int) -> Iterable[RiskPoint]:
    """Points of the curve: the surest labels until so many of the wrong solutions have one."""
    kept = exact = retained = 0
    total = 0.0
    levels = list(LEVELS)
    for at, (probability, is_exact, is_wrong) in enumerate(rows):
        kept, exact, retained, total = kept + 1, exact + is_exact, retained + is_wrong, total + probability
        tied = at + 1 < len(rows) and rows[at + 1][0] == probability  # labels that are as sure are kept together
        reached = [level for level in levels if retained >= level * wrong - 1e-9]
        if not tied and (reached or at + 1 == len(rows)):  # the last point is that of all labels
            yield RiskPoint(probability, Share(retained, wrong), Share(exact, kept), total / kept)
            levels = levels[len(reached) :]
