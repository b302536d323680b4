"""Intervals of shares and of their differences."""

import numpy as np
import pytest

from infra.teaching.statistics import estimate_interval, measure
from infra.teaching.table import find_lacking, make_table, write_lines


def share(*hits: float) -> np.ndarray:
    """One seed, a problem each."""
    return np.array([[[[hit, 1.0]] for hit in hits]])


def test_a_share_is_pooled_and_two_are_their_harmonic_mean() -> None:
    assert measure(share(1, 0, 0, 1)) == 0.5
    both = np.array([[[[1.0, 2.0], [1.0, 1.0]]]])
    assert measure(both) == pytest.approx(2 / 3)
    assert measure(both * [[0], [1]] + [[[[0, 1], [0, 0]]]]) == 0.0


def test_where_nothing_was_counted_there_is_no_value() -> None:
    assert np.isnan(measure(np.zeros((1, 3, 1, 2))))
    assert np.isnan(estimate_interval(np.zeros((1, 3, 1, 2)), draws=10).low)


def test_the_interval_is_that_of_the_binomial() -> None:
    estimate = estimate_interval(share(*[1] * 60, *[0] * 40))
    assert estimate.value == pytest.approx(0.6)
    assert (estimate.low, estimate.high) == pytest.approx((0.504, 0.696), abs=0.02)


def test_pairs_make_a_difference_sharper() -> None:
    ours, theirs = share(*[1] * 60, *[0] * 40), share(*[1] * 50, *[0] * 50)
    paired, mixed = estimate_interval(ours, theirs), estimate_interval(ours, theirs[:, ::-1])
    assert paired.value == mixed.value == pytest.approx(0.1)
    assert 0 < paired.low < 0.1 < paired.high < 0.2
    assert mixed.low < 0 < mixed.high


def test_seeds_that_differ_widen_the_interval() -> None:
    same = np.repeat(share(*[1, 0] * 50), 3, axis=0)
    apart = np.concatenate([share(*[1] * 100), share(*[1, 0] * 50), share(*[0] * 100)])
    assert estimate_interval(apart).high - estimate_interval(apart).low > 2 * (
        estimate_interval(same).high - estimate_interval(same).low
    )


def test_sides_of_unlike_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="unlike shape"):
        estimate_interval(share(1, 0), share(1))


def test_the_table_compares_over_the_seeds_that_both_have() -> None:
    def result(arm: str, seed: int, *hits: float) -> dict[str, object]:
        return {"arm": arm, "seed": seed, "measures": {"best of 8": share(*hits)[0].tolist()}}

    table = make_table([result("consensus", 1, 1, 1), result("rollouts", 1, 1, 1), result("consensus", 2, 0, 0)])
    assert [(row["arm"], row["value"], row["seeds"]) for row in table["measures"]] == [
        ("consensus", 0.5, [1, 2]),
        ("rollouts", 1.0, [1]),
    ]
    (difference,) = table["differences"]
    assert (difference["arm"], difference["than"], difference["value"], difference["seeds"]) == (
        "consensus", "rollouts", 0.0, [1],
    )  # fmt: skip
    lines = list(write_lines(table))
    assert any("consensus - rollouts" in line and "+0.0" in line for line in lines)


def test_what_has_no_interval_is_found_but_for_what_depends_on_a_turn() -> None:
    nothing = np.zeros((2, 1, 2)).tolist()
    measures = {"right where it turned": nothing, "best of 8": nothing, "right, greedy": share(1, 0)[0].tolist()}
    table = make_table([{"arm": "right", "seed": 1, "measures": measures}])
    assert [row["measure"] for row in find_lacking(table)] == ["best of 8"]
    assert any("nothing to count" in line for line in write_lines(table))
