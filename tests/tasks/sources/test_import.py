"""`import`: recorded generations of models."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.problems import SOLUTIONS
from schemas.frames import check, to_polars_schema
from schemas.task import Outcome, Record, UnreadableValue
from tasks.sources.content_ids import identify_problem, identify_solution
from tasks.sources.import_ import IMPORT, ImportParameters

GIVEN: dict[str, Any] = {
    "files": ["generations.jsonl"],
    "set": {"value": "shop"},
    "question": "question",
    "answer": "gold",
    "model": "model",
    "text": "output",
    "rationale": {"path": "output", "json": "reasoning", "optional": True},
    "stated": {"path": "output", "json": "answer", "optional": True},
    "sample": {"path": "sample", "optional": True},
    "longest": 200,
}
FINE: dict[str, Any] = {"question": "How many?", "gold": "18", "model": "finch-7b", "output": "9 + 9 = 18", "sample": 2}


def imported(*values: dict[str, Any], **changed: Any) -> Outcome:
    records = [Record(f"f:{i}", value, f"raw {i}") for i, value in enumerate(values, 1)]
    return IMPORT.run(records, ImportParameters.model_validate({**GIVEN, **changed}))


def row_of(**changed: Any) -> dict[str, Any]:
    return imported({**FINE, **changed}).kept.row(0, named=True)


def test_a_record_becomes_a_solution_with_its_problem() -> None:
    row = row_of()
    problem = identify_problem("How many?", None)
    assert row["problem_id"] == problem
    assert row["solution_id"] == identify_solution(problem, "finch-7b", "unknown", 2, "9 + 9 = 18")
    assert (row["sampling"], row["sample"], row["rationale"], row["stated"]) == ("unknown", 2, "9 + 9 = 18", None)


@pytest.mark.parametrize(
    ("output", "rationale", "stated"),
    [
        ('{"reasoning": " 9 + 9 ", "answer": " 18 "}', "9 + 9", "18"),
        ('{"reasoning": ["9", "+ 9"], "answer": 18}', "9\n+ 9", "18"),
        ('{"reasoning": ["9", 9], "answer": true}', None, "yes"),
        ('{"reasoning": "", "answer": ""}', None, None),
        ('{"reasoning": {"a": "b"}, "answer": ["18"]}', None, None),
        ('{"reasoning": 9, "answer": {"value": 18}}', None, None),
        ('{"reasoning": "cut o', None, None),
    ],
)
def test_json_gives_rationale_and_stated_answer(output: str, rationale: str | None, stated: str | None) -> None:
    row = row_of(output=output)
    assert row["text"] == output
    assert (row["rationale"], row["stated"]) == (rationale or output, stated)


@pytest.mark.parametrize(
    ("changed", "reason", "detail"),
    [
        ({"output": " \n\t"}, "empty completion", "the text has no character but white space"),
        ({"output": None}, "missing field", "'output'"),
        ({"output": "x" * 201}, "too long", "text has 201 characters, at most 200 are taken; raise `longest`"),
        ({"model": None}, "missing field", "'model'"),
        ({"question": None}, "missing field", "'question'"),
        ({"sample": "two"}, "wrong type", "sample is 'two', expected a whole number"),
        ({"sample": 1.5}, "wrong type", "sample is '1.5', expected a whole number"),
        ({"sample": -1}, "wrong type", "sample is -1, expected 0 or more"),
        ({"sample": 2**31}, "wrong type", "sample is 2147483648, expected 0 or more"),
        ({"output": '{"reasoning": "a\\u0000"}'}, "NUL in text", "rationale, character 2"),
    ],
)
def test_a_record_that_gives_no_solution_is_rejected(changed: dict[str, Any], reason: str, detail: str) -> None:
    result = imported({**FINE, **changed}, FINE)
    assert result.kept["source"].to_list() == ["f:2"]
    assert result.rejected.rows() == [("f:1", "raw 1", reason, detail)]


def test_a_record_of_several_generations_gives_a_row_for_each() -> None:
    parameters = {"each": ["6b", "175b", "none"], "model": {"value": "gpt-3 {each}"}, "text": "{each}.solution"}
    result = imported({**FINE, "6b": {"solution": "small"}, "175b": {"solution": "large"}}, **parameters)
    assert result.kept.select("model", "text", "source").rows() == [
        ("gpt-3 6b", "small", "f:1#6b"),
        ("gpt-3 175b", "large", "f:1#175b"),
    ]
    assert result.rejected.rows() == [("f:1#none", "raw 1", "missing field", "'none.solution'")]


@pytest.mark.parametrize("each", [[], ["a"], ["a", "b", "c"]])
def test_an_unreadable_record_is_rejected_once_for_each_row_it_stands_for(each: list[str]) -> None:
    parameters = ImportParameters.model_validate({**GIVEN, "each": each})
    result = IMPORT.run([Record("f:1", None, "{", ("not JSON", "line 1"))], parameters)
    assert result.rejected.height == IMPORT.rows_per_record(Record("f:1", None), parameters) == max(1, len(each))
    assert set(result.rejected["reason"]) == {"not JSON"}


ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.lists(st.text(max_size=3))
OUTPUTS = ANY | st.builds('{{"reasoning": {}, "answer": {}'.format, st.text(max_size=9), st.text(max_size=9))
RECORD_VALUES = st.fixed_dictionaries(
    {"question": st.just("How many?") | ANY, "gold": ANY, "model": ANY, "output": OUTPUTS, "sample": st.just(0) | ANY}
)


@settings(deadline=None, max_examples=60)
@given(st.lists(RECORD_VALUES, max_size=4), st.sampled_from([[], ["a", "b"]]))
def test_every_record_is_kept_or_rejected_whatever_it_holds(values: list[dict[str, Any]], each: list[str]) -> None:
    result = imported(*values, each=each)
    assert result.kept.height + result.rejected.height == len(values) * max(1, len(each))
    assert result.kept.schema == to_polars_schema(SOLUTIONS)
    check(result.kept.unique("solution_id", maintain_order=True), SOLUTIONS, "test")


@pytest.mark.parametrize(
    ("record", "text", "thinking", "finished"),
    [
        ({"output": "<think>\n9 + 9?\n</think>\n\n18"}, "18", "9 + 9?", True),
        ({"output": "18", "thought": " 9 + 9? "}, "18", "9 + 9?", True),
        ({"output": "9 + 9?</think>18"}, "18", "9 + 9?", True),
        ({"output": "<think>9 + 9"}, "", "9 + 9", False),
        ({"output": "", "thought": "9 + 9"}, "", "9 + 9", False),
        ({"output": "18", "thought": None}, "18", None, None),
    ],
)
def test_thoughts_are_parted_from_the_text(
    record: dict[str, Any], text: str, thinking: str | None, finished: bool | None
) -> None:
    rule = {"path": "thought", "optional": True}
    (row,) = imported({**FINE, **record}, thinking=rule).kept.to_dicts()
    assert (row["text"], row["thinking"], row["thinking_finished"]) == (text, thinking, finished)
    assert row["rationale"] == text
    if thinking:
        assert row["solution_id"] != imported({**FINE, "output": text or "x"}).kept["solution_id"][0]


@pytest.mark.parametrize(
    ("each", "values"), [("all", [("a", 0), ("b", 1)]), ({"path": "none", "optional": True}, [("whole", 0)])]
)
def test_each_item_of_a_list_is_a_row(each: Any, values: list[tuple[str, int]]) -> None:
    rules = {
        "each": each,
        "text": ["all.{each}", "output"],
        "sample": [{"value": "{each}", "pattern": r"(\d)"}, {"value": "0"}],
    }
    result = imported({**FINE, "all": ["a", "b"], "output": "whole"}, **rules)
    assert result.kept.select("text", "sample").rows() == values


@pytest.mark.parametrize(
    ("given", "detail"), [([], "'all' holds no list with items"), (None, "'all' holds no list with items")]
)
def test_a_record_without_the_items_is_one_rejected_row(given: Any, detail: str) -> None:
    result = imported({**FINE, "all": given}, each="all", text="all.{each}")
    assert result.rejected.select("reason", "detail").rows() == [("missing field", detail)]


def test_more_rows_of_a_record_than_are_taken_say_what_to_raise() -> None:
    result = imported({**FINE, "all": ["a"] * 5}, each="all", text="all.{each}", most_rows=4)
    assert result.rejected.select("reason", "detail").rows() == [
        ("too many rows", "5 in 'all', at most 4; raise `most_rows`")
    ]


@pytest.mark.parametrize(("status", "reason"), [(200, None), (429, "failed"), (None, "never answered")])
def test_a_value_that_speaks_against_a_row_gives_its_reason(status: int | None, reason: str | None) -> None:
    result = imported(
        {**FINE, "status": status}, reject={"status": {"200": "", "*": "failed", "null": "never answered"}}
    )
    assert result.rejected["reason"].to_list() == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("value", "reason"),
    [(Decimal("NaN"), "not a number"), (Decimal("Infinity"), "not a number"), (float("inf"), "not a number"), (float("nan"), "missing field"), (UnreadableValue("unreadable value", "x"), "unreadable value")],
)  # fmt: skip
def test_what_is_no_number_is_a_fault_of_its_row_where_it_is_used(value: Any, reason: str) -> None:
    assert imported({**FINE, "unused": value}).kept.height == 1
    assert imported({**FINE, "gold": value}).rejected["reason"].to_list() == [reason]
