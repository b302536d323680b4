"""`load`: problems of records, and an account of those that give none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.problems import PROBLEMS, RECORDS
from schemas.contract import make_rejected_contract
from schemas.frames import check, to_polars_schema
from schemas.task import Outcome, Record
from tasks.sources.load import LOAD, LoadParameters

GIVEN: dict[str, Any] = {
    "files": ["problems.jsonl"],
    "set": {"value": "shop"},
    "question": "question",
    "answer": "answer",
    "options": {"path": "options", "optional": True},
    "reference": {"path": "solution", "optional": True},
    "longest": 50,
}
FINE: dict[str, Any] = {"question": "How many?", "answer": " 18 ", "options": ["A) 1", 2], "solution": "9 + 9"}


def loaded(*values: dict[str, Any] | None, **changed: Any) -> Outcome:
    records = [Record(f"f:{i}", value, f"raw {i}") for i, value in enumerate(values, 1)]
    return LOAD.run(records, LoadParameters.model_validate({**GIVEN, **changed}))


def test_a_record_becomes_a_problem() -> None:
    row = loaded(FINE).kept.row(0, named=True)
    assert len(row.pop("problem_id")) == 24
    assert row == {
        "set": "shop",
        "question": "How many?",
        "options": ["A) 1", "2"],
        "answer": "18",
        "reference": "9 + 9",
        "source": "f:1",
    }


def test_options_and_reference_may_be_missing() -> None:
    row = loaded({"question": "How many?", "answer": Decimal("2.00")}, options=None, reference=None).kept.row(
        0, named=True
    )
    assert (row["options"], row["reference"], row["answer"]) == (None, None, "2.00")


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"question": None}, "missing field", "'question'"),
        ({"question": " \n"}, "empty field", "question"),
        ({"answer": ""}, "empty field", "answer"),
        ({"answer": ["18"]}, "wrong type", "answer is a list, expected text or a number"),
        ({"question": "x" * 51}, "too long", "question has 51 characters, at most 50 are taken; raise `longest`"),
        ({"question": "a\0"}, "NUL in text", "question, character 2"),
        ({"solution": "\ud800"}, "not UTF-8", "reference ('solution') has half of a surrogate pair, character 1"),
        ({"options": "A"}, "wrong type", "options is a str, expected a list"),
    ],
)
def test_a_record_that_gives_no_problem_is_rejected_and_hinders_no_other(
    changed: dict[str, Any], reason: str, detail: str
) -> None:
    result = loaded(FINE, {**FINE, **changed}, FINE)
    assert result.kept["source"].to_list() == ["f:1", "f:3"]
    assert result.rejected.rows() == [("f:2", "raw 2", reason, detail)]


def test_an_unreadable_record_keeps_its_fault() -> None:
    record = Record("f:1", None, "{", ("not JSON", "line 1"))
    result = LOAD.run([record, Record("f:2", None, "{")], LoadParameters.model_validate(GIVEN))
    assert result.rejected.rows() == [("f:1", "{", "not JSON", "line 1"), ("f:2", "{", "unreadable", None)]


def test_records_outside_the_recipe_are_counted_apart() -> None:
    result = loaded({**FINE, "split": "test"}, {**FINE, "split": "train"}, FINE, only={"split": ["test"]})
    assert result.kept["source"].to_list() == ["f:1"]
    assert result.rejected.select("reason", "detail").rows() == [
        ("outside the recipe", "split = train"),
        ("outside the recipe", "split = None"),
    ]


def test_a_missing_answer_that_is_optional_is_empty_and_a_missing_question_is_never_the_word_none() -> None:
    optional = {"path": "answer", "optional": True}
    result = loaded(
        {"question": "How many?"}, {"answer": "18"}, answer=optional, question={"path": "question", "optional": True}
    )
    assert result.kept["answer"].to_list() == [""]
    assert result.rejected.select("reason", "detail").rows() == [("missing field", "question is null")]


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60)
ANY = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=3), SCALARS, max_size=2)
RECORD_VALUES = (
    st.none() | st.dictionaries(st.sampled_from(list(FINE)), ANY) | st.fixed_dictionaries(dict.fromkeys(FINE, ANY))
)


@settings(deadline=None, max_examples=60)
@given(st.lists(RECORD_VALUES, max_size=5))
def test_every_record_is_kept_or_rejected_whatever_it_holds(values: list[dict[str, Any] | None]) -> None:
    result = loaded(*values)
    assert result.kept.height + result.rejected.height == len(values)
    assert result.rejected.schema == to_polars_schema(make_rejected_contract(RECORDS))
    assert result.rejected["reason"].null_count() == 0
    # the key's uniqueness is the runner's to keep
    check(result.kept.unique("problem_id", maintain_order=True), PROBLEMS, "test")
    assert result.kept.schema == to_polars_schema(PROBLEMS)
    assert pl.concat([result.kept["source"], result.rejected["source"]]).n_unique() == len(values)
