"""What further evidence would say, given what is known: the chance of each reply, wherever the first wrong step is.

Rollouts and votes are predicted by the same model that weighs them
(`tasks.localize.posterior.likelihoods`): a problem's unknown rate and a row's
unknown shares of votes are integrated over, given the counts so far.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from tasks.localize.posterior.evidence import DEPTHS, NONE, EvidenceBatch, Floats, Integers
from tasks.localize.posterior.likelihoods import LEVELS, RECOVERIES, spread_votes, sum_logs, weigh_levels
from tasks.localize.posterior.rates import RolloutRates, VoteRates

Random = np.random.Generator


class RolloutPredictions:
    """The chances of the next rollouts of some solutions, from the start of the problem (0) or through a step (1, 2, …).

    Args:
        batch: The solutions, with what is known of them.
        rates: The rates of rollouts.

    """

    def __init__(self, batch: EvidenceBatch, rates: RolloutRates) -> None:
        self.batch, self.rates = batch, rates
        through, after = weigh_levels(batch, rates)
        self.levels = _normalize(through)
        """How probable each level is, by outcome: rows × outcomes × levels,"""
        self.recoveries = _normalize(after)
        """and each rate of recovery."""

    @cached_property
    def before(self) -> tuple[Floats, Floats]:
        """Successes and failures with pseudo-counts, by level: rows × prefixes × levels."""
        batch = self.batch
        share = np.minimum(np.rint(DEPTHS * (batch.places[None, :] + 1) / batch.lengths[:, None]), DEPTHS) / DEPTHS
        share = np.concatenate([np.zeros((len(batch), 1)), share], axis=1)[:, :, None]
        rate = _find_probability(LEVELS[None, None, :] + self.rates.slope * share)
        return self._add_counts(rate, float(np.exp(self.rates.scatter)))

    @cached_property
    def behind(self) -> tuple[Floats, Floats]:
        """The same behind the first wrong step, by rate of recovery."""
        rate = _find_probability(np.asarray(RECOVERIES))[None, None, :]
        return self._add_counts(rate, float(np.exp(self.rates.recovery_scatter)))

    def _add_counts(self, rate: Floats, scatter: float) -> tuple[Floats, Floats]:
        batch = self.batch
        tried = np.hstack([batch.start[:, :1], batch.tried])[:, :, None]
        succeeded = np.hstack([batch.start[:, 1:], batch.succeeded])[:, :, None]
        return rate * scatter + succeeded, (1 - rate) * scatter + tried - succeeded

    def predict(self, prefixes: Integers) -> Floats:
        """The chance that one rollout more succeeds.

        Args:
            prefixes: The prefixes of each row that are asked about: rows × questions.

        Returns:
            Rows × outcomes × questions.

        """
        at = prefixes[:, :, None]
        (a, b), (c, d) = ([np.take_along_axis(v, at, axis=1) for v in pair] for pair in (self.before, self.behind))
        ahead = np.einsum("rjl,rql->rjq", self.levels, a / (a + b))
        past = np.einsum("rjl,rql->rjq", self.recoveries, c / (c + d))
        outcomes = np.arange(self.levels.shape[1])
        return np.asarray(np.where(prefixes[:, None, :] <= outcomes[None, :, None], ahead, past))

    def draw(self, rows: Integers, outcomes: Integers, number: Integers, random: Random) -> Floats:
        """Successes of so many rollouts more (draws × prefixes), drawn for rows and outcomes."""
        (a, b), (c, d) = self.before, self.behind
        level = draw_places(self.levels[rows, outcomes], random)
        recovery = draw_places(self.recoveries[rows, outcomes], random)
        right = np.arange(number.shape[1])[None, :] <= outcomes[:, None]
        successes = np.where(right, a[rows, :, level], c[rows, :, recovery])
        failures = np.where(right, b[rows, :, level], d[rows, :, recovery])
        return np.asarray(random.binomial(number, random.beta(successes, failures)), dtype=np.float64)


def count_votes(batch: EvidenceBatch, rater: str, rates: VoteRates) -> Floats:
    """A rater's votes with pseudo-counts, by outcome: rows × outcomes × (steps, none, nothing)."""
    width = len(batch.places)
    steps = [spread_votes(batch.lengths, width, first, rates) for first in range(width)]
    result = np.stack([*steps, np.ones((len(batch), width + 2))], axis=1)
    result[np.arange(len(batch)), batch.lengths] = spread_votes(batch.lengths, width, NONE, rates)
    if rater in batch.votes:
        result += batch.votes[rater][:, None, :]
    return np.asarray(result)


def draw_votes(counts: Floats, number: Integers, random: Random) -> Floats:
    """So many votes more (one number a draw), by draws of a row's own shares, given its counts: draws × votes."""
    shares = random.gamma(counts)
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-300)
    return np.asarray(random.multinomial(number, shares), dtype=np.float64)


def draw_places(chances: Floats, random: Random) -> Integers:
    """A place of each row of chances."""
    edges = np.cumsum(chances, axis=1)
    places = (random.random((len(chances), 1)) * edges[:, -1:] >= edges).sum(axis=1)
    return np.asarray(np.minimum(places, chances.shape[1] - 1))


def _normalize(logs: Floats) -> Floats:
    return np.asarray(np.exp(logs - sum_logs(logs)[..., None]))


def _find_probability(logits: Floats) -> Floats:
    """Of log-odds; scipy's takes a third of a second to import."""
    return np.asarray(1 / (1 + np.exp(-logits)))
