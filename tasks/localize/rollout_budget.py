"""How reliable a judge is, what a pilot measures of it, and how many rollouts suffice.

A judge that names a step is exact (the prefix before it is right, the one
through it wrong), too early (both right) or too late (both wrong). Right
prefixes succeed with a rate p, wrong ones with a rate q, which differ from
problem to problem: both are Beta distributions. A pilot's counts give the
shares of the three cases and both distributions by expectation maximisation,
and these say of any number of rollouts what it costs and how precise it is.
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


class RolloutRule(NamedTuple):
    """How many rollouts to make."""

    before: int
    """Before the step, until one succeeds: after so many without a success the row is given up."""
    through: int
    """Through the step, all of which must fail."""


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

    def rule(self, precision: float) -> RolloutRule:
        """The cheapest rule, in rollouts a kept row that is right, whose kept rows are right so often.

        With what a row has cost before (`sunk`): else one would try each row
        once and throw most away. Where no rule is so precise, the most precise.

        Args:
            precision: The share of kept rows that are to be right, between 0 and 1.

        Returns:
            Rollouts before and through the step.

        """
        rules = [RolloutRule(before, through) for before in range(1, MOST + 1) for through in range(1, MOST + 1)]
        expected = [(rule, *self.expected(rule)) for rule in rules]
        good = [(rule, cost / right) for rule, right, kept, cost in expected if right / kept >= precision]
        if good:
            return min(good, key=lambda entry: entry[1])[0]
        return max(expected, key=lambda entry: entry[1] / entry[2])[0]

    def expected(self, rule: RolloutRule) -> tuple[float, float, float]:
        """Of a row whose judge names a middle step: the chance that it is kept and right, that it is kept, and its cost."""
        exact = Seen(0, rule.through)
        right = self.shares.exact * (1 - likelihood(self.right, 0, rule.before)) * likelihood(self.wrong, *exact)
        kept, cost = right, self.sunk
        cost += (
            self.shares.exact * (1 - likelihood(self.right, 0, rule.before)) * _tries(self.wrong, 0, 0, rule.through)
        )
        rates = ((self.shares.early, self.right), (self.shares.late, self.wrong))
        for share, rate in ((self.shares.exact, self.right), *rates):
            cost += share * _tries(rate, 0, 0, rule.before)
        for failed in range(rule.before):
            kept += sum(share * likelihood(rate, 1, failed + rule.through) for share, rate in rates)
            cost += sum(share * _tries(rate, 1, failed, rule.through) for share, rate in rates)
        return right, kept, cost

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


def _tries(rate: Rate, right: int, wrong: int, most: int) -> float:
    """The chance of what was seen, times the rollouts then made until one succeeds, at most so many."""
    return sum(likelihood(rate, right, wrong + i) for i in range(most))


def fit_prior(pilot: Sequence[tuple[Seen, Seen]], sunk: float = 0.0) -> Prior:
    """The prior that a pilot's counts, before and through the judge's step, make likeliest."""
    prior = ASSUMED
    for _ in range(_ROUNDS if pilot else 0):
        cases = [_cases(prior, before, through) for before, through in pilot]
        # one row more of each case: a pilot that saw none does not say that there is none
        shares = Shares(*((1 + sum(column)) / (3 + len(pilot)) for column in zip(*cases)))
        rights, wrongs = [], []
        for (before, through), (exact, early, late) in zip(pilot, cases):
            both = Seen(before.right + through.right, before.wrong + through.wrong)
            rights += [(exact, before), (early, both)]
            wrongs += [(exact, through), (late, both)]
        wrong = _likeliest(wrongs, 0.0)
        prior = Prior(shares, _likeliest(rights, wrong.mean * _APART), wrong, len(pilot), sunk)
    return prior


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
