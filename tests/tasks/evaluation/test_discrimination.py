"""Scores beside verdicts: the figures by hand, and an interval that holds what was declared."""

from __future__ import annotations

import random
from math import erf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from tasks.evaluation.discrimination import (
    bin_labels,
    find_area_interval,
    measure_calibration_error,
    measure_discrimination,
)

PAIRS = st.lists(st.tuples(st.floats(0, 1).map(lambda score: round(score, 2)), st.booleans()), min_size=1, max_size=40)


def test_the_figures_by_hand() -> None:
    # right: .9 .6 .6; wrong: .6 .2. Six pairs: .9 wins both, each .6 ties once and wins once: 2 + 1.5 + 1.5 of 6
    result = measure_discrimination([(0.9, True), (0.6, True), (0.6, True), (0.6, False), (0.2, False)])
    assert (result.right, result.wrong) == (3, 2)
    assert result.auroc == pytest.approx(5 / 6)
    assert result.brier == pytest.approx((0.1**2 + 0.4**2 + 0.4**2 + 0.6**2 + 0.2**2) / 5)
    # bins: .9 alone is right (apart .1); three at .6, two right (apart .0667); .2 alone is wrong (apart .2)
    assert result.calibration_error == pytest.approx((1 * 0.1 + 3 * (2 / 3 - 0.6) + 1 * 0.2) / 5)


def test_scores_that_are_no_probabilities_have_no_brier() -> None:
    result = measure_discrimination([(2.5, True), (-1.0, False)])
    assert (result.auroc, result.brier, result.calibration_error) == (1.0, None, None)


def test_one_side_alone_is_told_from_nothing() -> None:
    result = measure_discrimination([(0.5, True)])
    assert (result.auroc, result.interval, result.brier) == (None, None, 0.25)
    assert measure_discrimination([]).brier is None


@given(PAIRS)
def test_areas_and_brier_are_scikit_learns(pairs: list[tuple[float, bool]]) -> None:
    scores, truth = [score for score, _ in pairs], [right for _, right in pairs]
    result = measure_discrimination(pairs)
    assert result.brier == pytest.approx(brier_score_loss(truth, scores, pos_label=True))
    if len(set(truth)) == 2:
        assert result.auroc == pytest.approx(roc_auc_score(truth, scores))
        low, high = result.interval or (1.0, 0.0)
        assert 0 <= low <= (result.auroc or 0.0) <= high <= 1


def test_the_calibration_error_is_weighed_by_labels() -> None:
    bins = bin_labels([(0.95, True)] * 9 + [(0.05, True)])
    assert measure_calibration_error(bins) == pytest.approx((9 * 0.05 + 1 * 0.95) / 10)


def test_an_interval_is_no_point_where_all_scores_are_told_apart() -> None:
    low, high = find_area_interval(1.0, 5, 5)
    assert (high, 0.4 < low < 0.8) == (1.0, True)


def test_intervals_hold_the_area_that_was_declared() -> None:
    true = (1 + erf(0.5)) / 2  # normal scores a standard deviation apart
    missed, runs = 0, 200
    for seed in range(runs):
        draw = random.Random(seed)
        pairs = [(draw.gauss(1, 1), True) for _ in range(12)] + [(draw.gauss(0, 1), False) for _ in range(20)]
        low, high = measure_discrimination(pairs).interval or (1.0, 0.0)
        missed += not low <= true <= high
    assert missed <= 20  # 200 intervals of 95 %: more come about once in 500 times
