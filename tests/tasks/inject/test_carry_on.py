"""What follows from a step that was rewritten: worked out where it is certain, and nothing where it is not."""

from __future__ import annotations

import gzip
import json
import os
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.arithmetic.equations import find_equations
from tasks.inject.carry_on import carry_on, find_result, list_places
from tasks.inject.filters import find_rejection
from tasks.split import split_steps
from tasks.verify import check_answer

QUESTION = "Tom has 3 boxes of 12 pens at $2 a pen. What do they cost?"
STEPS = (
    "1. Pens:\n\\[ 3 \\text{ boxes} \\times 12 \\text{ pens/box} = 36 \\text{ pens} \\]",
    "2. They cost 36 pens * $2 per pen = $72.",
    "So it is \\boxed{72 \\text{ dollars}}.",
)


@pytest.mark.parametrize(
    ("at", "rewritten", "after"),
    [
        (0, STEPS[0].replace("36", "38"), [STEPS[1].replace("36", "38").replace("72", "76"), STEPS[2].replace("72", "76")]),
        (0, STEPS[0].replace("\\times", "+").replace("36", "15"), [STEPS[1].replace("36", "15").replace("72", "30"), STEPS[2].replace("72", "30")]),
        (1, STEPS[1].replace("72", "74"), [STEPS[2].replace("72", "74")]),
    ],
)  # fmt: skip
def test_numbers_that_follow_are_worked_out_anew(at: int, rewritten: str, after: list[str]) -> None:
    assert carry_on(QUESTION, STEPS, at, rewritten) == (*STEPS[:at], rewritten, *after)


def test_a_result_that_was_left_as_it_was_is_worked_out() -> None:
    changed = carry_on(QUESTION, STEPS, 0, STEPS[0].replace("12", "11"))
    assert changed is not None and "= 33 " in changed[0] and "33 pens * $2 per pen = $66" in changed[1]


@pytest.mark.parametrize(
    ("steps", "at", "rewritten"),
    [
        (STEPS, 0, STEPS[0]),  # nothing is another
        (STEPS, 0, STEPS[0].replace("pens", "pencils")),  # no number is
        (STEPS, 0, "1. There are 38 pens."),  # nothing is worked out
        (STEPS, 0, STEPS[0].replace("36", "9000")),  # out of all proportion
        (("3 * 12 = 36", "2 * 36 is 72, and y = 36 + z", "72"), 0, "3 * 12 = 38"),  # a calculation that is not read
        (("3 * 12 = 36", "A third of 36 is 12.5", "12.5"), 0, "3 * 12 = 38"),  # worked out in words
        (("12 / 4 = 3", "3 * 5 = 15", "15"), 0, "12 / 4 = 6"),  # which 3 is meant, the boxes' or the result?
        (("4 * 5 = 20", "10 + 10 = 20", "20 + 20 = 40"), 0, "4 * 5 = 25"),  # which 20 is meant?
    ],
)
def test_where_it_is_not_certain_nothing_is_made(steps: tuple[str, ...], at: int, rewritten: str) -> None:
    assert carry_on(QUESTION, steps, at, rewritten) is None


def test_places_are_the_steps_from_which_the_answer_follows() -> None:
    assert list_places(QUESTION, STEPS) == [0, 1]
    assert list_places(QUESTION, ("Tom has many pens.", "They cost 72.")) == []


def test_the_last_result_is_what_must_become_another() -> None:
    assert find_result("1. 3 + 4 = 7, and 7 * 1,000 = 7,000 pens") == "7,000"
    assert find_result("Tom has pens.") == "what it says"


@given(st.integers(2, 30), st.integers(2, 30), st.integers(2, 9), st.integers(1, 60))
def test_each_calculation_behind_holds(a: int, b: int, c: int, wrong: int) -> None:
    steps = (f"{a} * {b} = {a * b}", f"{a * b} + {c} = {a * b + c}", f"#### {a * b + c}")
    changed = carry_on(f"{a}, {b} and {c}?", steps, 0, f"{a} * {b} = {wrong}")
    if changed is not None:
        assert changed[-1] == f"#### {wrong + c}" and wrong != a * b
        assert all(equation.computed == equation.result.value for equation in find_equations(changed[1]))
        assert find_equations(changed[0])[0].result.value == Fraction(wrong)


@pytest.mark.data
@pytest.mark.skipif("ERRATA_DATA" not in os.environ, reason="ERRATA_DATA names no folder of recorded generations")
def test_of_recorded_solutions_most_can_be_carried_on_and_none_stays_right() -> None:
    path = Path(os.environ["ERRATA_DATA"]) / "qwen-gsm8k" / "generations.jsonl.gz"
    right = places = 0
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines][::37]
    for row in rows:
        if check_answer(row["answer"], row["text"]).verdict != "right":
            continue
        right += 1
        steps, _ = split_steps(row["text"])
        for at in list_places(row["question"], steps)[:1]:
            result = find_result(steps[at])
            start = steps[at].rindex(result)
            more = str(int(float(result.replace(",", ""))) + 1)
            changed = carry_on(row["question"], steps, at, steps[at][:start] + more + steps[at][start + len(result) :])
            if changed is None:
                continue
            places += 1
            assert check_answer(row["answer"], "\n\n".join(changed)).verdict == "wrong"
            assert find_rejection(steps, changed, at, 0.4) == ""
    assert places >= 0.6 * right > 10
