"""`select`: rows for which a SQL condition is true."""

from __future__ import annotations

import re
import time
from pathlib import Path

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, VERDICT_COLUMNS
from schemas.task import TaskError
from tasks import conditions
from tasks.select import SELECT, SelectParameters
from tests.processor_time import bound_time

ROOT = Path(__file__).parents[2]
CONTRACT = SOLUTIONS.having(*STEP_COLUMNS, *VERDICT_COLUMNS)
PART = pl.DataFrame({"source": ["a", "b", "c"], "n": [1, None, 3], "steps": [["x"], ["y", "z"], []]})


def parameters(where: str, *because: str) -> SelectParameters:
    return SelectParameters(where=where, because=list(because))


@pytest.mark.parametrize(
    "where", ["verdict = 'wrong'", "len(steps) > 2 AND sample = 0", "undecided IS NULL", "text LIKE '%\"%'", "sample"]
)
def test_a_condition_over_the_columns_is_without_fault(where: str) -> None:
    assert SELECT.check(parameters(where, "verdict"), CONTRACT) == []


REFUSED = {
    "nope = 1": "the table has no column 'nope'",
    "text.nope = 1": "the table has no column 'text.nope'",
    "verdict = ": "DuckDB refuses the condition (syntax error",
    "verdict = 'wrong'; DROP TABLE part": "DuckDB refuses the condition (syntax error",
    "true) AS holds FROM part UNION ALL SELECT (true": "is more than one condition",
    "true), (false": "is more than one condition",
    "true) FROM range(100000000000) WHERE (true": "is more than one condition",
    "true); SELECT (true": "is more than one condition",
    "true -- ": None,
    "count(*) > 1": "'count_star' is none of the functions of one row",
    "sum(sample) > 1": "'sum' is none of",
    "list_sum(steps) FILTER (true) > 1": "none of the functions of one row",
    "row_number() OVER () < 5": "holds a window over other rows",
    "nope(text)": "'nope' is none of",
    "EXISTS (SELECT * FROM read_csv('/etc/passwd'))": "holds a subquery",
    "EXISTS (SELECT * FROM '/etc/passwd')": "holds a subquery",
    "exists(FROM range(100000000000))": "holds a subquery",
    "sample = (SELECT max(sample) FROM part)": "holds a subquery",
    "sample = ANY([1, 2])": "holds a subquery",
    "len(list_filter(steps, s -> s = 'x')) > 1": "'list_filter' is none of",
    "len([s FOR s IN steps IF s = 'x']) > 1": "is none of",
    "COLUMNS(*) = 1": "holds",
    "$1 = sample": "holds a parameter",
    "#1": "holds positional_reference",
    "text COLLATE nocase = 'a'": "holds COLLATE",
    "len(repeat('x', 100000000000)) > 1": "'repeat' is none of",
    "len(range(100000000000)) > 1": "'range' is none of",
    "replace(text, 'a', text) = ''": "'replace' is none of",
    "lpad(text, 1000000000, 'x') = ''": "'lpad' is none of",
    "random() < 0.5": "'random' is none of",
    "text < CAST(now() AS VARCHAR)": "'now' is none of",
    "transaction_timestamp() IS NOT NULL": "'transaction_timestamp' is none of",
    "text = $$'$$ OR random() < 0.5 OR text = $$'$$": "'random' is none of",
    "current_date IS NOT NULL": "the table has no column 'current_date'",
    "CAST(text AS TIMESTAMPTZ) IS NOT NULL": "a value is cast to",
    "getenv('HOME') = ''": "'getenv' is none of",
    "current_setting('memory_limit') = ''": "'current_setting' is none of",
    "NOT " * 300 + "true": "is made of more than 2,000 parts, or nested deeper than 100 levels",
    "NOT " * 1500 + "true": "DuckDB refuses the condition (Max expression depth",
    "1 IN (" + ", ".join(["1"] * 2500) + ")": "is made of more than 2,000 parts",
}


@pytest.mark.parametrize(("where", "expected"), REFUSED.items(), ids=[where[:60] for where in REFUSED])
def test_what_a_condition_may_not_hold_is_a_fault_before_anything_runs(where: str, expected: str | None) -> None:
    with bound_time(5):
        faults = SELECT.check(parameters(where), CONTRACT)
    if expected is None:
        assert faults == []
    else:
        (fault,) = faults
        assert fault.startswith("where: ") and expected in fault and "\n" not in fault


def test_a_condition_that_was_not_checked_is_not_computed_either(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(TaskError, match="where: holds a subquery"):
        SELECT.run(PART, parameters(f"EXISTS (SELECT * FROM read_csv('{tmp_path}/secret.csv'))"))


def test_the_database_reads_no_file_and_takes_no_more_memory_than_it_may(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with conditions._limit_time(60) as connection:
        for statement in (f"FROM read_csv('{tmp_path}/secret.csv')", "SET enable_external_access = true"):
            with pytest.raises(duckdb.Error, match=r"disabled|Cannot|locked"):
                connection.sql(statement).fetchall()


def test_what_takes_too_long_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "SECONDS", 0.3)
    monkeypatch.setattr(conditions, "SECONDS_OF_A_CHECK", 0.3)
    endless = "(SELECT count(*) FROM range(100000000) a, range(100000) b) > 0"
    monkeypatch.setattr(conditions, "_find_refused", lambda *_: None)
    began = time.monotonic()
    assert SELECT.check(parameters(endless), CONTRACT) == [
        "where: it takes more than 0.3 s without any row; write it simpler"
    ]
    with pytest.raises(TaskError, match=r"^where: the condition takes more than 0\.3 s for 3 rows"):
        SELECT.run(PART, parameters(endless))
    assert time.monotonic() - began < 20


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


def test_words_in_quotes_are_no_functions() -> None:
    assert SELECT.check(parameters("text LIKE '% now %' OR text = 'random'"), CONTRACT) == []


def test_a_condition_that_the_data_break_is_a_task_error() -> None:
    with pytest.raises(TaskError, match=r"^where: DuckDB cannot compute the condition on the data \(Conversion Error"):
        SELECT.run(PART, parameters("CAST(source AS INTEGER) > 1"))


def test_the_page_of_recipes_lists_the_functions_of_conditions() -> None:
    listed = set(re.findall(r"`(\w+)`", (ROOT / "docs" / "recipes.md").read_text("utf-8")))
    named = {name for name in conditions.FUNCTIONS if name.isidentifier() and not name.endswith("_escape")}
    assert named <= listed
