"""What is found at gates is what Great Expectations finds in the whole table at once, however the table is cut."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flows.gates import check as checking
from flows.gates.check import list_results
from flows.gates.great_expectations import _build_suite, load_library
from flows.running.unit_executor import UnitExecutor
from schemas.recipe.expectations import DISTINCT, EXPECTATIONS, Arguments, Expected
from tests.flows.gates.planned import frame, planned, row
from tests.flows.running.executors import UnitsHere

ASKED: list[dict[str, Any]] = [
    {"expect": "column_values_to_not_be_null", "column": "tokens", "mostly": 0.5},
    {"expect": "column_values_to_be_null", "column": "tokens", "mostly": 0.5},
    {"expect": "column_values_to_be_between", "column": "tokens", "min_value": 2, "max_value": 5, "strict_min": True},
    {"expect": "column_values_to_be_between", "column": "share", "max_value": 0.5, "mostly": 0.6},
    {"expect": "column_values_to_be_in_set", "column": "error_type", "value_set": ["unit", "operation"], "mostly": 0.5},
    {"expect": "column_values_to_be_in_set", "column": "sure", "value_set": [True]},
    {"expect": "column_values_to_be_in_set", "column": "tokens", "value_set": [1, 2, 3, 4], "mostly": 0.4},
    {"expect": "column_values_to_not_be_in_set", "column": "error_type", "value_set": ["unit"]},
    {"expect": "column_values_to_match_regex", "column": "text", "regex": "^[a-c]", "mostly": 0.5},
    {"expect": "column_values_to_not_match_regex", "column": "text", "regex": "c$"},
    {"expect": "column_values_to_match_regex_list", "column": "text", "regex_list": ["^a", "b"], "match_on": "any"},
    {"expect": "column_values_to_not_match_regex_list", "column": "text", "regex_list": ["^a", "cc"]},
    {"expect": "column_value_lengths_to_be_between", "column": "text", "min_value": 1, "max_value": 3},
    {"expect": "column_value_lengths_to_equal", "column": "text", "value": 2, "mostly": 0.3},
    {"expect": "column_values_to_be_json_parseable", "column": "text", "mostly": 0.2},
    {"expect": "column_values_to_match_strftime_format", "column": "text", "strftime_format": "%Y"},
    {"expect": "column_pair_values_a_to_be_greater_than_b", "column_A": "first", "column_B": "second"},
    {"expect": "column_pair_values_to_be_equal", "column_A": "first", "column_B": "second", "mostly": 0.4},
    {"expect": "select_column_values_to_be_unique_within_record", "column_list": ["first", "second"]},
    {"expect": "column_values_to_be_unique", "column": "tokens", "mostly": 0.7},
    {"expect": "compound_columns_to_be_unique", "column_list": ["first", "second"]},
    {"expect": "column_min_to_be_between", "column": "tokens", "min_value": 1, "max_value": 3},
    {"expect": "column_max_to_be_between", "column": "share", "min_value": 0.2, "max_value": 0.8},
    {"expect": "column_sum_to_be_between", "column": "tokens", "max_value": 30},
    {"expect": "column_mean_to_be_between", "column": "tokens", "min_value": 2, "max_value": 4, "strict_max": True},
    {"expect": "column_median_to_be_between", "column": "tokens", "min_value": 2, "max_value": 4},
    {"expect": "column_stdev_to_be_between", "column": "tokens", "min_value": 1, "max_value": 2},
    {"expect": "column_unique_value_count_to_be_between", "column": "text", "min_value": 3, "max_value": 6},
    {"expect": "column_proportion_of_unique_values_to_be_between", "column": "text", "min_value": 0.5},
    {"expect": "column_proportion_of_non_null_values_to_be_between", "column": "text", "min_value": 0.5},
    {"expect": "table_row_count_to_be_between", "min_value": 4, "max_value": 9},
    {"expect": "column_distinct_values_to_be_in_set", "column": "error_type", "value_set": ["unit", "operation"]},
    {"expect": "column_distinct_values_to_contain_set", "column": "error_type", "value_set": ["unit"]},
    {"expect": "column_distinct_values_to_equal_set", "column": "tokens", "value_set": [1, 2, 3]},
]

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "tokens": st.none() | st.integers(0, 6),
            "share": st.none() | st.sampled_from([0.0, 0.1, 0.5, 0.7, 1.0]),
            "text": st.none() | st.text("abc1{}", max_size=4) | st.just("2024"),
            "error_type": st.none() | st.sampled_from(["calculation", "operation", "unit"]),
            "first": st.integers(0, 3),
            "second": st.none() | st.integers(0, 3),
            "sure": st.none() | st.booleans(),
        }
    ),
    min_size=1,
    max_size=12,
)


def cut(rows: pl.DataFrame, at: Sequence[int]) -> list[pl.DataFrame]:
    """Rows cut at some places; empty pieces are left out, as tables have no empty parts."""
    places = [0, *sorted(place % (rows.height + 1) for place in at), rows.height]
    return [rows[low:high] for low, high in pairwise(places) if high > low]


def of_whole(rows: pl.DataFrame) -> list[tuple[str, bool]]:
    """What Great Expectations itself says of the rows at once."""
    library, batches = load_library()
    kwargs = [{key: value for key, value in entry.items() if key != "expect"} for entry in ASKED]
    expected = []
    for item, given_ in zip(ASKED, kwargs):
        name = f"expect_{item['expect']}"
        ignored = EXPECTATIONS[name].model_fields.get("ignore_row_if")
        expected.append(Expected(name, {**given_, **({"ignore_row_if": ignored.default} if ignored else {})}))
    suite = _build_suite(library, expected)
    for asked, expectation in zip(expected, suite.expectations):
        if "mostly" in asked.kwargs:
            expectation.mostly = asked.kwargs["mostly"]
    needed = rows.select(name for name in rows.columns if name not in ("steps", "shares"))
    batch = batches.get_batch({"dataframe": needed.to_pandas(use_pyarrow_extension_array=True)})
    with warnings.catch_warnings(action="ignore"):
        results = [result.to_json_dict() for result in batch.validate(suite).results]
    results.sort(key=lambda subject: subject["expectation_config"]["meta"]["place"])
    return [(entry["expectation_config"]["type"], entry["success"]) for entry in results]


def yaml_of(gates: list[dict[str, Any]]) -> str:
    return "".join(f"  - {yaml.safe_dump(gate, default_flow_style=True, width=10_000).strip()}\n" for gate in gates)


def check_parts(
    rows: pl.DataFrame, at: Sequence[int], place: Path, units: UnitExecutor | None = None
) -> list[dict[str, Any]]:
    results = list_results(planned(place, cut(rows, at), yaml_of(ASKED)), units=units)
    return [result for result in results if result["declared"] != "contract"]


@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.lists(st.integers(0, 50), max_size=4))
def test_parts_together_say_what_the_whole_says(tmp_path: Path, rows: list[dict[str, Any]], at: list[int]) -> None:
    whole = frame([row(i, **item) for i, item in enumerate(rows)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "BATCH_ROWS", 3)
        results = check_parts(whole, at, tmp_path)
    expected = of_whole(whole)
    for result, (name, success) in zip(results, expected, strict=True):
        assert result["expectation"] == name
        if result["fault"]:
            # nothing there: Great Expectations has nothing to compare either
            assert (result["fault"], success) == ("there is no value to measure", False), result
        else:
            assert result["passed"] == success, (result, name)


@settings(max_examples=3, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS, st.lists(st.integers(0, 50), max_size=4), st.integers(1, 7))
def test_the_cut_of_a_table_changes_nothing(
    tmp_path: Path, rows: list[dict[str, Any]], at: list[int], batch: int
) -> None:
    whole = frame([row(i, **item) for i, item in enumerate(rows)])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "BATCH_ROWS", batch)
        patch.setattr(checking, "ROWS_OF_A_UNIT", batch)
        cut_up = check_parts(whole, at, tmp_path)
        elsewhere = check_parts(whole, at, tmp_path, UnitsHere())
    assert cut_up == elsewhere == check_parts(whole, [], tmp_path)


def test_every_expectation_that_a_recipe_may_name_is_asked_here() -> None:
    assert {f"expect_{item['expect']}" for item in ASKED} == set(EXPECTATIONS)


def test_none_of_them_evaluates_anything() -> None:
    for name, arguments in EXPECTATIONS.items():
        assert not {"row_condition", "condition_parser", "unexpected_rows_query", "template_dict"} & set(
            arguments.model_fields
        ), name
        assert issubclass(arguments, Arguments)
    assert not any("query" in name for name in EXPECTATIONS)
    assert DISTINCT.keys() <= EXPECTATIONS.keys()
