"""The fitted posterior on solutions whose truth is known: right, calibrated, and blind to the truth of its own problem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest

from tasks.localize.posterior import fit
from tasks.localize.posterior.fit import fit_rates, sample_rows
from tasks.localize.posterior.label import PosteriorLabel, label_rows
from tasks.localize.posterior.rates import EVIDENCE, EvidenceName
from tests.tasks.localize.posterior.simulated import LABELS, hide_truth, simulate, simulate_right


def labelled(
    rows: list[dict[str, Any]], wanted: Sequence[EvidenceName] = EVIDENCE, use_truth: bool = True
) -> list[PosteriorLabel]:
    return label_rows(rows, LABELS, fit_rates(rows, LABELS, wanted, use_truth), wanted)


def measured(rows: list[dict[str, Any]], labels: list[PosteriorLabel]) -> tuple[float, float]:
    """How many are exact, and how many were expected to be."""
    exact = np.mean([label.first_error == row["gold_first_error"] for row, label in zip(rows, labels)])
    return float(exact), float(np.mean([label.probability for label in labels]))


def test_with_known_truth_what_is_said_with_so_much_is_so_as_often() -> None:
    rows = simulate(600)
    labels = labelled(rows)
    exact, expected = measured(rows, labels)
    assert exact > 0.72 and abs(exact - expected) < 0.04
    sure = [(row, label) for row, label in zip(rows, labels) if label.probability >= 0.9]
    assert len(sure) > 180
    assert np.mean([label.first_error == row["gold_first_error"] for row, label in sure]) > 0.9


def test_votes_and_rollouts_together_are_better_than_either_without_any_truth() -> None:
    rows = simulate(400, seed=1)
    blind = hide_truth(rows)
    both, rollouts, votes = (
        measured(rows, labelled(blind, wanted=wanted))[0]
        for wanted in (("rollouts", "votes"), ("rollouts",), ("votes",))
    )
    assert both > max(rollouts, votes) + 0.05


def test_votes_of_a_judge_who_knows_nothing_do_no_harm() -> None:
    rows = simulate(400, seed=2, hit=0.0, votes=8)
    without, beside = (
        measured(rows, labelled(rows, wanted=wanted))[0] for wanted in (("rollouts",), ("rollouts", "votes"))
    )
    assert beside > without - 0.02


def test_the_truth_of_a_problem_has_no_part_in_its_own_labels() -> None:
    rows = simulate(120, seed=3)
    problem = rows[7]["problem_id"]
    lied = [
        {**row, "gold_first_error": (row["gold_first_error"] + 1) % len(row["steps"])}
        if row["problem_id"] == problem
        else row
        for row in rows
    ]
    before, after = labelled(rows), labelled(lied)
    own = [at for at, row in enumerate(rows) if row["problem_id"] == problem]
    assert [before[at] for at in own] == [after[at] for at in own]
    assert before != after  # it has one in those of others


def test_truth_that_may_not_be_used_changes_nothing() -> None:
    rows = simulate(60, seed=4)
    assert labelled(rows, use_truth=False) == labelled(hide_truth(rows))


def test_a_distribution_is_one_and_its_strongest_evidence_is_named() -> None:
    rows = simulate(40, seed=5)
    for row, label in zip(rows, labelled(rows)):
        assert len(label.distribution) == len(row["steps"]) + 1
        assert sum(label.distribution) == pytest.approx(1, abs=1e-3)
        assert label.probability == max(label.distribution) and label.distribution[-1] == 0  # the answer is wrong
        assert set(label.evidence) <= {"rollouts", "judge", "prior", "arithmetic"}
        assert list(label.strength) == sorted(label.strength, reverse=True)


def test_rows_without_any_evidence_are_left_to_the_prior() -> None:
    rows = [{"solution_id": str(n), "question": "", "steps": ["so"] * 4, "verdict": "wrong"} for n in range(3)]
    labels = labelled(rows, wanted=("rollouts", "votes"))
    assert all(label.probability < 0.5 for label in labels)


def test_the_same_rows_are_taken_whatever_the_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "SAMPLE", 20)
    frame = pl.DataFrame(simulate(100, seed=6)).with_columns(
        gold_first_error=pl.when(pl.int_range(pl.len()) < 70).then("gold_first_error")
    )
    whole = sample_rows([frame], LABELS)
    parts = sample_rows([frame[60:], frame[:1], frame[1:60]], LABELS)
    assert whole == parts and len(whole) == 40
    assert sum(row["gold_first_error"] is not None for row in whole) == 20


def test_of_right_answers_none_is_said_as_often_as_it_is_so_and_wrong_steps_that_show_are_found() -> None:
    right = simulate_right(600, seed=9)
    rows = [*simulate(150, seed=9), *right]
    labels = labelled(rows)[150:]
    none = [(row, label) for row, label in zip(right, labels) if label.first_error == -1]
    exact, expected = measured([row for row, _ in none], [label for _, label in none])
    assert 0.9 < exact < 0.97 and abs(exact - expected) < 0.02  # half of the wrong steps are not to be seen
    steps = [(row, label) for row, label in zip(right, labels) if label.first_error >= 0]
    hits = sum(label.first_error == row["gold_first_error"] for row, label in steps)
    assert hits / len(steps) > 0.85
    assert hits > 0.4 * sum(row["gold_first_error"] >= 0 for row in right)


def test_without_known_truth_as_many_wrong_steps_of_right_answers_are_held_to_be_hidden_as_are_found() -> None:
    rows = hide_truth([*simulate(100, seed=10, hit=0.9), *simulate_right(400, seed=10)])
    fitted = fit_rates(rows, LABELS)
    (rates,) = fitted.folds
    shown = 1 - rates.right["right"]
    assert rates.unseen == 0.5 and shown >= 0.005
    surest = max(label.probability for label in label_rows(rows[100:], LABELS, fitted) if label.first_error == -1)
    assert 1 - 2 * shown < surest < 1 - shown + 0.0001


def test_however_many_answers_are_right_the_wrong_ones_are_fitted_to(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fit, "SAMPLE", 20)
    wrong, right = (pl.DataFrame(hide_truth(rows)) for rows in (simulate(30), simulate_right(90)))
    for parts, expected in (([wrong, right], (20, 20)), ([wrong[:4], right], (4, 20)), ([right], (0, 20))):
        rows = sample_rows(parts, LABELS)
        counts = tuple(sum(row["verdict"] == verdict for row in rows) for verdict in ("wrong", "right"))
        assert counts == expected


def test_truth_that_contradicts_the_verdict_is_no_truth() -> None:
    rows = simulate(60, seed=8)
    odd = [{**row, "gold_first_error": -1} if number % 6 == 0 else row for number, row in enumerate(rows)]
    unknown = [{**row, "gold_first_error": None} if number % 6 == 0 else row for number, row in enumerate(rows)]
    assert labelled(odd) == labelled(unknown)
