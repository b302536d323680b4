"""JSON as models write it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from tasks.llm.lenient_json import _LATEX, find_field, find_objects
from tests.processor_time import bound_time


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"answer": "18"}', "18"),
        ('{"answer": 18}', 18),
        ('{"answer": true}', True),
        ('{"answer": null}', None),
        ('{"answer": {"value": 18}}', {"value": 18}),
        ('```json\n{"answer": "18"}\n```', "18"),
        ('Sure, here it is: {"answer": "18"} Is that all right?', "18"),
        ('{"answer": "first\nsecond"}', "first\nsecond"),
        ('{"answer": "first\\nsecond\\tend"}', "first\nsecond\tend"),
        ('{"answer": "18",}', "18"),
        ('{"answer": [1, 2,],}', [1, 2]),
        ('{"why": "a, }", "answer": 5,}', 5),
        ('{"answer": "say \\"hi\\""}', 'say "hi"'),
        ('{"why": "he said "hi" to her", "answer": "4"}', "4"),
        ('{"answer": "he said "hi" to her"}', 'he said "hi" to her'),
        ('{"answer": "answer": "2.00"}', "2.00"),
        ('{"answer": 1,000}', "1,000"),
        ('{"why": "broken " here, "answer": -5,\n"n": 1', "-5"),
        ("{'answer': 18}", None),
        ('{"other": 18}', None),
        ("no JSON at all, the answer is 18", None),
        ("", None),
    ],
)
def test_the_value_of_a_key_is_found(text: str, value: Any) -> None:
    assert find_field(text, "answer") == value


@pytest.mark.parametrize(
    "written",
    [r"\( x \)", r"3 \times 4", r"\frac{1}{2}", r"\text{m}", r"\neq", r"\nabla", r"\beta", r"\u12", r"\sqrt{2}"],
)
def test_lone_backslashes_stay_and_no_latex_becomes_a_tab(written: str) -> None:
    assert find_field('{"answer": "' + written + '"}', "answer") == written


def test_escaped_backslashes_are_read_as_json_has_them() -> None:
    assert find_field(r'{"answer": "3 \\times 4 \\\\ 5"}', "answer") == r"3 \times 4 \\ 5"


@pytest.mark.parametrize(
    "text", ['{"answer": "cut o', '{"answer": 1', '{"answer":', '{"answer": "', '{"answer": [1, 2', '{"ans']
)
def test_what_is_cut_off_is_not_there(text: str) -> None:
    assert find_field(text, "answer") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"answer": 1} then again {"answer": 2}', 2),
        ('{"answer": 1} then again {"answer": 2', 1),
        ('{"answer": 1} and {"other": 2}', 1),
        ('{"inner": {"answer": 3}, "answer": 4}', 4),
        ('{"answer": 1}\n\n## Question: another?\n{"answer": 2}', 1),
        ('{"answer": "1"\n\nQuestion 2: another?\n{"answer": "2"}', "1"),
        ('Question: this?\n{"answer": 1} or rather {"answer": 2}', 2),
        ('{"answer": 1, "why": "I am asked\nQuestion: this?"} or {"answer": 2}', 2),
    ],
)
def test_the_last_object_that_has_the_key_counts(text: str, value: int) -> None:
    assert find_field(text, "answer") == value


@pytest.mark.parametrize("digits", ["2.00", "0.10000000000000000000000001", "3.0"])
def test_numbers_keep_their_digits(digits: str) -> None:
    field = find_field(f'{{"answer": {digits}}}', "answer")
    assert isinstance(field, Decimal) and str(field) == digits


def test_a_number_too_long_for_an_int_is_a_text() -> None:
    assert find_field('{"answer": ' + "9" * 5000 + "}", "answer") == "9" * 5000


def test_a_key_with_signs_of_regular_expressions_is_only_a_key() -> None:
    assert find_field('{"a.b": 1, "axb": 2, broken', "a.b") == "1"


def test_at_most_sixteen_places_are_tried() -> None:
    assert len(find_objects('{"a": 1} ' * 20)) == 16


@pytest.mark.parametrize(
    "text",
    [
        "{" * 200_000,
        '{"a":' * 40_000,
        '{"answer":' + "[" * 200_000,
        '{"answer": "' + "\\" * 100_000,
        '{"answer": "' + 'a"' * 100_000,
        '{"a":' + ", \n" * 60_000,
        '{"answer": "' * 17_000,
        "{" + " " * 200_000,
        '"answer"' + " " * 200_000,
    ],
    ids=lambda text: text[:12],
)
def test_hostile_text_is_answered_at_once(text: str) -> None:
    with bound_time(2):
        objects, value = list(find_objects(text)), find_field(text, "answer")
    assert objects == [] and (value is None or value in text)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=3),
    max_leaves=6,
)


LATEX = re.compile(rf"\\(?:{_LATEX})(?![a-zA-Z])")


def test_an_escape_that_begins_a_command_of_latex_is_that_command() -> None:
    assert find_field('{"answer": "3 \\ni x"}', "answer") == "3 \\ni x"
    assert find_field('{"answer": "3\\nis x"}', "answer") == "3\nis x"


@given(VALUES)
@example(value="\nis")
def test_strict_json_is_read_as_it_is(value: Any) -> None:
    assume(not LATEX.search(json.dumps(value)))
    assert find_field("words " + json.dumps({"answer": value}) + " words", "answer") == value


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    find_field('{"answer": ' + text, "answer")
    assert all(isinstance(item, dict) for item in find_objects(text))
