"""Marks of steps: what their numbers show, beside a right solution and without one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.localize.posterior.step_marks import MARKS, PLAIN_MARKS, mark_steps

QUESTION = "A pen costs $3 and a book costs $7. Tom buys 4 pens and 2 books and gets 20 % off. What does he pay?"
REFERENCE = (
    "4 pens cost 4*3=<<4*3=12>>12 dollars.\n2 books cost 2*7=14.\nTogether 12+14=26.\nHe pays 26*0.8=20.8\n#### 20.80"
)


@pytest.mark.parametrize(
    ("step", "mark"),
    [
        ("First we look at what he buys.", "words"),
        ("A pen costs $3, a book $7.", "repeats"),
        (r"The pens cost \(4 \times 3 = 12\) dollars.", "reference step"),
        ("Step 2: 2 books x 7 dollars/book are 14 dollars", "reference step"),
        ("2 books * 7 dollars/book = 14 dollars", "reference step"),
        ("That is $12 for the pens.", "reference value"),
        ("The total is 3 + 7 = 10 dollars.", "departs"),
        ("Pens are 4 * 3 = 12, and all of it 4 + 2 = 6 things for 5 dollars.", "departs in part"),
        (r"4 \times 3 = 13", "false"),
        ("The pens cost 4 * 3 = 14 dollars", "false"),
        (r"\frac{20}{100} of it is taken off", "known value"),
    ],
)
def test_a_step_beside_a_right_solution(step: str, mark: str) -> None:
    assert MARKS[mark_steps(QUESTION, [step], REFERENCE)[0]] == mark


def test_a_value_is_new_but_once() -> None:
    steps = ["4 * 3 = 12", "So the pens are 12 dollars.", "And 12 - 4 = 8 of something"]
    assert [MARKS[mark] for mark in mark_steps(QUESTION, steps, REFERENCE)] == ["reference step", "repeats", "departs"]


def test_without_a_right_solution_only_arithmetic_speaks() -> None:
    steps = ["We count.", "There are 4 pens.", "4 * 3 = 12", "12 + 14 = 27"]
    assert [PLAIN_MARKS[mark] for mark in mark_steps(QUESTION, steps, None)] == [
        "words",
        "repeats",
        "calculates",
        "false",
    ]


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=4), st.none() | st.text(max_size=200))
def test_any_text_has_marks(question: str, steps: list[str], reference: str | None) -> None:
    marks = mark_steps(question, steps, reference)
    assert len(marks) == len(steps)
    assert all(0 <= mark < len(MARKS if reference is not None else PLAIN_MARKS) for mark in marks)
