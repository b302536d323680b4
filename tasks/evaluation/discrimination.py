"""Scores beside verdicts: do right answers score higher, and are scores that are probabilities true to their word.

Sources: Hanley and McNeil 1982 (the area under the ROC curve as the probability
that a right answer scores above a wrong one, ties counting half); Newcombe 2006
("Confidence intervals for an effect size measure based on the Mann-Whitney
statistic", part 2, method 5: an interval that is no point at 0 and 1); Brier 1950;
Naeini et al. 2015 (expected calibration error, in bins of equal width).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tasks.evaluation.score import Share

BINS = 10
_Z = 1.959963984540054
_HALVINGS = 60


@dataclass(frozen=True)
class ReliabilityBin:
    """Labels that are said to be right with about the same probability."""

    low: float
    high: float
    labels: int
    expected: float
    """The mean of their probabilities."""
    exact: Share
    """How many are right."""


@dataclass(frozen=True)
class Discrimination:
    """How far scores tell right answers from wrong ones."""

    right: int
    wrong: int
    auroc: float | None
    """The probability that a right answer scores higher than a wrong one; None where there are none of either."""
    interval: tuple[float, float] | None
    """Its 95 % interval."""
    brier: float | None
    """The mean squared distance of scores and truth (0 or 1); None where a score is no probability."""
    calibration_error: float | None
    """The expected calibration error in ten bins, likewise."""


def measure_discrimination(pairs: Sequence[tuple[float, bool]]) -> Discrimination:
    """How far scores tell right answers from wrong ones.

    Args:
        pairs: Scores, and whether the answer is right; the higher the score the surer it is to be.

    Returns:
        The area under the ROC curve with its interval; where all scores lie between 0 and 1 how true they are as probabilities.

    """
    right = sum(is_right for _, is_right in pairs)
    wrong = len(pairs) - right
    area = measure_area(pairs)
    probable = bool(pairs) and all(0 <= score <= 1 for score, _ in pairs)
    return Discrimination(
        right,
        wrong,
        area,
        None if area is None else find_area_interval(area, right, wrong),
        measure_brier(pairs) if probable else None,
        measure_calibration_error(bin_labels(pairs)) if probable else None,
    )


def bin_labels(labels: Iterable[tuple[float, bool]]) -> list[ReliabilityBin]:
    """Labels with their probabilities, by bins of equal width; empty ones are left out."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for probability, exact in labels:
        bins.setdefault(min(int(probability * BINS), BINS - 1), []).append((probability, exact))
    return [
        ReliabilityBin(
            at / BINS, (at + 1) / BINS, len(rows), sum(share for share, _ in rows) / len(rows),
            Share(sum(exact for _, exact in rows), len(rows)),
        )
        for at, rows in sorted(bins.items())
    ]  # fmt: skip


def measure_calibration_error(bins: Sequence[ReliabilityBin]) -> float:
    """The expected calibration error over bins, at least one: how far probabilities and truth lie apart, weighed by labels."""
    total = sum(part.labels for part in bins)
    return sum(part.labels * abs(part.expected - part.exact.hits / part.labels) for part in bins) / total


def measure_area(pairs: Sequence[tuple[float, bool]]) -> float | None:
    """The share of pairs of a right and a wrong answer of which the right one scores higher, ties counting half; None of no pair."""
    from scipy.stats import rankdata  # a second to import: only who asks pays for it

    right = sum(is_right for _, is_right in pairs)
    wrong = len(pairs) - right
    if not right or not wrong:
        return None
    ranks = rankdata([score for score, _ in pairs])
    above = sum(float(rank) for rank, (_, is_right) in zip(ranks, pairs) if is_right) - right * (right + 1) / 2
    return float(above / (right * wrong))


def measure_brier(pairs: Sequence[tuple[float, bool]]) -> float:
    """The mean squared distance between probabilities and what is so, of at least one."""
    return sum((probability - is_right) ** 2 for probability, is_right in pairs) / len(pairs)


def find_area_interval(area: float, right: int, wrong: int) -> tuple[float, float]:
    """The 95 % interval of an area under the ROC curve: the areas that lie at most 1.96 of their own standard errors from it.

    Args:
        area: The measured area, 0 to 1.
        right: Right answers, at least one.
        wrong: Wrong ones, at least one.

    Returns:
        Its lower and upper end.

    """
    middle = (right + wrong) / 2 - 1

    def lies_within(other: float) -> bool:
        spread = 1 + middle * ((1 - other) / (2 - other) + other / (1 + other))
        return (area - other) ** 2 <= _Z**2 * other * (1 - other) * spread / (right * wrong)

    return _halve(lies_within, area, 0.0), _halve(lies_within, area, 1.0)


def _halve(lies_within: Callable[[float], bool], inside: float, outside: float) -> float:
    """Where the interval ends between a point of it and one that may lie outside."""
    for _ in range(_HALVINGS):
        between = (inside + outside) / 2
        inside, outside = (between, outside) if lies_within(between) else (inside, between)
    return inside
