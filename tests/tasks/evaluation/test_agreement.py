"""Kappas by hand and from the literature; over parts they are those of the whole."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from tasks.evaluation.agreement import Agreement, measure_agreement


def frame(**columns: list[int | None]) -> pl.DataFrame:
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.Int64))


def of_counts(*counts: tuple[int, int, int]) -> pl.DataFrame:
    rows = [(item, other) for item, other, n in counts for _ in range(n)]
    return pl.DataFrame(rows, schema={"a": pl.Int64, "b": pl.Int64}, orient="row")


def test_cohens_kappa_of_a_two_by_two_table() -> None:
    # 20 and 15 of 50 the same; expected 0.5 * 0.6 + 0.5 * 0.4 = 0.5, so (0.7 - 0.5) / 0.5
    pair = measure_agreement([of_counts((1, 1, 20), (1, 2, 5), (2, 1, 10), (2, 2, 15))]).pairs["a", "b"]
    assert (pair.rows, pair.same) == (50, 35)
    assert pair.kappa == pytest.approx(0.4)


def test_cohens_kappa_of_three_categories() -> None:
    # 140 of 200 the same; expected 0.6 * 0.5 + 0.3 * 0.3 + 0.1 * 0.2 = 0.41, so (0.7 - 0.41) / 0.59
    counts = [(0, 0, 88), (0, 1, 14), (0, 2, 18), (1, 0, 10), (1, 1, 40), (1, 2, 10), (2, 0, 2), (2, 1, 6), (2, 2, 12)]
    observed, expected = 140 / 200, (120 * 100 + 60 * 60 + 20 * 40) / 200**2
    assert measure_agreement([of_counts(*counts)]).pairs["a", "b"].kappa == pytest.approx(
        (observed - expected) / (1 - expected)
    )
    assert measure_agreement([of_counts(*counts)]).pairs["a", "b"].kappa == pytest.approx(0.4915, abs=1e-4)


FLEISS = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0], [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip
"""The worked example of fourteen raters, ten subjects and five categories that textbooks give: kappa 0.210."""


def test_fleiss_kappa_of_fourteen_raters() -> None:
    rows = [[label for label, raters in enumerate(counts) for _ in range(raters)] for counts in FLEISS]
    agreement = measure_agreement([pl.DataFrame(rows, schema=[f"r{i}" for i in range(14)], orient="row")])
    assert (agreement.raters, agreement.rows) == (14, 10)
    assert agreement.fleiss == pytest.approx(0.2099, abs=1e-4)


def test_the_interval_of_fleiss_kappa_is_that_of_solutions_drawn_again() -> None:
    rows = [[label for label, raters in enumerate(counts) for _ in range(raters)] for counts in FLEISS * 20]
    whole = pl.DataFrame(rows, schema=[f"r{i}" for i in range(14)], orient="row")
    drawn = [measure_agreement([whole.sample(whole.height, with_replacement=True, seed=n)]).fleiss for n in range(200)]
    spread = float(pl.Series(drawn).std())  # type: ignore[arg-type]
    agreement = measure_agreement([whole])
    assert agreement.fleiss is not None and agreement.fleiss_interval is not None
    low, high = agreement.fleiss_interval
    assert (high - low) / 2 / 1.96 == pytest.approx(spread, rel=0.15)
    assert (high + low) / 2 == pytest.approx(agreement.fleiss)
    assert measure_agreement([frame(a=[1, 2], b=[1, 2])]).fleiss_interval == (1, 1)


def test_what_one_leaves_undecided_is_left_out() -> None:
    agreement = measure_agreement([frame(a=[1, 1, None, None, -1], b=[1, 2, 1, None, -1], c=[1, None, 1, None, -1])])
    assert {names: (pair.rows, pair.same) for names, pair in agreement.pairs.items()} == {
        ("a", "b"): (3, 2), ("a", "c"): (2, 2), ("b", "c"): (3, 3),
    }  # fmt: skip
    assert (agreement.rows, agreement.fleiss, agreement.pairs["a", "c"].kappa) == (2, 1.0, 1.0)


def test_where_chance_does_all_there_is_no_kappa() -> None:
    agreement = measure_agreement([frame(a=[1, 1], b=[1, 1])])
    assert (agreement.fleiss, agreement.pairs["a", "b"].kappa) == (None, None)
    assert measure_agreement([frame(a=[1, 2], b=[2, 1])]).pairs["a", "b"].kappa == -1
    assert measure_agreement([frame(a=[None], b=[1])]).fleiss is None
    assert measure_agreement([frame(a=[1, 2])]) == Agreement(raters=1, rows=2, patterns=Counter({(1,): 1, (2,): 1}))
    assert measure_agreement([frame(a=[1, 2])]).fleiss is None
    assert measure_agreement([]).fleiss is None


LABELS = st.lists(st.tuples(*[st.none() | st.integers(-1, 2)] * 3), max_size=30)


@given(LABELS, st.integers(1, 30))
def test_in_parts_it_is_that_of_the_whole(rows: list[tuple[int | None, ...]], size: int) -> None:
    schema = {"a": pl.Int64, "b": pl.Int64, "c": pl.Int64}
    whole = pl.DataFrame(rows, schema=schema, orient="row")
    parts = [whole.slice(at, size) for at in range(0, max(len(rows), 1), size)]
    assert measure_agreement(parts) == measure_agreement([whole])
    swapped = measure_agreement([whole.select("c", "a", "b")])
    assert swapped.fleiss == measure_agreement([whole]).fleiss
    assert swapped.pairs["c", "a"].kappa == measure_agreement([whole]).pairs["a", "c"].kappa


def test_other_labellers_are_no_part_of_it() -> None:
    with pytest.raises(ValueError, match="labellers a, c are not those of the frames before"):
        measure_agreement([frame(a=[1], b=[1]), frame(a=[1], c=[1])])


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(-1, 3)), min_size=2, max_size=30))
def test_cohens_kappa_is_that_of_scikit_learn(rows: list[tuple[int, int]]) -> None:
    result, other = map(list, zip(*rows))
    (pair,) = measure_agreement([frame(one=result, other=other)]).pairs.values()
    if pair.kappa is not None:
        assert pair.kappa == pytest.approx(cohen_kappa_score(result, other), abs=1e-12)


def test_the_interval_of_kappa_is_that_of_its_standard_error() -> None:
    frame = pl.DataFrame({"a": [0] * 50 + [1] * 50, "b": [0] * 40 + [1] * 10 + [1] * 40 + [0] * 10})
    (pair,) = measure_agreement([frame]).pairs.values()
    assert pair.kappa == pytest.approx(0.6)
    assert pair.interval is not None  # se = sqrt(0.8 * 0.2 / 100) / 0.5 = 0.08
    assert pair.interval == pytest.approx((0.6 - 1.96 * 0.08, 0.6 + 1.96 * 0.08), abs=1e-3)
    same = measure_agreement([pl.DataFrame({"a": [0, 1], "b": [0, 1]})])
    assert next(iter(same.pairs.values())).interval == (1.0, 1.0)
