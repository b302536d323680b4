"""What asking is worth, where it can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.localize.active.gains import forecast_decisions, measure_entropy, measure_information
from tasks.localize.posterior.evidence import collect_evidence
from tasks.localize.posterior.fit import distribute
from tasks.localize.posterior.rates import Rates
from tests.tasks.localize.posterior.simulated import LABELS


def test_a_reply_that_tells_two_outcomes_apart_is_worth_their_entropy_and_another_nothing() -> None:
    logs = np.log(np.array([[0.5, 0.5]]))
    telling, silent = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[0.3, 0.7], [0.3, 0.7]])
    replies = np.stack([telling, silent], axis=1)[None]  # rows × outcomes × questions × replies
    assert measure_information(logs, replies, 1.0)[0] == pytest.approx([np.log(2), 0], abs=1e-9)


def test_evidence_of_little_weight_is_worth_little() -> None:
    logs, replies = np.log(np.array([[0.6, 0.4]])), np.array([[[[0.9, 0.1]], [[0.2, 0.8]]]])
    full, half, none = (float(measure_information(logs, replies, weight)[0, 0]) for weight in (1.0, 0.5, 0.0))
    assert full > half > none == pytest.approx(0, abs=1e-12)
    p = np.array([0.6 * 0.9 + 0.4 * 0.2, 0.6 * 0.1 + 0.4 * 0.8])
    after = [np.array([0.6 * 0.9, 0.4 * 0.2]) / p[0], np.array([0.6 * 0.1, 0.4 * 0.8]) / p[1]]
    expected = sum(chance * -(q * np.log(q)).sum() for chance, q in zip(p, after))
    assert full == pytest.approx(-(0.6 * np.log(0.6) + 0.4 * np.log(0.4)) - expected)


def test_an_outcome_that_cannot_be_has_no_entropy() -> None:
    assert measure_entropy(np.array([[0.0, -np.inf]])) == pytest.approx([0])


def test_rows_that_rollouts_can_decide_are_told_from_those_that_they_cannot() -> None:
    solved = {"start_tried": 8, "start_succeeded": 8, "tried": [4, 0, 0, 1], "succeeded": [4, 0, 0, 0]}
    unsolved = {"start_tried": 30, "start_succeeded": 0, "tried": [8, 0, 0, 1], "succeeded": [0, 0, 0, 0]}
    rows = [{"question": "", "verdict": "wrong", "steps": ["a"] * 4, **row} for row in (solved, unsolved)]
    batch, rates = collect_evidence(rows, LABELS), Rates()
    logs = distribute(batch, rates)[0]
    left = np.tile([0, 0, 12, 12, 0], (2, 1))
    chances = forecast_decisions(batch, rates, logs, left, {}, 0.85)
    assert chances[0] > 0.6 > 0.2 > chances[1]
    assert forecast_decisions(batch, rates, logs, 0 * left, {}, 0.85).tolist() == [0, 0]
    again = forecast_decisions(batch, rates, logs, left, {}, 0.85)
    assert again.tolist() == chances.tolist()


def test_votes_that_may_be_asked_can_decide_a_row_too() -> None:
    row = {"question": "", "verdict": "wrong", "steps": ["a"] * 3, "judges": ["m #0"], "judge_labels": [1]}
    batch, rates = collect_evidence([row], LABELS), Rates(weights={"m": 1.0})
    logs = distribute(batch, rates)[0]
    nothing = np.zeros((1, 4), dtype=np.int64)
    votes = [forecast_decisions(batch, rates, logs, nothing, {"m": np.array([n])}, 0.7)[0] for n in (0, 30)]
    assert votes[0] == 0 < votes[1]
