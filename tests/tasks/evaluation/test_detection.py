"""Detectors beside truth: the figures by hand, their bounds, and what a guess gets."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.detection import Detection, count_detections, detect_levels, expand_steps
from tasks.evaluation.score import Gold

COUNTS = st.lists(st.integers(0, 40), min_size=6, max_size=6)


def test_the_figures_by_hand() -> None:
    found = Detection(caught=6, missed=2, alarms=3, passed=9, open_wrong=2, open_right=0)
    assert (found.precision.rate, found.recall.rate, found.specificity.rate) == (6 / 9, 0.6, 0.75)
    assert found.f1 == pytest.approx(2 * (2 / 3) * 0.6 / (2 / 3 + 0.6))
    assert found.balanced_accuracy == pytest.approx(0.675)
    assert found.balanced_f1 == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert found.guess_f1 == 10 / 22


def test_what_cannot_be_read_is_an_alarm_for_criticbench() -> None:
    found = count_detections([(True, None), (False, None), (True, True), (False, False)]).count_open_as_alarms()
    assert (found.caught, found.alarms, found.passed, found.missed) == (2, 1, 1, 0)
    assert found.f1 == pytest.approx(2 * (2 / 3) / (5 / 3))


@given(COUNTS)
def test_figures_lie_between_0_and_1_or_are_not_known(counts: list[int]) -> None:
    found = Detection(*counts)
    for figure in (found.f1, found.balanced_accuracy, found.balanced_f1, found.guess_f1):
        assert figure is None or 0 <= figure <= 1
    assert found.error_rate.of == sum(counts)


def test_a_random_guess_gets_the_error_rate() -> None:
    draw = random.Random(7)
    truth = [draw.random() < 0.62 for _ in range(40_000)]
    found = count_detections((wrong, draw.random() < 0.62) for wrong in truth)
    assert found.f1 == pytest.approx(found.guess_f1, abs=0.01)


def test_steps_behind_the_first_wrong_one_are_not_compared() -> None:
    assert expand_steps(1, 0, 5) == [(False, True), (True, False)]
    assert expand_steps(1, 3, 5) == [(False, False), (True, False)]
    assert expand_steps(-1, 2, 3) == [(False, False), (False, False), (False, True)]
    assert expand_steps(0, None, 3) == [(True, None)]


def test_the_three_levels_of_labels_of_first_wrong_steps() -> None:
    gold = [
        Gold("a", 1, 4, "s", "g:1"),
        Gold("b", -1, 3, "s", "g:2"),
        Gold("c", 2, None, "s", "g:3"),
        Gold("d", -1, None, "s", "g:4"),
    ]
    levels = detect_levels(gold, {"a": 0, "b": -1, "c": 2})
    assert levels["solution"] == Detection(caught=2, missed=0, alarms=0, passed=1, open_right=1)
    assert levels["first error"] == Detection(caught=1, missed=1, alarms=0, passed=1, open_right=1)
    assert levels["step"] == Detection(caught=1, missed=1, alarms=1, passed=5)
