"""How far labellers agree beyond chance: Cohen's kappa of each pair, Fleiss' kappa of all.

The categories are the steps and none. A solution that one of them leaves
undecided is left out: undecided is no place, and two that both gave up have not
agreed on one. So each kappa comes with the number of solutions it is of; how
many a labeller decides at all is its retention.

Sources: Cohen 1960, A Coefficient of Agreement for Nominal Scales; Fleiss
1971, Measuring Nominal Scale Agreement among Many Raters; Gwet 2021,
Large-Sample Variance of Fleiss Generalized Kappa.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import combinations
from math import sqrt
from typing import Any

import polars as pl

_Z = 1.959963984540054


@dataclass
class RaterPair:
    """Two labellers on the solutions that both decide."""

    counts: Counter[tuple[int, int]] = field(default_factory=Counter)
    """How many solutions have the one's label and the other's."""

    @property
    def rows(self) -> int:
        """Solutions that both decide."""
        return self.counts.total()

    @property
    def same(self) -> int:
        """Solutions that both give the same label."""
        return sum(count for (first, second), count in self.counts.items() if first == second)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa: 1 always the same, 0 as by chance; None of nothing, or where both always say one thing."""
        first: Counter[int] = Counter()
        second: Counter[int] = Counter()
        for (label, other), count in self.counts.items():
            first[label] += count
            second[other] += count
        # in whole numbers: what is expected by chance, times the square of the rows
        expected = sum(first[label] * second[label] for label in first)
        return _beyond(self.same * self.rows, expected, self.rows**2)

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of kappa by Cohen's standard error, within -1 and 1; None where there is no kappa."""
        if self.kappa is None:
            return None
        # 1 - kappa is the share that differs over the share that chance would have differ
        differing = 1 - self.same / self.rows
        half = _Z * sqrt(differing * (1 - differing) / self.rows) * (1 - self.kappa) / differing if differing else 0.0
        return max(-1.0, self.kappa - half), min(1.0, self.kappa + half)


@dataclass
class Agreement:
    """The counts that all kappas follow from; of any number of solutions they are as many as there are labels."""

    pairs: dict[tuple[str, str], RaterPair] = field(default_factory=dict)
    """Each pair of labellers, in the order of their columns."""
    raters: int = 0
    """Labellers, of all."""
    rows: int = 0
    """Solutions that all labellers decide."""
    patterns: Counter[tuple[int, ...]] = field(default_factory=Counter)
    """How many of those solutions are given these labels, by whomever."""

    @property
    def fleiss(self) -> float | None:
        """Fleiss' kappa of all labellers; None of fewer than two, of nothing, or where all always say one thing."""
        ordered = self.raters * (self.raters - 1)
        if not ordered or not self.rows:
            return None
        labels = self._count_labels()
        given, agreeing = labels.total(), sum(_count_agreeing(of) * n for of, n in self.patterns.items())
        expected = sum(count * count for count in labels.values())
        # both shares over one denominator, in whole numbers
        return _beyond(agreeing * given**2, expected * self.rows * ordered, given**2 * self.rows * ordered)

    @property
    def fleiss_interval(self) -> tuple[float, float] | None:
        """Its 95 % interval by the large-sample variance over solutions, within -1 and 1; None where there is no kappa."""
        kappa = self.fleiss
        if kappa is None:
            return None
        ordered, labels = self.raters * (self.raters - 1), self._count_labels()
        shares = {label: count / labels.total() for label, count in labels.items()}
        chance = sum(share**2 for share in shares.values())
        agreed = kappa * (1 - chance) + chance
        squares = 0.0
        for of, number in self.patterns.items():
            alike = _count_agreeing(of) / ordered - agreed
            by_chance = sum(shares[label] for label in of) / self.raters - chance
            squares += number * ((alike - 2 * (1 - kappa) * by_chance) / (1 - chance)) ** 2
        half = _Z * sqrt(squares) / self.rows
        return max(-1.0, kappa - half), min(1.0, kappa + half)

    def _count_labels(self) -> Counter[int]:
        """How often each label is given, of the solutions that all decide."""
        result: Counter[int] = Counter()
        for of, number in self.patterns.items():
            for label in of:
                result[label] += number
        return result

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame.

        Args:
            frame: One column of labels (counted from 0, -1 none, null undecided) a labeller.

        Raises:
            ValueError: The labellers are others than those of the frames before.

        """
        names = frame.columns
        if not names:
            return
        pairs = list(combinations(names, 2))
        if self.raters and (list(self.pairs) != pairs or self.raters != len(names)):
            raise ValueError(f"labellers {', '.join(names)} are not those of the frames before")
        self.raters = len(names)
        for pair in pairs:
            both = frame.select(pair).drop_nulls().group_by(pair).len()
            self.pairs.setdefault(pair, RaterPair()).counts.update(
                {(first, second): n for first, second, n in both.rows()}
            )
        for *labels, count in frame.drop_nulls().group_by(names).len().rows():
            self.rows += count
            self.patterns[tuple(sorted(labels))] += count


def _count_agreeing(labels: tuple[int, ...]) -> int:
    """Ordered pairs of labellers that give a solution the same label."""
    return sum(raters * (raters - 1) for raters in Counter(labels).values())


def _beyond(observed: int, expected: int, of: int) -> float | None:
    """How much of what chance does not do was done: both shares as so many `of`."""
    return (observed - expected) / (of - expected) if of > expected else None


def round_interval(interval: tuple[float, float] | None) -> list[float] | None:
    """An interval as manifests and reports hold it: to four digits; None of none."""
    return None if interval is None else [round(end, 4) for end in interval]


def summarize_fleiss(agreement: Agreement) -> dict[str, Any]:
    """Fleiss' kappa as manifests and reports hold it: with its interval and the rows that all labellers decide."""
    kappa = agreement.fleiss
    return {
        "fleiss": None if kappa is None else round(kappa, 4), "fleiss_interval": round_interval(agreement.fleiss_interval),
        "fleiss_rows": agreement.rows,
    }  # fmt: skip


def measure_agreement(frames: Iterable[pl.DataFrame]) -> Agreement:
    """The agreement over frames, one after the other: nothing of a frame is held but its counts."""
    agreement = Agreement()
    for frame in frames:
        agreement.add(frame)
    return agreement
