"""Calibration by hand: what is said beside what is, and what precision is had at which retention."""

from __future__ import annotations

import pytest

from tasks.evaluation.calibration import calibrate_labels, measure_gap
from tasks.evaluation.discrimination import bin_labels
from tasks.evaluation.score import NONE, Gold, Share


def gold(*first: int) -> list[Gold]:
    return [Gold(str(i), label, 5, "s", f"f:{i}") for i, label in enumerate(first)]


def test_the_surest_labels_come_first_and_ties_together() -> None:
    rows = gold(0, 1, 2, 3, NONE)
    labels = {"0": 0, "1": 1, "2": 0, "3": None, "4": 2}
    result = calibrate_labels(rows, labels, {"0": 0.9, "1": 0.8, "2": 0.8, "3": 0.99, "4": 0.5})
    assert result is not None
    assert result.exact == Share(2, 4) and result.expected == pytest.approx(0.75)
    points = [(point.at_least, point.retention, point.precision) for point in result.curve]
    assert points == [(0.9, Share(1, 4), Share(1, 1)), (0.8, Share(3, 4), Share(2, 3)), (0.5, Share(3, 4), Share(2, 4))]
    assert result.curve[1].expected == pytest.approx((0.9 + 0.8 + 0.8) / 3)


def test_the_error_is_the_distance_bin_by_bin() -> None:
    rows = gold(*[0] * 10)
    labels = {str(i): 0 if i < 6 else 1 for i in range(10)}
    sure = {str(i): 0.95 if i < 5 else 0.45 for i in range(10)}
    result = calibrate_labels(rows, labels, sure)
    assert result is not None
    assert [(part.labels, part.exact.hits) for part in result.bins] == [(5, 1), (5, 5)]
    assert result.error == pytest.approx(0.5 * 0.25 + 0.5 * 0.05)


def test_what_lies_within_the_interval_is_no_gap() -> None:
    assert measure_gap(0.8, Share(75, 100)) == 0
    assert measure_gap(0.95, Share(75, 100)) == pytest.approx(0.95 - 0.8246, abs=1e-3)
    assert measure_gap(0.5, Share(75, 100)) == pytest.approx(0.6569 - 0.5, abs=1e-3)
    assert measure_gap(0.5, Share(0, 0)) == 0


def test_without_probabilities_or_steps_there_is_nothing() -> None:
    assert calibrate_labels(gold(0), {"0": 0}, {}) is None
    assert calibrate_labels(gold(0), {"0": NONE}, {"0": 0.9}) is None


def test_a_probability_of_one_is_in_the_last_bin() -> None:
    (part,) = bin_labels([(1.0, True), (0.97, False)])
    assert (part.low, part.high, part.exact) == (0.9, 1.0, Share(1, 2))
