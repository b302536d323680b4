"""The field mapping: from the fields of a record to the columns of a table."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from tasks.sources.field_mapping import FieldOf, FieldRule
from tasks.sources.load import LoadParameters
from tasks.sources.record_parameters import find_exclusion
from tasks.sources.values import FieldError, read_text, read_texts

RECORD: dict[str, Any] = {
    "name": "Mira",
    "none": None,
    "which": "text",
    "nan": float("nan"),
    "flag": False,
    "deep": {"list": ["a", {"b": 2}], "text": "x"},
    "model.6b.solution": "dotted",
    "6b": {"solution": "by size"},
    "output": 'Sure:\n```json\n{"answer": "18",\n"why": "6 \\times 3",}\n```',
    "lines": ["a", "{name}"],
    "broken": '{"why": "cut off',
}


def rule(**given: Any) -> FieldRule:
    return FieldRule.model_validate(given)


@pytest.mark.parametrize(
    ("given", "each", "value"),
    [
        ({"path": "name"}, None, "Mira"),
        ({"path": "flag"}, None, False),
        ({"path": "deep.text"}, None, "x"),
        ({"path": "deep.list.0"}, None, "a"),
        ({"path": "deep.list.1.b"}, None, 2),
        ({"path": "model.6b.solution"}, None, "dotted"),
        ({"path": "{each}.solution"}, "6b", "by size"),
        ({"path": "model.{each}.solution"}, "6b", "dotted"),
        ({"value": "fixed"}, None, "fixed"),
        ({"value": "gpt {each}"}, "6b", "gpt 6b"),
        ({"value": ""}, None, ""),
        ({"path": "output", "json": "answer"}, None, "18"),
        ({"path": "output", "json": "why"}, None, r"6 \times 3"),
        ({"path": "output", "json": "answer", "pattern": "(.)$"}, None, "8"),
        ({"path": "name", "pattern": "^M(.)"}, None, "i"),
        ({"path": "output", "pattern": "json(.*)why"}, None, '\n{"answer": "18",\n"'),
        ({"path": "name", "names": {"Mira": "M."}}, None, "M."),
        ({"path": "name", "names": {"Other": "O."}}, None, "Mira"),
        ({"path": "flag", "names": {"False": "off"}}, None, "off"),
        (["nope", "name"], None, "Mira"),
        ({"first": [{"path": "nope"}, {"value": "x"}]}, None, "x"),
        ({"path": "deep.list", "items": {"path": "", "names": {"a": "A"}, "optional": True}}, None, ["A", None]),
        ({"path": "deep.list", "items": {"path": "b", "optional": True}}, None, [None, 2]),
        ({"path": "deep.{which}"}, None, "x"),
        ({"path": "name", "replace": {"M": "m", "ra": "RA"}}, None, "miRA"),
        ({"path": "name", "separator": "i"}, None, ["M", "ra"]),
        ({"template": "{name}, {each}: {}"}, "6b", "Mira, 6b: {}"),
        ({"template": "{lines}\n{{which}}"}, None, "a\n{name}\n{text}"),
        ({"path": "name", "every": "([a-z])"}, None, ["i", "r", "a"]),
        ({"path": "name", "every": "([a-z])", "join": "-"}, None, "i-r-a"),
    ],
)
def test_a_value_is_taken(given: Any, each: str | None, value: Any) -> None:
    assert TypeAdapter(FieldOf).validate_python(given).take(RECORD, each) == value


MISSING: list[tuple[dict[str, Any], str]] = [
    ({"path": "nope"}, "'nope'"),
    ({"path": "none"}, "'none'"),
    ({"path": "nan"}, "'nan'"),
    ({"path": "deep.{nope}"}, "'deep.{nope}'"),
    ({"first": [{"path": "nope"}, {"path": "none"}]}, "'nope' or 'none'"),
    ({"path": "deep.nope.more"}, "'deep.nope.more'"),
    ({"path": "deep.list.2"}, "'deep.list.2'"),
    ({"path": "deep.list.-1"}, "'deep.list.-1'"),
    ({"path": "deep.list.²"}, "'deep.list.²'"),
    ({"path": "name.0"}, "'name.0'"),
    ({"path": "broken", "json": "why"}, "'broken', key 'why' of its JSON"),
    ({"path": "output", "json": "nope"}, "'output', key 'nope' of its JSON"),
    ({"template": "{name} {nope}"}, "'name' and 'nope'"),
    ({"path": "name", "pattern": "(z)"}, "'name', pattern (z)"),
]


@pytest.mark.parametrize(("given", "detail"), MISSING)
def test_a_missing_value_is_told_with_its_place(given: dict[str, Any], detail: str) -> None:
    with pytest.raises(FieldError) as error:
        rule(**given).take(RECORD, None)
    assert (error.value.reason, error.value.detail) == ("missing field", detail)


@pytest.mark.parametrize("given", [given for given, _ in MISSING])
def test_a_missing_value_that_is_optional_is_null(given: dict[str, Any]) -> None:
    assert rule(**given, optional=True).take(RECORD, None) is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "found none"),
        ({"path": "a", "value": "b"}, "found both"),
        ({"path": "a", "pattern": "("}, "not a regular expression"),
        ({"path": "a", "pattern": "abc"}, "has no group"),
        ({"path": "a", "within": "key"}, "Extra inputs"),
        ({"path": 1}, "valid string"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        rule(**given)


def test_a_plain_text_is_short_for_a_path() -> None:
    short = LoadParameters.model_validate({"files": ["f"], "set": {"value": "s"}, "question": "q.text", "answer": "a"})
    assert short.question == rule(path="q.text")


@pytest.mark.parametrize(
    ("value", "text"), [("é", "é"), (18, "18"), (Decimal("2.0"), "2.0"), (True, "yes"), (False, "no"), ("abc", "abc")]
)
def test_values_become_text(value: Any, text: str) -> None:
    assert read_text(value, "answer", 3) == text


@pytest.mark.parametrize(
    ("value", "reason", "detail"),
    [
        ({"a": 1}, "wrong type", "answer is a dict"),
        ([1], "wrong type", "answer is a list"),
        (b"1", "wrong type", "answer is a bytes"),
        ("abcd", "too long", "4 characters, at most 3"),
        ("a\0", "NUL in text", "character 2"),
        ("ab\ud800", "not UTF-8", "character 3"),
        (None, "missing field", "answer is null"),
    ],
)
def test_what_is_no_sound_text_is_told(value: Any, reason: str, detail: str) -> None:
    with pytest.raises(FieldError) as error:
        read_text(value, "answer", 3)
    assert error.value.reason == reason and detail in error.value.detail


def test_texts_are_a_list_or_nothing() -> None:
    assert read_texts(None, "options", 9) is None
    assert read_texts([], "options", 9) is None
    assert read_texts(["A", 2], "options", 9) == ["A", "2"]


@pytest.mark.parametrize("value", ["A", {"A": 1}, ["A", ["B"]], ["A", None]])
def test_what_is_no_list_of_texts_is_told(value: Any) -> None:
    with pytest.raises(FieldError):
        read_texts(value, "options", 9)


def test_records_are_taken_by_the_values_of_their_fields() -> None:
    record = {"set": {"name": "shop"}, "split": 1}
    assert find_exclusion(record, {}) is None
    assert find_exclusion(record, {"set.name": ["quiz", "shop"], "split": ["1"]}) is None
    assert find_exclusion(record, {"set.name": ["shop"], "split": ["2"]}) == ("outside the recipe", "split = 1")
    assert find_exclusion(record, {"nope": ["x"]}) == ("outside the recipe", "nope = None")
