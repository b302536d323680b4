"""What further evidence would say: the same as its likelihood beside that of what is known, and as what is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tasks.localize.posterior.evidence import EvidenceBatch, collect_evidence
from tasks.localize.posterior.likelihoods import weigh_rollouts, weigh_votes
from tasks.localize.posterior.predictions import RolloutPredictions, count_votes, draw_places, draw_votes
from tasks.localize.posterior.rates import RolloutRates, VoteRates
from tests.tasks.localize.posterior.simulated import LABELS


@pytest.fixture
def batch() -> EvidenceBatch:
    rows = [
        {"steps": ["a"] * 4, "tried": [3, 2, 0, 1], "succeeded": [2, 0, 0, 0], "start_tried": 4, "start_succeeded": 1},
        {"steps": ["a"] * 2, "tried": [1, 1], "succeeded": [1, 0], "judges": ["m #0", "m #1"], "judge_labels": [1, -1]},
    ]
    return collect_evidence([{"question": "", "verdict": "wrong", **row} for row in rows], LABELS)


def add(batch: EvidenceBatch, prefix: int, success: int) -> EvidenceBatch:
    """The evidence with one rollout more of each row."""
    if prefix == 0:
        return replace(batch, start=batch.start + np.array([[1, success]]))
    tried, succeeded = batch.tried.copy(), batch.succeeded.copy()
    tried[:, prefix - 1] += 1
    succeeded[:, prefix - 1] += success
    return replace(batch, tried=tried, succeeded=succeeded)


@pytest.mark.parametrize("prefix", [0, 1, 2, 3])
def test_the_next_rollout_is_predicted_as_its_likelihood_says(batch: EvidenceBatch, prefix: int) -> None:
    rates = RolloutRates(easiness=0.3, slope=0.8, scatter=1.2)
    chances = RolloutPredictions(batch, rates).predict(np.full((2, 1), prefix))[:, :, 0]
    change = np.exp(weigh_rollouts(add(batch, prefix, 1), rates) - weigh_rollouts(batch, rates))
    failure = np.exp(weigh_rollouts(add(batch, prefix, 0), rates) - weigh_rollouts(batch, rates))
    for row, length in enumerate(batch.lengths):
        if prefix < length:
            assert chances[row, : length + 1] == pytest.approx(change[row, : length + 1])
            assert 1 - chances[row, : length + 1] == pytest.approx(failure[row, : length + 1])


def test_rollouts_are_drawn_as_they_are_predicted(batch: EvidenceBatch) -> None:
    predictions = RolloutPredictions(batch, RolloutRates())
    draws = 20_000
    number = np.zeros((draws, 5), dtype=np.int64)
    number[:, 1] = number[:, 3] = 1
    drawn = predictions.draw(np.zeros(draws, int), np.full(draws, 2), number, np.random.default_rng(0))
    expected = predictions.predict(np.array([[1, 3], [1, 1]]))[0, 2]
    assert drawn[:, [1, 3]].mean(axis=0) == pytest.approx(expected, abs=0.015)
    assert drawn[:, [0, 2, 4]].sum() == 0


def test_the_next_vote_is_predicted_as_its_likelihood_says(batch: EvidenceBatch) -> None:
    rates = VoteRates(concentration=1.5)
    counts = count_votes(batch, "m", rates)
    chances = counts / counts.sum(axis=2, keepdims=True)
    votes = batch.votes["m"]
    for value in range(votes.shape[1]):
        more = votes.copy()
        more[:, value] += 1
        change = np.exp(weigh_votes(batch.lengths, more, rates) - weigh_votes(batch.lengths, votes, rates))
        for row, length in enumerate(batch.lengths):
            assert chances[row, : length + 1, value] == pytest.approx(change[row, : length + 1], abs=1e-6)


def test_votes_are_drawn_as_they_are_predicted() -> None:
    counts = np.tile([3.0, 1.0, 0.0, 1.0], (20_000, 1))
    drawn = draw_votes(counts, np.full(20_000, 2), np.random.default_rng(0))
    assert drawn.sum(axis=1).tolist() == [2] * 20_000
    assert drawn.mean(axis=0) == pytest.approx([1.2, 0.4, 0.0, 0.4], abs=0.02)


def test_places_are_drawn_by_their_chances_and_never_where_there_is_none() -> None:
    places = draw_places(np.tile([0.0, 0.7, 0.0, 0.3, 0.0], (20_000, 1)), np.random.default_rng(0))
    assert np.bincount(places, minlength=5) / 20_000 == pytest.approx([0, 0.7, 0, 0.3, 0], abs=0.02)
