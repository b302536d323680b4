"""What a classifier's reply comes to: a type, or a fault; where the wrong characters stand."""

import json
from typing import Any

import pytest

from catalog import taxonomies
from tasks.classify.reply import locate_quotation, read_vote
from tasks.llm.quoted_text import Material

LEMMA = taxonomies.find_shipped("lemma")
STEP = "So 4 * 35 = 130  pears.\nkind: operator"
SHOWN = Material([STEP])


def read_text(text: str) -> Any:
    return read_vote(text, STEP, SHOWN, LEMMA)


def test_an_object_is_read_with_all_that_it_says() -> None:
    text = json.dumps({"cause": "It is\n140.", "span": "130 pears", "severity": "Major", "type": "Calculation Error"})
    result = read_text(f"Well: ```json\n{text}\n```")
    assert (result.type, result.severity, result.cause, result.fault) == ("calculation", "major", "It is 140.", "")
    assert STEP[slice(*result.span)] == "130  pears"


@pytest.mark.parametrize(
    ("text", "type_", "fault"),
    [
        ("Type: counting", "counting", ""),
        ("**Error type**: missing_step", "missing step", ""),
        ("unit conversion", "unit conversion", ""),
        ('{"type": "sums"}', None, "unknown type"),
        ('{"type": "none"}', None, "unknown type"),
        ('{"type": "counting"} or {"type": "operator"}', None, "contradictory"),
        ('{"type": "counting"} {"type": "sums"}', None, "contradictory"),
        ("I cannot tell what sort of mistake this is, but there are several ones that one could think of, in fact a lot of them, and more than that.", None, "unparsable"),
        ("", None, "empty"),
        ("<think>counting", None, "cut off"),
        ("<think>operator</think>counting", "counting", ""),
        ("kind: operator", None, "unparsable"),  # only repeats the step
        ("x" * 30_000, None, "too long"),
        ('{"type": 3}', None, "unparsable"),
    ],
)  # fmt: skip
def test_what_is_no_type_is_undecided(text: str, type_: str | None, fault: str) -> None:
    result = read_text(text)
    assert (result.type, result.fault) == (type_, fault)


@pytest.mark.parametrize(
    ("span", "expected"), [("130", "130"), ("so 4", "So 4"), ("4  *\n35", "4 * 35"), ("131", None), ("", None), (" ", None), ("pears." * 999, None)]
)  # fmt: skip
def test_a_quotation_is_found_in_the_step(span: str, expected: str | None) -> None:
    at = locate_quotation(span, STEP)
    assert (STEP[slice(*at)] if at else None) == expected
