"""The task `take`: so many rows of each value, the same whatever the order, and what is missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.contract import Column, Contract
from schemas.task import TaskError
from tasks.take import TAKE, TakeParameters, find_shortfall

GIVEN = Contract("pairs", "", (Column("pair_id", "string", ""), Column("kind", "string", "", one_of=("unit", "sign", "none")), Column("steps", "strings", "")), "pair_id")  # fmt: skip
ROWS = [(f"p{number}", kind) for number, kind in enumerate(["unit"] * 5 + ["sign"] * 2 + [None])]


def rows(pairs: list[tuple[str, str | None]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"pair_id": pl.String, "kind": pl.String}, orient="row")


def take(
    place: Path, parts: list[pl.DataFrame], want: dict[str, Any], short: str = "warn"
) -> dict[str, tuple[str, str]]:
    """The rejected rows, by key."""
    parameters = TakeParameters.model_validate({"want": want, "short": short})
    assert TAKE.check(parameters, GIVEN) == []
    place.mkdir(exist_ok=True, parents=True)
    (place / "rows.duckdb").unlink(missing_ok=True)
    frames = list(TAKE.run(parts, [], parameters, place))
    return {key: (reason, detail) for frame in frames for key, reason, detail in frame.iter_rows()}


def test_so_many_of_each_value_are_left(tmp_path: Path) -> None:
    lost = take(tmp_path, [rows(ROWS[:3]), rows(ROWS[3:])], {"rows": 3, "per": "kind"})
    assert sorted(lost.values(), key=str) == [("more than wanted", "unit: 3 of 5")] * 2 + [("of no wanted kind", None)]


def test_a_number_in_all_needs_no_column(tmp_path: Path) -> None:
    assert len(take(tmp_path, [rows(ROWS)], {"rows": 3})) == len(ROWS) - 3


def test_values_that_are_not_wanted_go(tmp_path: Path) -> None:
    lost = take(tmp_path, [rows(ROWS)], {"rows": 3, "per": "kind", "of": ["sign"]})
    assert {key for key, (reason, _) in lost.items() if reason == "of no wanted kind"} == {
        "p0",
        "p1",
        "p2",
        "p3",
        "p4",
        "p7",
    }


@given(st.permutations(ROWS), st.integers(0, len(ROWS)))
@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_left_does_not_depend_on_order_or_parts(tmp_path: Path, order: list[Any], at: int) -> None:
    want = {"rows": 2, "per": "kind"}
    assert take(tmp_path / "a", [rows(order[:at]), rows(order[at:])], want) == take(tmp_path / "b", [rows(ROWS)], want)


def test_what_is_missing_is_told() -> None:
    parameters = TakeParameters.model_validate({"want": {"rows": 10, "per": "kind", "of": ["sign", "none", "unit"]}})
    assert find_shortfall(parameters, rows(ROWS), 2.0) == [
        "6 of 10 rows of kind 'sign' are missing", "10 of 10 rows of kind 'none' are missing",
    ]  # fmt: skip
    assert find_shortfall(TakeParameters.model_validate({"want": {"rows": 10}}), rows(ROWS), 1.0) == [
        "2 of 10 rows are missing"
    ]
    assert find_shortfall(TakeParameters.model_validate({"want": {"rows": 1, "per": "kind"}}), rows([]), 1.0) == [
        "no row has a kind"
    ]


def test_too_few_end_the_build_where_the_recipe_says_so(tmp_path: Path) -> None:
    with pytest.raises(
        TaskError, match=r"want: 1 of 3 rows of kind 'sign' are missing; make more, or take what there is"
    ):
        take(tmp_path, [rows(ROWS)], {"rows": 3, "per": "kind"}, "fail")


@pytest.mark.parametrize(
    ("want", "fault"),
    [
        ({"rows": 1, "per": "colour"}, "want.per: the table has no column 'colour'; it has pair_id, kind, steps"),
        ({"rows": 1, "per": "steps"}, "want.per: 'steps' holds strings; rows are counted by texts, whole numbers and truth values"),
        ({"rows": 1, "per": "kind", "of": ["uni"]}, "want.of: 'uni' is no kind; there are unit, sign, none"),
        ({"rows": 1, "of": ["unit"]}, "want.of: names values of no column; add `per`"),
    ],
)  # fmt: skip
def test_what_cannot_be_counted_is_a_fault_of_the_recipe(want: dict[str, Any], fault: str) -> None:
    assert TAKE.check(TakeParameters.model_validate({"want": want}), GIVEN) == [fault]
