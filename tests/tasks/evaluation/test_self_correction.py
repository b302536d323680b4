"""What revising does to answers: the figures by hand, the identity between them, and intervals that hold what was declared."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation import self_correction
from tasks.evaluation.score import wilson
from tasks.evaluation.self_correction import count_transitions

PAIRS = st.lists(st.tuples(st.sampled_from("abcd"), st.booleans(), st.booleans()), min_size=1, max_size=40)


def test_the_figures_by_hand() -> None:
    # a: 2 attempts, right and kept, wrong and mended; b: 1 attempt, right and broken; each problem counts once
    counted = count_transitions([("a", True, True), ("a", False, True), ("b", True, False)])
    assert counted is not None
    assert (counted.accuracy_before, counted.accuracy_after, counted.attempts) == (0.75, 0.5, 3)
    assert counted.confidence_level == pytest.approx(0.5 / 1.5)
    assert counted.critique_score == 1.0
    assert counted.relative_score == pytest.approx((0.5 - 0.75**2) / (2 * 0.75 * 0.25))
    assert counted.negative_flips == 0.5
    assert counted.correction_score == pytest.approx(1 - (1 - 1 / 3))


@given(PAIRS)
def test_the_accuracy_after_is_made_of_what_is_kept_and_what_is_mended(pairs: list[tuple[str, bool, bool]]) -> None:
    counted = count_transitions(pairs)
    assert counted is not None
    before = counted.accuracy_before
    kept, mended = counted.confidence_level or 0.0, counted.critique_score or 0.0
    assert counted.accuracy_after == pytest.approx(before * kept + (1 - before) * mended, abs=1e-12)
    assert (counted.confidence_level is None) == (before == 0)
    assert (counted.critique_score is None) == (before == 1)


def test_of_nothing_nothing_is_counted() -> None:
    assert count_transitions([]) is None


def test_intervals_hold_what_was_declared() -> None:
    misses, runs = dict.fromkeys(("CL", "CS", "Acc1", "Acc2"), 0), 40
    for seed in range(runs):
        draw = random.Random(seed)
        pairs = []
        for problem in range(200):
            for _ in range(2):
                before = draw.random() < 0.6
                pairs.append((str(problem), before, draw.random() < (0.9 if before else 0.3)))
        counted = count_transitions(pairs)
        assert counted is not None
        intervals = counted.measure_intervals(seed)
        for name, true in (("CL", 0.9), ("CS", 0.3), ("Acc1", 0.6), ("Acc2", 0.66)):
            low, high = intervals[name] or (1.0, 0.0)
            misses[name] += not low <= true <= high
    # 40 intervals of 95 %: 7 misses or more come about once in 1,500 times
    assert all(missed < 7 for missed in misses.values()), misses


def test_where_all_problems_are_alike_the_interval_is_no_point() -> None:
    counted = count_transitions([(str(i), True, True) for i in range(4)])
    assert counted is not None
    assert counted.measure_intervals()["CL"] == wilson(4, 4)


def test_a_share_that_few_resamples_have_has_the_interval_of_its_problems() -> None:
    counted = count_transitions([("a", True, True), ("b", True, False), ("c", False, True)])
    assert counted is not None
    assert counted.measure_intervals()["CS"] == wilson(1, 1)
    counted = count_transitions([("a", True, True), ("b", True, False)])
    assert counted is not None
    assert (counted.critique_score, counted.measure_intervals()["CS"]) == (None, None)


def test_intervals_are_the_same_however_many_resamples_are_drawn_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = count_transitions((f"p{i % 7}", i % 3 > 0, i % 4 > 0) for i in range(40))
    assert counted is not None
    intervals = counted.measure_intervals()
    monkeypatch.setattr(self_correction, "_DRAWN", 50)
    assert counted.measure_intervals() == intervals
