"""Rows of two releases belong together by id, else by what they are of, and never by chance."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flows.comparison.matching import match_rows, pair_models

SCHEMA = {"key": pl.String, "problem": pl.UInt64, "model": pl.String, "sampling": pl.String, "sample": pl.String}


def make_side(*rows: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def match(before: pl.DataFrame, after: pl.DataFrame) -> set[tuple[str | None, str | None, str | None]]:
    return set(match_rows(before, after).rows.select("before_key", "after_key", "rule").iter_rows())


def test_a_row_of_the_same_id_is_the_same_whatever_else_it_says() -> None:
    before, after = make_side(("a", 1, "m", "t", "0")), make_side(("a", 2, "n", "t", "5"))
    assert match(before, after) == {("a", "a", "id")}


def test_a_row_that_was_sampled_anew_stands_beside_the_one_before() -> None:
    before = make_side(("a", 1, "m", "t", "0"), ("b", 1, "m", "t", "1"), ("c", 2, "m", "t", "0"))
    after = make_side(("x", 1, "m", "t", "1"), ("y", 3, "m", "t", "0"))
    rule = "problem, model, sampling and sample"
    assert match(before, after) == {("b", "x", rule), ("a", None, None), ("c", None, None), (None, "y", None)}


def test_another_checkpoint_stands_beside_the_one_before_and_no_other_model() -> None:
    before = make_side(("a", 1, "m@1", "t", "0"), ("b", 1, "big", "t", "0"))
    after = make_side(("x", 1, "m@2", "t", "0"), ("y", 1, "big", "t", "1"))
    rule = "problem, sampling and sample, of the other model"
    assert match(before, after) == {("a", "x", rule), ("b", None, None), (None, "y", None)}


def test_samples_meet_where_only_the_temperature_differs_and_problems_where_each_has_one_row() -> None:
    before = make_side(("a", 1, "m@1", "t 0", "0"), ("b", 2, "m@1", "t 0", "0"), ("c", 2, "m@1", "t 0", "1"), ("d", 3, "m@1", "t 0", "4"))  # fmt: skip
    after = make_side(("x", 1, "m@2", "t 1", "0"), ("y", 2, "m@2", "t 1", "1"), ("z", 3, "m@2", "t 1", "7"))
    sample, alone = "problem and sample, of the other model", "problem alone"
    assert match(before, after) == {("a", "x", sample), ("c", "y", sample), ("d", "z", alone), ("b", None, None)}


def test_of_several_rows_that_would_fit_none_is_taken() -> None:
    before = make_side(("a", 1, "m@1", "t", "0"))
    after = make_side(("x", 1, "m@2", "t", "0"), ("y", 1, "m@2", "t", "0"))
    assert match(before, after) == {("a", None, None), (None, "x", None), (None, "y", None)}


def test_rows_without_models_belong_together_where_a_problem_has_one() -> None:
    before, after = (pl.DataFrame({"key": [key, f"{key}2"], "problem": [1, problem]}) for key, problem in (("a", 2), ("x", 3)))  # fmt: skip
    assert match(before, after) == {("a", "x", "problem alone"), ("a2", None, None), (None, "x2", None)}


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        (["m@1"], ["m@2"], (("m@1", "m@2"),)),
        (["m@1", "big"], ["big", "m@2"], (("m@1", "m@2"),)),
        (["old"], ["new"], (("old", "new"),)),
        (["m@1", "old"], ["m@2", "new"], (("m@1", "m@2"), ("old", "new"))),
        (["m@1", "m@2"], ["m@3"], ()),
        (["a", "b"], ["c", "d"], ()),
        (["a"], ["a"], ()),
    ],
)
def test_models_stand_for_each_other_where_nothing_else_can(
    before: list[str], after: list[str], pairs: tuple[tuple[str, str], ...]
) -> None:
    assert pair_models(before, after) == pairs


few = st.tuples(st.integers(0, 2), st.sampled_from(["m@1", "m@2", "n", "o"]), st.sampled_from("tu"), st.sampled_from("01"))  # fmt: skip
sides = st.dictionaries(st.integers(0, 12).map(str), few, max_size=10).map(
    lambda rows: make_side(*((key, *values) for key, values in rows.items()))
)


@given(before=sides, after=sides)
def test_every_row_of_both_is_there_once(before: pl.DataFrame, after: pl.DataFrame) -> None:
    rows = match_rows(before, after).rows
    for side, column in ((before, "before_key"), (after, "after_key")):
        assert sorted(rows[column].drop_nulls()) == sorted(side["key"])
    alone = rows.filter(pl.col("rule").is_null())
    assert alone.filter(pl.col("before_key").is_not_null() & pl.col("after_key").is_not_null()).is_empty()
