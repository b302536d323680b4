"""The log-likelihood of evidence, given where a solution first goes wrong: one function for each sort of evidence.

Each takes a batch and rates, and gives an array with a row for each solution
and a column for each outcome: steps in their order; none stands at the place
of the solution's length. What an outcome cannot be is minus infinity, in the
prior alone. All sorts know the order of the steps: before the first wrong step
they are right, behind it they follow from it.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tasks.localize.posterior.evidence import DEPTHS, NONE, EvidenceBatch, Floats, Integers, Marks
from tasks.localize.posterior.rates import DEFAULT_MARKS, ROLLOUTS, Rates, RolloutRates, Table, VoteRates

LEVELS = np.linspace(-5.0, 3.0, 9)
"""Log-odds of success among which the rate of a row's problem is integrated over."""
RECOVERIES = np.array([-5.5, -3.0, -1.0])
"""The same behind the first wrong step: never, sometimes, often."""
PLACES = 5
_TINY = 1e-9


def list_likelihoods(batch: EvidenceBatch, rates: Rates) -> dict[str, Floats]:
    """The log-likelihood of each sort of evidence that the batch has, by its name."""
    result = {}
    if batch.tried.any():
        result[ROLLOUTS] = weigh_rollouts(batch, rates.rollouts)
    for name, marks in batch.marks.items():
        result[name] = weigh_marks(batch, marks, rates.marks.get(name, DEFAULT_MARKS[name]))
    for rater, counts in batch.votes.items():
        result[rater] = weigh_votes(batch.lengths, counts, rates.votes.get(rater, VoteRates()))
    return result


def weigh_prior(batch: EvidenceBatch, rates: Rates) -> Floats:
    """The log-probability of each outcome by verdict and length alone."""
    places = np.log(np.asarray(rates.places))[classify_places(batch)]
    steps = np.where(batch.steps, places, -np.inf)
    steps -= sum_logs(steps)[:, None]
    right = np.array([rates.right.get(verdict, 0.0) for verdict in batch.verdicts])
    with np.errstate(divide="ignore"):
        return _append_none(batch, steps + np.log1p(-right)[:, None], np.log(right))


def share_unseen(batch: EvidenceBatch, rates: Rates, chances: Floats) -> Floats:
    """The distributions with what no evidence shows: some right answers that look right in each step have a wrong one.

    Args:
        batch: The evidence.
        rates: The rates.
        chances: The probability of each outcome, a wrong step being one that shows.

    Returns:
        The probability of each outcome; of right answers a part of that of none has gone to the steps.

    """
    result = chances.copy()
    rows, none = np.flatnonzero(~batch.faulty), batch.lengths[~batch.faulty]
    share = rates.right.get("right", 1.0)
    hidden = min(1.0, (1 - share) * rates.unseen / max(_TINY, 1 - rates.unseen) / share)
    places = np.asarray(rates.places)[classify_places(batch)] * batch.steps
    moved = hidden * chances[rows, none]
    result[rows, none] -= moved
    result[rows, :-1] += moved[:, None] * (places / places.sum(axis=1, keepdims=True))[rows]
    return result


