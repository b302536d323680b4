"""The likelihood of each sort of evidence, by hand: against the formula, and by what must not matter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.stats import betabinom, dirichlet_multinomial

from tasks.localize.posterior.evidence import EvidenceBatch, Floats, batch_rows, collect_evidence
from tasks.localize.posterior.likelihoods import (
    LEVELS,
    RECOVERIES,
    share_unseen,
    weigh_marks,
    weigh_prior,
    weigh_rollouts,
    weigh_votes,
)
from tasks.localize.posterior.rates import PLAIN_STEPS, Rates, RolloutRates, VoteRates
from tests.tasks.localize.posterior.simulated import LABELS


def collected(*given: dict[str, Any]) -> EvidenceBatch:
    return collect_evidence([{"question": "", "verdict": "wrong", **values} for values in given], LABELS)


def test_rollouts_are_beta_binomial_about_the_rate_of_a_problem_and_lost_at_the_first_wrong_step() -> None:
    tried, succeeded, rates = [8, 5, 8, 1], [6, 2, 0, 0], RolloutRates()
    batch = collected({"steps": ["a"] * 4, "tried": tried, "succeeded": succeeded})
    level = np.exp(-0.5 * ((LEVELS - rates.easiness) / np.exp(rates.spread)) ** 2)
    level /= level.sum()
    recovery = np.exp([0, rates.recovery, rates.easy_recovery])
    recovery /= recovery.sum()

    def chance(at: int, logit: float, scatter: float) -> float:
        rate, total = 1 / (1 + np.exp(-logit)), np.exp(scatter)
        return float(betabinom.pmf(succeeded[at], tried[at], rate * total, (1 - rate) * total))

    expected = []
    for first in range(5):  # 4: none
        before = [
            np.prod([chance(at, x + rates.slope * (at + 1) / 4, rates.scatter) for at in range(min(first, 3))])
            for x in LEVELS
        ]
        behind = [np.prod([chance(at, x, rates.recovery_scatter) for at in range(first, 3)]) for x in RECOVERIES]
        expected.append(float(np.log(level @ before) + np.log(recovery @ behind)))
    rollout = weigh_rollouts(batch, rates)[0]
    assert np.allclose(rollout - rollout[0], np.array(expected) - expected[0])


def test_failures_of_a_hard_problem_say_less_than_failures_after_successes() -> None:
    steps = ["a"] * 5
    hard = collected({"steps": steps, "tried": [8] * 5, "succeeded": [0] * 5})
    easy = collected({"steps": steps, "tried": [8] * 5, "succeeded": [7, 6, 0, 0, 0]})
    of_hard, of_easy = (weigh_rollouts(batch, RolloutRates())[0][:5] for batch in (hard, easy))
    assert of_easy.argmax() == 2 and np.sort(of_easy)[-1] - np.sort(of_easy)[-2] > 1.5
    assert of_hard.max() - of_hard[1:].min() < 4


def test_successes_from_the_start_make_failures_behind_a_step_say_more() -> None:
    given = {"steps": ["a"] * 4, "tried": [8, 0, 0, 1], "succeeded": [0, 0, 0, 0]}
    result = []
    for succeeded in (0, 4, 8):
        batch = collected({**given, "start_tried": 8, "start_succeeded": succeeded})
        logs = weigh_rollouts(batch, RolloutRates())[0]
        result.append(logs[0] - logs[2])
    assert result == sorted(result) and result[2] > result[0] + 1


def test_votes_are_dirichlet_multinomial_over_the_outcomes() -> None:
    rates = VoteRates(hit=0.4, early=0.2, late=0.2, none=0.1, undecided=0.1, concentration=3.0)
    counts = np.array([[2.0, 0, 1, 0, 1, 0]])  # four steps, none, nothing
    vote = weigh_votes(np.array([4]), counts, rates)[0]
    shares = {
        1: [0.2, 0.4, 0.1, 0.1, 0.1, 0.1],
        2: [0.1, 0.1, 0.4, 0.2, 0.1, 0.1],
        4: [0.3 / 4] * 4 + [rates.right_none, rates.right_undecided],
    }
    logs = {at: dirichlet_multinomial.logpmf(counts[0], 3.0 * np.array(share), 4) for at, share in shares.items()}
    assert vote[1] - vote[2] == pytest.approx(logs[1] - logs[2], abs=1e-6)
    assert vote[1] - vote[4] == pytest.approx(logs[1] - logs[4], abs=1e-6)


def test_another_vote_of_one_judge_says_less_than_the_first() -> None:
    rates = VoteRates()
    gains = []
    for votes in (0, 1, 2, 8):
        counts = np.zeros((1, 6))
        counts[0, 2] = votes
        vote = weigh_votes(np.array([4]), counts, rates)[0]
        gains.append(vote[2] - vote[1])
    first, second, eight = np.diff(gains)
    assert first > 2 * second > 0 and gains[-1] < 3 * first and eight > 0


def test_a_prior_knows_verdict_and_length_alone() -> None:
    batch = collected(
        {"steps": ["a"] * 3}, {"steps": ["a"] * 5, "verdict": "right"}, {"steps": ["a"], "verdict": "undecided"}
    )
    chances = np.exp(weigh_prior(batch, Rates()))
    assert np.allclose(chances.sum(axis=1), 1)
    assert np.allclose(chances[0], [1 / 3, 1 / 3, 1 / 3, 0, 0, 0])
    assert chances[1, 5] == pytest.approx(0.95) and chances[2, 1] == pytest.approx(0.5)


def test_marks_are_independent_given_the_state_of_each_step() -> None:
    steps = ["words", "there are 5 + 2 = 7", "5 + 2 = 8"]
    batch = collected({"steps": steps}, {"steps": steps, "verdict": "right"})
    marks, rates = batch.marks[PLAIN_STEPS], ((0.4, 0.3, 0.2, 0.1), (0.1, 0.1, 0.2, 0.6), (0.1, 0.5, 0.2, 0.2), (0.5, 0.2, 0.25, 0.05))  # fmt: skip
    assert marks.signs.tolist() == [[0, 2, 3]] * 2
    wrong, at, behind, right = rates
    for row, before in enumerate((wrong, right)):  # right steps look otherwise where the answer is right
        expected = [
            at[0] * behind[2] * behind[3],
            before[0] * at[2] * behind[3],
            before[0] * before[2] * at[3],
            before[0] * before[2] * before[3],
        ]
        assert np.allclose(np.exp(weigh_marks(batch, marks, rates))[row], expected)


def test_of_right_answers_what_nothing_shows_is_shared_out_over_the_steps() -> None:
    batch = collected({"steps": ["a"] * 2}, {"steps": ["a"] * 4, "verdict": "right"})
    rates = Rates(right={"right": 0.96}, unseen=0.6)  # 4 % have a wrong step that shows, 6 % one that does not
    chances = np.array([[0.7, 0.3, 0, 0, 0], [0.02, 0.02, 0, 0, 0.96]])
    shared = share_unseen(batch, rates, chances)
    assert np.allclose(shared[0], chances[0])  # where the answer is wrong something is seen to be
    assert np.allclose(shared[1], [0.035, 0.035, 0.015, 0.015, 0.90])


def test_a_row_is_weighed_alike_alone_and_beside_longer_ones() -> None:
    row = {
        "steps": ["a 1", "b 2", "c 3"],
        "tried": [4, 4, 1],
        "succeeded": [2, 0, 0],
        "judges": ["m #0"],
        "judge_labels": [1],
    }
    longer = {**row, "steps": ["a"] * 9, "tried": [3] * 9, "succeeded": [0] * 9}
    alone, beside = collected(row), collected(row, longer)
    weighings: tuple[Callable[[EvidenceBatch], Floats], ...] = (
        lambda batch: weigh_rollouts(batch, RolloutRates()),
        lambda batch: weigh_marks(batch, batch.marks[PLAIN_STEPS], Rates().marks[PLAIN_STEPS]),
        lambda batch: weigh_votes(batch.lengths, batch.votes["m"], VoteRates()),
        lambda batch: weigh_prior(batch, Rates()),
    )
    for weighed in weighings:
        assert np.allclose(weighed(alone)[0], weighed(beside)[0, :4])


def test_batches_hold_each_row_once_and_are_bounded() -> None:
    rows = [{"steps": ["a"] * (1 + number % 40)} for number in range(3_000)]
    batches = batch_rows(rows)
    assert sorted(at for batch in batches for at in batch) == list(range(3_000))
    assert max(len(batch) * max(len(rows[at]["steps"]) for at in batch) ** 2 for batch in batches) <= 400_000


def test_votes_on_solutions_of_other_lengths_are_weighed_as_alone_whatever_memory_held(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(np, "empty", lambda shape: np.full(shape, np.nan))
    lengths = (2, 4)
    rows: list[dict[str, Any]] = [{"steps": ["a"] * n, "judges": ["m #0"], "judge_labels": [1]} for n in lengths]
    together = collected(*rows)
    values = weigh_votes(together.lengths, together.votes["m"], VoteRates())
    assert np.isfinite(values).all()
    for row, length, result in zip(rows, lengths, values):
        alone = collected(row)
        assert result[: length + 1] == pytest.approx(weigh_votes(alone.lengths, alone.votes["m"], VoteRates())[0])
