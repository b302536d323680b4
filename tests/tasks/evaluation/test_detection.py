"""Detectors beside truth: the figures by hand, their bounds, and what a guess gets."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from tasks.evaluation.detection import Detection, count_detections, detect_groups, detect_levels, expand_steps
from tasks.evaluation.resampling import find_ceiling
from tasks.evaluation.score import Gold

COUNTS = st.lists(st.integers(0, 40), min_size=6, max_size=6)


def test_the_figures_by_hand() -> None:
    found = Detection(caught=6, missed=2, alarms=3, passed=9, open_wrong=2, open_right=0)
    assert (found.precision.rate, found.recall.rate, found.specificity.rate) == (6 / 9, 0.6, 0.75)
    assert found.f1 == pytest.approx(2 * (2 / 3) * 0.6 / (2 / 3 + 0.6))
    assert found.balanced_accuracy == pytest.approx(0.675)
    assert found.balanced_f1 == pytest.approx(2 * 0.6 * 0.75 / 1.35)
    assert found.guess_f1 == 10 / 22


def test_what_cannot_be_read_is_a_mistake_for_criticbench() -> None:
    # CriticBench, `analyse_result`: of what cannot be read the prediction is the opposite of the truth
    # wrong answers: called wrong, called right, unread; right ones: called right, unread
    found = count_detections([(True, True), (True, False), (True, None), (False, False), (False, None)])
    # truth 1 1 1 0 0, predicted 1 0 0 0 1: one caught, two missed, one alarm; P 1/2, R 1/3
    assert found.criticbench_f1 == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3)) == pytest.approx(0.4)
    assert found.f1 == pytest.approx(2 * 1 * (1 / 3) / (1 + 1 / 3))


@given(st.lists(st.tuples(st.booleans(), st.sampled_from([True, False, None])), min_size=1, max_size=40))
def test_criticbench_f1_is_scikit_learns(pairs: list[tuple[bool, bool | None]]) -> None:
    truth = [wrong for wrong, _ in pairs]
    predicted = [not wrong if called is None else called for wrong, called in pairs]
    expected = f1_score(truth, predicted, zero_division=0)
    assert (count_detections(pairs).criticbench_f1 or 0.0) == pytest.approx(expected)


def test_all_steps_are_compared_where_gold_and_labels_rate_every_one() -> None:
    gold = [
        Gold("a", 0, 4, "s", "g:1", wrong=(True, False, None, True)),
        Gold("b", 1, 3, "s", "g:2", wrong=(False, True, True)),
        Gold("c", 1, 3, "s", "g:3"),
    ]
    labels = {"a": 0, "b": 0, "c": 1}
    levels = detect_levels(gold, labels, {"a": (True, True, True, None), "c": (False, True, True)})
    # a: caught, alarm, (open in gold), undecided; b through its first: alarm, missed; c, of which gold is the first alone: passed, caught
    step = levels["step"]
    assert (step.caught, step.alarms, step.open_wrong, step.missed, step.passed) == (2, 2, 1, 1, 1)
    assert detect_levels(gold, labels)["step"].open_wrong == 0


def test_recall_by_type_as_realmistake_counts_it() -> None:
    # ReaLMistake, section 5: of each category the share of its errors that are detected; undecided is not
    gold = [
        Gold("a", 0, 2, "s", "g:1", "calculation"),
        Gold("b", 1, 2, "s", "g:2", "calculation"),
        Gold("c", 1, 2, "s", "g:3", "calculation"),
        Gold("d", 0, 2, "s", "g:4", "unit"),
        Gold("e", -1, 2, "s", "g:5"),
    ]
    types = detect_groups(gold, {"a": 1, "b": -1, "d": 0, "e": 0}, lambda row: row.type)
    recalls = {name: levels["solution"].recall for name, levels in types.items()}
    assert {name: (recall.hits, recall.of) for name, recall in recalls.items()} == {
        "calculation": (1, 3),
        "unit": (1, 1),
    }


def test_the_three_levels_of_hard2verify_by_hand() -> None:
    # four solutions of three steps: two right, two wrong at their second step (section 4: step, response, error)
    gold = [Gold(id, first, 3, "s", f"g:{id}") for id, first in (("a", -1), ("b", -1), ("c", 1), ("d", 1))]
    levels = detect_levels(gold, {"a": -1, "b": 2, "c": 1, "d": 0})
    responses, places, steps = levels["solution"], levels["first error"], levels["step"]
    # responses: both wrong ones are called so (1), one of two right ones passes (1/2)
    assert responses.balanced_accuracy == 0.75
    assert responses.balanced_f1 == pytest.approx(2 * 1 * 0.5 / 1.5)
    # first errors: c's step is named, d's is not (1/2); a is said to have none (1/2)
    assert (places.balanced_accuracy, places.balanced_f1) == (0.5, 0.5)
    # steps through the first wrong one: 8 right, of which b's third and d's first are called wrong (6/8); 2 wrong, c's is caught (1/2)
    assert (steps.specificity.hits, steps.specificity.of, steps.recall.hits, steps.recall.of) == (6, 8, 1, 2)
    assert steps.balanced_accuracy == pytest.approx((6 / 8 + 1 / 2) / 2)
    assert steps.balanced_f1 == pytest.approx(2 * (6 / 8) * (1 / 2) / (6 / 8 + 1 / 2))


@given(COUNTS)
def test_the_ceiling_of_a_verifier_is_the_papers_formula(counts: list[int]) -> None:
    # arXiv 2411.17501: c r / (c r + (1 - s)(1 - r)); what is undecided is not accepted
    found = Detection(*counts)
    right, wrong = found.specificity.of, found.recall.of
    if right and wrong:
        sound = 1 - found.missed / wrong
        expected = find_ceiling(found.specificity.rate or 0.0, sound, right / (right + wrong))
        assert found.ceiling.rate == (None if expected is None else pytest.approx(expected))


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
