"""The comparison with gold, equal to cases worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tasks.evaluation.score import NONE, Gold, Share, average_f1, name_length_range, score, score_groups, wilson


def gold(*first_errors: int, steps: int | None = 9, set: str = "s", begin: int = 0) -> list[Gold]:
    """Solutions whose ids count up."""
    return [Gold(str(begin + i), first, steps, set, f"f:{i}") for i, first in enumerate(first_errors)]


def labels(*given: int | None) -> dict[str, int | None]:
    return {str(i): label for i, label in enumerate(given)}


def test_a_case_by_hand() -> None:
    # wrong: 0 exact, 2 exact, 3 named one before, 1 missed, 4 undecided, 0 without a row; right: exact, alarm, undecided
    rows = gold(0, 2, 3, 1, 4, NONE, NONE, NONE) + gold(0, begin=99)
    result = score(rows, labels(0, 2, 2, NONE, None, NONE, 5, None))
    assert result.wrong == Share(2, 6)
    assert result.right == Share(1, 3)
    assert result.f1 == pytest.approx(1 / 3)
    assert result.located == Share(2, 4)  # three on wrong rows, one on a right row
    assert (result.kept_wrong, result.kept_right, result.kept) == (Share(4, 6), Share(2, 3), Share(6, 9))
    assert result.distances == {-1: 1, 0: 2}
    assert (result.missed, result.alarms, result.absent) == (1, 1, 1)


@pytest.mark.parametrize(
    ("wrong", "right", "f1"),
    [((3, 4), (1, 2), 0.6), ((1, 1), (0, 5), 0.0), ((0, 3), (0, 3), 0.0), ((4, 4), (2, 2), 1.0)],
)
def test_f1_is_the_harmonic_mean(wrong: tuple[int, int], right: tuple[int, int], f1: float) -> None:
    rows = gold(*[2] * wrong[1], *[NONE] * right[1])
    numbers = [2] * wrong[0] + [3] * (wrong[1] - wrong[0]) + [NONE] * right[0] + [0] * (right[1] - right[0])
    assert score(rows, labels(*numbers)).f1 == pytest.approx(f1)


def test_f1_needs_wrong_and_right_rows() -> None:
    assert score(gold(1, 2), labels(1, 2)).f1 is None
    assert score(gold(NONE), labels(NONE)).f1 is None
    assert score([], {}).wrong.rate is None


def test_the_average_is_of_the_sets_and_not_of_the_rows() -> None:
    # set a: 1 of 1 wrong, 1 of 1 right, F1 1; set b: 1 of 4 wrong, 3 of 4 right, F1 2*(1/4)*(3/4)/1 = 3/8
    rows = gold(1, NONE, set="a") + gold(1, 1, 1, 1, NONE, NONE, NONE, NONE, set="b", begin=2)
    result = labels(1, NONE, 1, 0, None, NONE, NONE, NONE, NONE, 3)
    outcome = score_groups(rows, result, lambda row: row.set)
    assert [item.f1 for item in outcome.values()] == [1.0, pytest.approx(3 / 8)]
    assert average_f1(outcome.values()) == pytest.approx(11 / 16)
    # pooled it is another number: 2 of 5 and 4 of 5
    assert score(rows, result).f1 == pytest.approx(2 * 0.4 * 0.8 / 1.2)


def test_sets_without_f1_are_left_out_of_the_average() -> None:
    only_wrong, both = score(gold(1), labels(1)), score(gold(1, NONE), labels(0, NONE))
    assert average_f1([only_wrong, both]) == 0.0
    assert average_f1([only_wrong]) is None


@pytest.mark.parametrize(
    ("hits", "of", "low", "high"),
    # worked out by the formula with z = 1.96 (Wilson 1927): 8 of 10, none of 20, all of 20, 1 of 2
    [(8, 10, 0.4902, 0.9433), (0, 20, 0.0, 0.1611), (20, 20, 0.8389, 1.0), (1, 2, 0.0945, 0.9055)],
)
def test_the_interval_of_wilson(hits: int, of: int, low: float, high: float) -> None:
    assert list(wilson(hits, of)) == pytest.approx([low, high], abs=5e-5)


@pytest.mark.parametrize(("hits", "of"), [(k, n) for n in (1, 2, 9, 64, 5000) for k in {0, 1, n // 3, n - 1, n}])
def test_the_interval_is_that_of_scipy(hits: int, of: int) -> None:
    assert wilson(hits, of) == pytest.approx(tuple(binomtest(hits, of).proportion_ci(method="wilson")), abs=1e-14)


def test_lengths_are_taken_together() -> None:
    rows = [Gold("a", NONE, steps, "s", "f:1") for steps in (1, 2, 5, 6, 7, 8, 20, 21, 900, None)]
    assert [name_length_range(row) for row in rows] == [
        "1 step", "2-5 steps", "2-5 steps", "6-7 steps", "6-7 steps", "8-20 steps", "8-20 steps", "21+ steps",
        "21+ steps", "unknown",
    ]  # fmt: skip


_LABEL = st.one_of(st.none(), st.integers(-1, 8))


@given(st.lists(st.tuples(st.integers(-1, 8), _LABEL)))
def test_every_row_is_counted_once(rows: list[tuple[int, int | None]]) -> None:
    result = score(gold(*[item for item, _ in rows]), labels(*[label for _, label in rows]))
    assert result.wrong.of + result.right.of == len(rows)
    undecided = sum(label is None for _, label in rows)
    assert sum(result.distances.values()) + result.missed + result.alarms + result.right.hits + undecided == len(rows)
    assert result.distances.get(0, 0) == result.wrong.hits == result.located.hits
    assert result.located.of == sum(result.distances.values()) + result.alarms


@given(st.lists(st.tuples(st.integers(-1, 8), _LABEL), min_size=1), st.integers(0, 99))
def test_an_exact_label_never_scores_less_than_none(rows: list[tuple[int, int | None]], at: int) -> None:
    first, result = [item for item, _ in rows], [label for _, label in rows]
    better = [*result]
    better[at % len(rows)] = first[at % len(rows)]
    outcome, other = score(gold(*first), labels(*result)), score(gold(*first), labels(*better))
    assert (outcome.f1 or 0) <= (other.f1 or 0)
    assert outcome.kept.hits <= other.kept.hits
