"""`select`: rows for which a SQL condition is true."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.task import TaskError
from tasks.select import SELECT, SelectParameters

CONTRACT = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS)
PART = pl.DataFrame({"source": ["a", "b", "c"], "n": [1, None, 3], "steps": [["x"], ["y", "z"], []]})


def parameters(where: str, *because: str) -> SelectParameters:
    return SelectParameters(where=where, because=list(because))


@pytest.mark.parametrize(
    "where", ["verdict = 'wrong'", "len(steps) > 2 AND sample = 0", "undecided IS NULL", "text LIKE '%\"%'", "sample"]
)
def test_a_condition_over_the_columns_is_without_fault(where: str) -> None:
    assert SELECT.check(parameters(where, "verdict"), CONTRACT) == []


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("nope = 1", 'Referenced column "nope" not found'),
        ("verdict = ", "syntax error"),
        ("verdict = 'wrong'; DROP TABLE part", "syntax error"),
        ("true) AS holds FROM part UNION ALL SELECT (true", "syntax error"),
        ("count(*) > 1", "aggregates"),
        ("row_number() OVER () < 5", "window"),
        ("nope(text)", "nope"),
        ("EXISTS (SELECT * FROM read_csv('/etc/passwd'))", "Cannot access file"),
        ("EXISTS (SELECT * FROM read_text('/etc/passwd'))", "Cannot access file"),
        ("EXISTS (SELECT * FROM '/etc/passwd')", "refuses"),
        ("EXISTS (SELECT * FROM 'https://example.org/a.parquet')", "refuses"),
    ],
)
def test_a_condition_that_duckdb_refuses_is_a_fault_before_anything_runs(where: str, expected: str) -> None:
    (fault,) = SELECT.check(parameters(where), CONTRACT)
    assert fault.startswith("where: DuckDB refuses the condition (") and expected in fault and "\n" not in fault


def test_a_condition_reads_no_file_when_it_runs_either(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(TaskError, match="Cannot access file"):
        SELECT.run(PART, parameters(f"EXISTS (SELECT * FROM read_csv('{tmp_path}/secret.csv'))"))


@pytest.mark.parametrize(
    ("because", "expected"), [("nope", "no column 'nope'"), ("steps", "column 'steps' holds lists")]
)
def test_a_reason_from_a_column_that_gives_none_is_a_fault(because: str, expected: str) -> None:
    (fault,) = SELECT.check(parameters("true", because), CONTRACT)
    assert fault.startswith("because: ") and expected in fault


def test_rows_are_kept_as_they_are_and_the_others_told() -> None:
    result = SELECT.run(PART, parameters("n > 1"))
    assert result.kept.equals(PART[2:])
    assert result.rejected.rows() == [
        ("a", 1, ["x"], "not selected", None),
        ("b", None, ["y", "z"], "not selected", "the condition is null for this row"),
    ]


def test_columns_say_why_a_row_was_not_selected() -> None:
    assert SELECT.run(PART, parameters("n > 1", "n")).rejected["reason"].to_list() == ["1", "not selected"]
    assert SELECT.run(PART, parameters("n > 1", "source", "n")).rejected["reason"].to_list() == ["a: 1", "b"]


@pytest.mark.parametrize(
    "where", ["random() < 0.5", "text < CAST(now() AS VARCHAR)", "current_date > DATE '2020-01-01'"]
)
def test_a_condition_that_differs_from_build_to_build_is_a_fault(where: str) -> None:
    (fault,) = SELECT.check(parameters(where), CONTRACT)
    assert fault.startswith("where: '") and "depends on more than the row" in fault


def test_one_column_is_short_for_a_list_of_one() -> None:
    assert SelectParameters.model_validate({"where": "true", "because": "n"}) == parameters("true", "n")


def test_a_condition_is_not_empty() -> None:
    with pytest.raises(ValueError, match="at least 1 character"):
        parameters("")


def test_a_part_without_rows_gives_none() -> None:
    result = SELECT.run(PART.clear(), parameters("n > 1", "n"))
    assert result.kept.schema == PART.schema
    assert result.rejected.schema == pl.Schema({**PART.schema, "reason": pl.String(), "detail": pl.String()})


@settings(deadline=None, max_examples=40)
@given(st.lists(st.none() | st.integers(-3, 3), max_size=12), st.sampled_from(["n > 0", "n % 2 = 0 OR n IS NULL", "n"]))
def test_every_row_is_kept_or_rejected_in_its_order(numbers: list[int | None], where: str) -> None:
    sources = [f"{i:02d}" for i in range(len(numbers))]
    part = pl.DataFrame({"source": sources, "n": numbers}, schema={"source": pl.String, "n": pl.Int64})
    result = SELECT.run(part, parameters(where))
    kept, rejected = result.kept["source"].to_list(), result.rejected["source"].to_list()
    assert sorted(kept + rejected) == sources
    assert (kept, rejected) == (sorted(kept), sorted(rejected))


def test_a_condition_cannot_look_at_the_other_rows_of_its_part() -> None:
    (fault,) = SELECT.check(parameters("n = (SELECT max(n) FROM part)"), CONTRACT)
    assert "part" in fault


def test_words_in_quotes_are_no_functions() -> None:
    assert SELECT.check(parameters("text LIKE '% now %' OR text = 'random'"), CONTRACT) == []


def test_a_condition_that_the_data_break_is_a_task_error() -> None:
    with pytest.raises(TaskError, match=r"^where: DuckDB cannot compute the condition on the data \(Conversion Error"):
        SELECT.run(PART, parameters("CAST(source AS INTEGER) > 1"))
