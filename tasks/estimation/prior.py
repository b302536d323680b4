"""How sure a judge's word is before and after rollouts: what a pilot measures, and how many failures suffice.

A judge that names a step is exact (the prefix before it is right, the one
through it wrong), too early (both right) or too late (both wrong). Right
prefixes succeed with a rate p, wrong ones with a rate q, which differ from
problem to problem: both are Beta distributions. A pilot's counts give the
shares of the three cases and both distributions by expectation maximisation;
Bayes' rule then says after each rollout how likely the judge is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, lgamma, log
from typing import NamedTuple

MOST = 16
"""Rollouts from one prefix, at most."""
_MEANS = tuple(
    i / 200
    for i in (1, 2, 4, 6, 10, 14, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190)
)
_SIZES = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_ROUNDS = 30
_APART = 1.5
"""Right prefixes succeed at least so many times as often as wrong ones; else the cases would change places."""


class Seen(NamedTuple):
    """Rollouts from a prefix."""

    right: int
    wrong: int


class Rate(NamedTuple):
    """A Beta distribution of success rates."""

    mean: float
    size: float
    """Its two parameters' sum: the larger, the more alike are the problems."""


class Shares(NamedTuple):
    """How often a judge that names a step is exact, too early, too late."""

    exact: float
    early: float
    late: float


@dataclass(frozen=True)
class Prior:
    """What is known before a row is looked at."""

    shares: Shares
    right: Rate
    """Success rates of right prefixes."""
    wrong: Rate
    """Success rates of prefixes with a wrong step."""
    rows: int = 0
    """Rows of the pilot; with 0 all this is assumed, not measured."""
    sunk: float = 0.0
    """What a row has cost before it is tested, its judgements and its writing, in rollouts."""

    def exact(self, before: Seen | None, through: Seen, last: bool) -> float:
        """The probability that the judge is exact; `before` is None where it names the first step.

        Of the first step it cannot be too late, of the last not too early, and
        through the last nothing is rolled out.
        """
        seen = before or Seen(0, 0)
        both = Seen(seen.right + through.right, seen.wrong + through.wrong)
        exact = self.shares.exact * likelihood(self.right, *seen) * likelihood(self.wrong, *through)
        early = 0.0 if last else self.shares.early * likelihood(self.right, *both)
        late = 0.0 if before is None else self.shares.late * likelihood(self.wrong, *both)
        return exact / (exact + early + late)

    def failures(self, precision: float, before: Seen | None, last: bool) -> int | None:
        """How many rollouts through the step must fail to be so sure; None where not even `MOST` do."""
        fewest = 0 if last else 1
        for count in range(fewest, 1 if last else MOST + 1):
            if self.exact(before, Seen(0, count), last) >= precision:
                return count
        return None

    def patience(self, precision: float) -> int:
        """How many rollouts before the step to try, so that a kept row costs least (with what it cost before: `sunk`)."""
        best, fewest = MOST, float("inf")
        kept, cost = 0.0, self.sunk
        for tries in range(1, MOST + 1):
            now = {case: self._first_success(case, tries) for case in ("exact", "early", "late")}
            needed = self.failures(precision, Seen(1, tries - 1), last=False)
            cost += sum(self._still_trying(case, tries) for case in now)
            cost += sum(now.values()) * (needed or 0)
            if needed is not None:
                kept += now["exact"] * likelihood(self.wrong, 0, needed)
            if kept and cost / kept < fewest:
                best, fewest = tries, cost / kept
        return best

    def _rate(self, case: str) -> tuple[float, Rate]:
        return getattr(self.shares, case), self.wrong if case == "late" else self.right

    def _first_success(self, case: str, tries: int) -> float:
        share, rate = self._rate(case)
        return share * likelihood(rate, 1, tries - 1)

    def _still_trying(self, case: str, tries: int) -> float:
        share, rate = self._rate(case)
        return share * likelihood(rate, 0, tries - 1)

    def __str__(self) -> str:
        if not self.rows:
            return "prior assumed"
        return f"pilot of {self.rows}: p {self.right.mean:.3g}, q {self.wrong.mean:.3g}, judge exact {self.shares.exact:.2f}"


ASSUMED = Prior(Shares(0.6, 0.2, 0.2), Rate(0.5, 2.0), Rate(0.05, 1.0))


@cache
def likelihood(rate: Rate, right: int, wrong: int) -> float:
    """The probability of such a sequence of successes and failures."""
    a, b = rate.mean * rate.size, (1 - rate.mean) * rate.size
    together = lgamma(a + right) + lgamma(b + wrong) - lgamma(a + b + right + wrong)
    return exp(together + lgamma(a + b) - lgamma(a) - lgamma(b))


def measured(pilot: Sequence[tuple[Seen, Seen]], sunk: float = 0.0) -> Prior:
    """The prior that a pilot's counts, before and through the judge's step, make likeliest."""
    found = ASSUMED
    for _ in range(_ROUNDS if pilot else 0):
        cases = [_cases(found, before, through) for before, through in pilot]
        # one row more of each case: a pilot that saw none does not say that there is none
        shares = Shares(*((1 + sum(column)) / (3 + len(pilot)) for column in zip(*cases)))
        rights, wrongs = [], []
        for (before, through), (exact, early, late) in zip(pilot, cases):
            both = Seen(before.right + through.right, before.wrong + through.wrong)
            rights += [(exact, before), (early, both)]
            wrongs += [(exact, through), (late, both)]
        wrong = _likeliest(wrongs, 0.0)
        found = Prior(shares, _likeliest(rights, wrong.mean * _APART), wrong, len(pilot), sunk)
    return found


def _cases(prior: Prior, before: Seen, through: Seen) -> tuple[float, float, float]:
    """How likely a row's judge is exact, too early, too late."""
    both = Seen(before.right + through.right, before.wrong + through.wrong)
    weights = (
        prior.shares.exact * likelihood(prior.right, *before) * likelihood(prior.wrong, *through),
        prior.shares.early * likelihood(prior.right, *both),
        prior.shares.late * likelihood(prior.wrong, *both),
    )
    total = sum(weights)
    return weights[0] / total, weights[1] / total, weights[2] / total


def _likeliest(weighted: Sequence[tuple[float, Seen]], above: float) -> Rate:
    """The distribution of rates, of those with a mean above a bound, that makes weighted counts likeliest."""
    totals: dict[Seen, float] = {}
    for weight, seen in weighted:
        totals[seen] = totals.get(seen, 0.0) + weight
    rates = [Rate(mean, size) for mean in _MEANS if mean > above for size in _SIZES] or [Rate(_MEANS[-1], _SIZES[-1])]
    return max(rates, key=lambda rate: sum(w * _log(rate, seen) for seen, w in totals.items()))


@cache
def _log(rate: Rate, seen: Seen) -> float:
    return log(max(likelihood(rate, *seen), 1e-300))
