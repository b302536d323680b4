"""What asking is worth: how much a reply is expected to tell, and the chance that all that may be asked decides a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tasks.localize.posterior.evidence import EvidenceBatch, Floats, Integers
from tasks.localize.posterior.likelihoods import sum_logs, weigh_rollouts, weigh_votes
from tasks.localize.posterior.predictions import RolloutPredictions, count_votes, draw_places, draw_votes
from tasks.localize.posterior.rates import ROLLOUTS, Rates, VoteRates

DRAWS = 32
"""Futures of a row that are drawn."""
SEED = 1
_LEAST = 1e-12


def measure_information(logs: Floats, replies: Floats, weight: float) -> Floats:
    """The information, in nats, that replies are expected to give about where a solution first goes wrong.

    Args:
        logs: The log-posterior: rows × outcomes.
        replies: The chance of each reply: rows × outcomes × questions × replies.
        weight: The weight of such evidence.

    Returns:
        How much smaller the entropy is expected to be: rows × questions.

    """
    chances = np.einsum("rj,rjqv->rqv", np.exp(logs), replies)
    after = np.moveaxis(logs[:, :, None, None] + weight * np.log(np.maximum(replies, _LEAST)), 1, -1)
    expected = (chances * measure_entropy(after - sum_logs(after)[..., None])).sum(axis=-1)
    return np.asarray(measure_entropy(logs)[:, None] - expected)


def measure_entropy(logs: Floats) -> Floats:
    """The entropy, in nats, of distributions over the last axis, given by their logarithms."""
    return np.asarray(-(np.exp(logs) * np.where(np.isfinite(logs), logs, 0.0)).sum(axis=-1))


def forecast_decisions(
    batch: EvidenceBatch, rates: Rates, logs: Floats, rollouts: Integers, votes: Mapping[str, Integers], until: float
) -> Floats:
    """The chance that a row is decided once all is asked that may be asked, by draws of what the replies are.

    Args:
        batch: The rows.
        rates: The rates.
        logs: Their log-posterior.
        rollouts: Rollouts that may still be asked for: rows × (the start, each step's prefix).
        votes: By rater the votes that may still be asked for, of each row.
        until: The probability that decides.

    Returns:
        A share of the draws for each row.

    """
    random = np.random.default_rng(SEED)
    rows = np.repeat(np.arange(len(batch)), DRAWS)
    outcomes = draw_places(np.exp(logs)[rows], random)
    total = logs[rows]
    if rollouts.any():
        number = rollouts[rows]
        succeeded = RolloutPredictions(batch, rates.rollouts).draw(rows, outcomes, number, random)
        future = _add_rollouts(batch.select(rows), number, succeeded)
        change = weigh_rollouts(future, rates.rollouts) - weigh_rollouts(batch, rates.rollouts)[rows]
        total = total + rates.weigh(ROLLOUTS) * change
    for rater, left in votes.items():
        if left.any():
            own = rates.votes.get(rater, VoteRates())
            counts = batch.votes.get(rater, np.zeros((len(batch), len(batch.places) + 2)))
            drawn = draw_votes(count_votes(batch, rater, own)[rows, outcomes], left[rows], random)
            change = weigh_votes(batch.lengths[rows], counts[rows] + drawn, own)
            total = total + rates.weigh(rater) * (change - weigh_votes(batch.lengths, counts, own)[rows])
    surest = np.exp(total - sum_logs(total)[:, None]).max(axis=1)
    return np.asarray((surest >= until).reshape(-1, DRAWS).mean(axis=1))


def _add_rollouts(batch: EvidenceBatch, number: Integers, succeeded: Floats) -> EvidenceBatch:
    """The evidence with rollouts more: rows × (the start, each step's prefix)."""
    start = batch.start + np.stack([number[:, 0], succeeded[:, 0]], axis=1)
    return replace(batch, start=start, tried=batch.tried + number[:, 1:], succeeded=batch.succeeded + succeeded[:, 1:])
