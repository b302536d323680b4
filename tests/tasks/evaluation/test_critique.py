"""VISCO's figures of critiques, by hand."""

from __future__ import annotations

import pytest

from tasks.evaluation.critique import CritiqueScore, sum_explained
from tasks.evaluation.detection import Detection, detect_levels
from tasks.evaluation.score import Gold

GOLD = [
    Gold("a", 1, 3, "s", "g:1"),
    Gold("b", 0, 2, "s", "g:2"),
    Gold("c", 1, 2, "s", "g:3"),
    Gold("d", -1, 2, "s", "g:4"),
]
LABELS = {"a": 1, "b": 0, "c": 0, "d": 1}


def test_the_figures_by_hand() -> None:
    levels = detect_levels(GOLD, LABELS)
    explained = sum_explained(GOLD, LABELS, {"a": 1.0, "b": 1 / 3, "c": 1.0, "d": 1.0})
    assert explained == pytest.approx(4 / 3)  # c's step is not the wrong one, and d has none
    scored = CritiqueScore(levels["solution"], levels["step"], explained)
    # answers: three of three wrong ones are called so, and the right one too: P 3/4, R 1
    assert scored.answers.f1 == pytest.approx(6 / 7)
    # steps through the first wrong one: a 2, b 1, c 2, d 2; called wrong: a's, b's, c's first, d's second; wrong: three
    assert (scored.steps.caught, scored.steps.alarms, scored.steps.missed) == (2, 2, 1)
    assert scored.steps.f1 == pytest.approx(2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3))
    # explanations: 4/3 of four steps that are called wrong, and of three that are: `2 / (1 / p + 1 / r)` of the authors
    precision, recall = (4 / 3) / 4, (4 / 3) / 3
    assert scored.explanation_f1 == pytest.approx(2 / (1 / precision + 1 / recall))
    assert scored.viscore == pytest.approx((6 / 7 * 4 / 7 * 8 / 21) ** (1 / 3))


def test_each_explanation_of_a_wrong_step_counts_where_every_step_is_compared() -> None:
    gold = [Gold("a", 0, 3, "s", "g:1", wrong=(True, True, False)), Gold("b", 0, 2, "s", "g:2")]
    called = {"a": (True, True, True)}
    # both wrong steps that are called so; the alarm's explanation is not right, whatever judges say
    assert sum_explained(gold, {"a": 0, "b": 0}, {"a": (1.0, 0.5, 1.0), "b": 1.0}, called) == 2.5
    # a single share is the first wrong step's, and so is what is said where gold is that step alone
    assert sum_explained(gold, {"a": 0, "b": 0}, {"a": 1.0, "b": (0.25, 1.0)}, called) == 1.25


def test_without_judges_there_is_no_viscore() -> None:
    assert sum_explained(GOLD, LABELS, {}) is None
    scored = CritiqueScore(Detection(1, 0, 0, 1), Detection(1, 0, 0, 1), None)
    assert (scored.explanation_f1, scored.viscore) == (None, None)


def test_an_explanation_that_nobody_judged_is_not_right() -> None:
    assert sum_explained(GOLD, LABELS, {"d": 1.0}) == 0
    scored = CritiqueScore(Detection(1, 0, 0, 1), Detection(1, 0, 0, 1), 0.0)
    assert (scored.explanation_f1, scored.viscore) == (0.0, 0.0)


def test_who_calls_nothing_wrong_explains_nothing() -> None:
    scored = CritiqueScore(Detection(0, 2, 0, 1), Detection(0, 2, 0, 3), 0.0)
    assert (scored.answers.f1, scored.explanation_f1, scored.viscore) == (0.0, 0.0, 0.0)
