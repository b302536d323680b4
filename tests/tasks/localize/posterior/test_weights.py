"""Weights without truth: what sorts of evidence foretell of each other says how much each counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tasks.localize.posterior.fit import fit_rates
from tasks.localize.posterior.label import label_rows
from tasks.localize.posterior.likelihoods import weigh_votes
from tasks.localize.posterior.rates import VoteRates
from tests.tasks.localize.posterior.simulated import LABELS, hide_truth, simulate


def copy_judge(rows: list[dict[str, Any]], copies: int) -> list[dict[str, Any]]:
    """The rows with judges who say what the first one says."""
    return [
        {
            **row,
            "judges": [f"judge-{copy} #{vote}" for copy in range(copies) for vote in range(len(row["judges"]))],
            "judge_labels": row["judge_labels"] * copies,
        }
        for row in rows
    ]


def measure(rows: list[dict[str, Any]]) -> tuple[float, float, dict[str, float]]:
    """How many labels without truth are exact, how many were expected to be, and the weights."""
    blind = hide_truth(rows)
    rates = fit_rates(blind, LABELS)
    labels = label_rows(blind, LABELS, rates)
    exact = np.mean([label.first_error == row["gold_first_error"] for row, label in zip(rows, labels)])
    return float(exact), float(np.mean([label.probability for label in labels])), dict(rates.folds[0].weights)


def test_independent_evidence_counts_almost_whole_and_says_what_is() -> None:
    exact, expected, weights = measure(simulate(300, seed=11, votes=1, hit=0.75))
    assert weights["judge"] > 0.6 and weights["rollouts"] > 0.7
    assert exact == pytest.approx(expected, abs=0.05)


def test_judges_who_repeat_each_other_count_like_few() -> None:
    rows = simulate(300, seed=12, votes=1, hit=0.6)
    one, _, alone = measure(rows)
    exact, expected, copied = measure(copy_judge(rows, 4))
    together = sum(weight for name, weight in copied.items() if name.startswith("judge"))
    assert together < 2 * alone["judge"] and exact > one - 0.05
    assert exact == pytest.approx(expected, abs=0.07)


def test_one_view_or_few_rows_settle_no_weight() -> None:
    few, rows = simulate(20, seed=13), simulate(60, seed=13)
    assert fit_rates(hide_truth(few), LABELS).folds[0].weights == {}
    assert fit_rates(hide_truth(rows), LABELS, ("rollouts",)).folds[0].weights == {}
    assert set(fit_rates(hide_truth(rows), LABELS, ("rollouts", "votes")).folds[0].weights) == {"rollouts", "judge"}


def test_places_behind_a_solution_hold_nothing_that_could_spread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(np, "empty", lambda shape, *_, **__: np.full(shape, np.nan))  # what memory may hold
    counts = np.zeros((2, 7))
    counts[:, 1] = 3.0
    result = weigh_votes(np.array([2, 5]), counts, VoteRates())
    assert np.isfinite(result).all()


@pytest.mark.parametrize("odd", ["no rollout", "no vote", "all votes wrong", "one step"])
def test_evidence_that_is_missing_or_misleads_breaks_nothing(odd: str) -> None:
    rows = simulate(60, seed=14)
    for row in rows:
        length = len(row["steps"])
        if odd == "no rollout":
            row["tried"], row["succeeded"] = [0] * length, [0] * length
        elif odd == "no vote":
            row["judges"], row["judge_labels"] = [], []
        elif odd == "all votes wrong":
            row["judge_labels"] = [(row["gold_first_error"] + 1) % length] * len(row["judges"])
        elif odd == "one step":
            row |= {"steps": ["so"], "tried": [1], "succeeded": [0], "gold_first_error": 0, "judge_labels": [0] * 4}
    exact, expected, weights = measure(rows)
    assert 0 <= exact <= 1 and 0 < expected <= 1
    assert all(0 <= weight <= 2 for weight in weights.values())
