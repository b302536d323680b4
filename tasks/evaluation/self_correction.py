"""What revising does to answers: right ones kept, wrong ones mended.

Sources: "Confidence v.s. Critique" (arXiv 2412.19513, section 3: CL, CS, RSS);
RealCritic (arXiv 2501.14492, section 4: transitions by prior correctness);
VISCO (arXiv 2412.02172, section 3.3: the correction score); MUSCLE (arXiv
2407.09435, section 3: negative flips). An interval is the percentile bootstrap
over problems (Efron and Tibshirani 1993, chapter 13), since attempts at the
same problem are not independent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.evaluation.score import wilson

Floats = NDArray[np.float64]
_RESAMPLES = 2000
_DRAWN = 4_000_000
"""Counts that are drawn at a time: with many problems all resamples would not fit the memory."""
_KEPT, _BROKEN, _FIXED, _LEFT = range(4)
_OF: Mapping[str, list[int]] = {
    "CL": [_KEPT, _BROKEN],
    "CS": [_FIXED, _LEFT],
    **{key: [0, 1, 2, 3] for key in ("Acc1", "Acc2", "RSS", "NFR")},
}
"""By figure the columns of those that it is a share of."""


@dataclass(frozen=True)
class Transitions:
    """Attempts before and after a revision, as shares of each problem's attempts: an array of problems by four.

    The columns are right and still right, right and now wrong, wrong and now right, wrong and still wrong.
    Each problem counts once, however many attempts it has.
    """

    shares: Floats
    attempts: int
    """Pairs of attempts, all problems together."""

    @property
    def accuracy_before(self) -> float:
        """Acc1: the mean share of right first attempts."""
        return _measure_before(self.shares)

    @property
    def accuracy_after(self) -> float:
        """Acc2: the mean share of right revisions."""
        return _measure_after(self.shares)

    @property
    def confidence_level(self) -> float | None:
        """CL: how many of the right answers are kept; None where none was right."""
        return _measure_confidence(self.shares)

    @property
    def critique_score(self) -> float | None:
        """CS: how many of the wrong answers become right; None where none was wrong."""
        return _measure_critique(self.shares)

    @property
    def relative_score(self) -> float | None:
        """RSS: the accuracy after, between the least and the most that CL and CS of its kind allow; None at 0 and 1."""
        return _measure_relative(self.shares)

    @property
    def negative_flips(self) -> float:
        """NFR: the mean share of attempts that were right and are wrong now."""
        return _measure_flips(self.shares)

    @property
    def correction_score(self) -> float | None:
        """VISCO's: the accuracy after on wrong answers, less what is lost on right ones; None without either."""
        fixed, kept = self.critique_score, self.confidence_level
        return None if fixed is None or kept is None else fixed - (1 - kept)

    def measure_intervals(self, seed: int = 0) -> Mapping[str, tuple[float, float] | None]:
        """The 95 % intervals of the figures.

        Args:
            seed: Of the resampling.

        Returns:
            Those of Acc1, Acc2, CL, CS, RSS and NFR, by these names; None where there is no figure, or of RSS too few resamples have it.

        """
        problems = len(self.shares)
        random, even = np.random.default_rng(seed), np.full(problems, 1 / problems)
        most = max(1, _DRAWN // problems)
        sizes = [min(most, _RESAMPLES - begin) for begin in range(0, _RESAMPLES, most)]
        sums = np.concatenate(
            [random.multinomial(problems, even, size=size) @ self.shares / problems for size in sizes]
        )
        intervals = {name: _find_percentiles(measure, sums) for name, measure in MEASURES.items()}
        return {name: self._widen(name, interval) for name, interval in intervals.items()}

    def _widen(self, name: str, interval: tuple[float, float] | None) -> tuple[float, float] | None:
        """An interval of Wilson, over problems, in the place of one that is a point at 0 or 1, and of a share that few resamples have."""
        figure = MEASURES[name](self.shares)
        if figure is None or (name == "RSS" and interval is None):
            return None
        if interval is not None and interval not in ((0.0, 0.0), (1.0, 1.0)):
            return interval
        problems = int((self.shares[:, _OF[name]].sum(axis=1) > 0).sum())
        return wilson(round(figure * problems), problems)


def count_transitions(pairs: Iterable[tuple[str, bool, bool]]) -> Transitions | None:
    """The transitions of attempts whose verdicts are known.

    Args:
        pairs: Of each attempt its problem, whether it was right, and whether its revision is.

    Returns:
        The shares by problem, in the order of their ids; None of no pair.

    """
    counts: dict[str, list[int]] = {}
    for problem, before, after in pairs:
        counts.setdefault(problem, [0, 0, 0, 0])[2 * (not before) + (not after)] += 1
    return count_shares([counts[problem] for problem in sorted(counts)])


def count_shares(counts: Sequence[Sequence[int]]) -> Transitions | None:
    """The transitions of counted attempts.

    Args:
        counts: Of each problem how many are right and still right, right and now wrong, wrong and now right, wrong and still wrong.

    Returns:
        The shares by problem, in their order; None of no problem.

    """
    if not counts:
        return None
    table = np.array(counts, dtype=np.float64)
    return Transitions(table / table.sum(axis=1, keepdims=True), int(table.sum()))


def _divide(part: float, whole: float) -> float | None:
    return float(part / whole) if whole > 0 else None


def _measure_before(shares: Floats) -> float:
    return float(shares[:, (_KEPT, _BROKEN)].sum(axis=1).mean())


def _measure_after(shares: Floats) -> float:
    return float(shares[:, (_KEPT, _FIXED)].sum(axis=1).mean())


def _measure_confidence(shares: Floats) -> float | None:
    return _divide(shares[:, _KEPT].sum(), shares[:, (_KEPT, _BROKEN)].sum())


def _measure_critique(shares: Floats) -> float | None:
    return _divide(shares[:, _FIXED].sum(), shares[:, (_FIXED, _LEFT)].sum())


def _measure_flips(shares: Floats) -> float:
    return float(shares[:, _BROKEN].mean())


def _measure_relative(shares: Floats) -> float | None:
    before = _measure_before(shares)
    return _divide(_measure_after(shares) - before**2, 2 * before * (1 - before))


MEASURES: Mapping[str, Callable[[Floats], float | None]] = {
    "Acc1": _measure_before,
    "Acc2": _measure_after,
    "CL": _measure_confidence,
    "CS": _measure_critique,
    "RSS": _measure_relative,
    "NFR": _measure_flips,
}


def _find_percentiles(measure: Callable[[Floats], float | None], sums: Floats) -> tuple[float, float] | None:
    """The middle 95 % of a measure over resamples, each of which is as one problem of mean shares."""
    values = [value for row in sums if (value := measure(row[None, :])) is not None]
    if len(values) < 0.95 * len(sums):
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