def classify_places(batch: EvidenceBatch) -> Integers:
    """Of each step whether it is the first, in the early, middle or late third between, or the last."""
    last = batch.lengths[:, None] - 1
    places = batch.places[None, :]
    third = 1 + np.minimum(2, 3 * (places - 1) // np.maximum(1, last - 1))
    return np.where(places == 0, 0, np.where(places == last, PLACES - 1, np.clip(third, 1, 3)))


def weigh_rollouts(batch: EvidenceBatch, rates: RolloutRates) -> Floats:
    """Counts of rollouts by prefix: beta-binomial about a rate of the row, before and behind the first wrong step.

    The rate is that of the row's problem, unknown, normal in its log-odds and
    integrated over, so that failures before a step say that the problem is
    hard rather than that each of the prefixes is wrong.

    Args:
        batch: The evidence.
        rates: The rates.

    Returns:
        The log-likelihood of each outcome, but for what is the same for all.

    """
    through, after = weigh_levels(batch, rates)
    return sum_logs(through) + sum_logs(after)


def weigh_levels(batch: EvidenceBatch, rates: RolloutRates) -> tuple[Floats, Floats]:
    """The log-likelihood of each outcome together with each level before the first wrong step, and behind it."""
    before, behind = weigh_counts(batch, rates)
    level = -0.5 * ((LEVELS - rates.easiness) / np.exp(rates.spread)) ** 2
    recovery = np.array([0.0, rates.recovery, rates.easy_recovery])
    start = weigh_start(batch, rates) + (level - sum_logs(level))
    through = sum_before(before) + start[:, None, :]
    return through, sum_from(behind) + (recovery - sum_logs(recovery))


def weigh_start(batch: EvidenceBatch, rates: RolloutRates) -> Floats:
    """The log-likelihood of rollouts from the start at each level: they say how hard the problem is."""
    from scipy.special import expit  # a third of a second to import: only who weighs evidence pays for it

    unique, at = np.unique(batch.start.astype(np.int64), axis=0, return_inverse=True)
    values = _beta_binomial(unique[:, 1:], unique[:, :1], expit(LEVELS[None, :]), np.exp(rates.scatter))
    return np.asarray(values[at.ravel()])


def weigh_counts(batch: EvidenceBatch, rates: RolloutRates) -> tuple[Floats, Floats]:
    """The log-likelihood of each prefix' counts at each level, before and behind the first wrong step."""
    from scipy.special import expit

    unique, at = batch.counted  # the same few counts come again and again: each is worked out once
    succeeded, tried, share = unique[:, :1], unique[:, 1:2], unique[:, 2:] / DEPTHS
    before = _beta_binomial(succeeded, tried, expit(LEVELS[None, :] + rates.slope * share), np.exp(rates.scatter))
    behind = _beta_binomial(succeeded, tried, expit(RECOVERIES[None, :]), np.exp(rates.recovery_scatter))
    return before[at], behind[at]


def _beta_binomial(succeeded: Integers, tried: Integers, rate: Floats, scatter: float) -> Floats:
    """Without the binomial coefficient, which is the same wherever a solution goes wrong, and however tests were stopped."""
    from scipy.special import betaln

    a, b = rate * scatter, (1 - rate) * scatter
    result: Floats = betaln(a + succeeded, b + tried - succeeded) - betaln(a, b)
    return result


def weigh_marks(batch: EvidenceBatch, marks: Marks, rates: Table) -> Floats:
    """Signs at steps, independent of each other given whether a step is right, the first wrong one, or later."""
    steps = batch.steps & marks.rows[:, None]
    before, at, behind, sound = (np.log(np.asarray(row))[np.where(steps, marks.signs, 0)] * steps for row in rates)
    before = np.where(batch.faulty[:, None], before, sound)
    behind_next = np.zeros((len(batch), len(batch.places) + 1))
    behind_next[:, :-1] = sum_from(behind)[:, 1:]
    result = sum_before(before)
    result[:, :-1] += at + behind_next[:, :-1]
    return result


def weigh_votes(lengths: Integers, counts: Floats, rates: VoteRates) -> Floats:
    """One rater's votes: Dirichlet-multinomial, so that votes which share the row's blind spot are not counted each anew."""
    width = counts.shape[1] - 2
    result = np.zeros((len(lengths), width + 1))  # behind a solution nothing is possible, as its prior says
    for first in range(width):
        result[:, first] = _dirichlet(counts, spread_votes(lengths, width, first, rates))
    result[np.arange(len(lengths)), lengths] = _dirichlet(counts, spread_votes(lengths, width, NONE, rates))
    return result


def spread_votes(lengths: Integers, width: int, first: int, rates: VoteRates) -> Floats:
    """The pseudo-counts of a rater's votes where a step is the first wrong one, or none is: of each place, of none, of nothing."""
    places = np.arange(width)[None, :]
    mask = places < lengths[:, None]
    if first == NONE:
        named = max(1 - rates.right_none - rates.right_undecided, _TINY)
        alpha, others = np.repeat(named / lengths[:, None], width, axis=1), (rates.right_none, rates.right_undecided)
    else:
        share = list_wrong_shares(rates)
        later = share["late"] / np.maximum(lengths - 1 - first, 1)[:, None]
        alpha = np.where(places < first, share["early"] / max(first, 1), np.where(places == first, share["hit"], later))
        others = (share["none"], share["undecided"])
    result = np.concatenate([alpha * mask, np.broadcast_to(np.array(others), (len(lengths), 2))], axis=1)
    # the first and the last step may lack a share: none is early, none late
    return np.asarray(result * (rates.concentration / result.sum(axis=1))[:, None] + _TINY)


def list_wrong_shares(rates: VoteRates) -> Mapping[str, float]:
    """The shares of votes on wrong solutions."""
    return {name: getattr(rates, name) for name in ("hit", "early", "late", "none", "undecided")}


def _dirichlet(counts: Floats, pseudo: Floats) -> Floats:
    """The log-likelihood of a row's votes, given pseudo-counts."""
    from scipy.special import gammaln

    total, votes = pseudo.sum(axis=1), counts.sum(axis=1)
    terms = (gammaln(pseudo + counts) - gammaln(pseudo)).sum(axis=1)
    return np.asarray(gammaln(total) - gammaln(total + votes) + terms, dtype=np.float64)


def sum_logs(values: Floats) -> Floats:
    """The logarithm of the sum of the last axis' exponentials; scipy's does the same in four times the time."""
    highest = values.max(axis=-1, keepdims=True)
    highest = np.where(np.isfinite(highest), highest, 0.0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.exp(values - highest).sum(axis=-1)) + highest[..., 0])


def sum_expected(likelihood: Floats, expected: Floats) -> float:
    """The expected log-likelihood; what cannot be is not expected either."""
    return float(np.where(expected > 0, expected * np.where(np.isfinite(likelihood), likelihood, 0.0), 0.0).sum())


def _append_none(batch: EvidenceBatch, steps: Floats, none: Floats) -> Floats:
    """Outcomes of which that of none stands at the place of the row's length; places behind it are impossible."""
    result = np.full((len(batch), steps.shape[1] + 1), -np.inf)
    result[:, :-1] = steps
    result[np.arange(len(batch)), batch.lengths] = none
    return result


def sum_before(values: Floats) -> Floats:
    """Of each place the sum of what stands before it; one place more."""
    result = np.zeros((values.shape[0], values.shape[1] + 1, *values.shape[2:]))
    np.cumsum(values, axis=1, out=result[:, 1:])
    return result


def sum_from(values: Floats) -> Floats:
    """Of each place the sum from it on; one place more, which is 0."""
    result = np.zeros((values.shape[0], values.shape[1] + 1, *values.shape[2:]))
    result[:, :-1] = np.cumsum(values[:, ::-1], axis=1)[:, ::-1]
    return result
