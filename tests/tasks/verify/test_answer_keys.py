"""Answers as keys: equal of those that the verifier takes for equal."""

from __future__ import annotations

from itertools import combinations

import pytest

from tasks.verify.answer_keys import is_same_answer, make_answer_key
from tasks.verify.answer_types import compare_answers

ANSWERS = [
    "12", "$12", "12.0", "12 dollars", "-12", "1/2", "0.5", r"\frac{1}{2}", "50%", "5 cm", "5 m", r"\sqrt{8}", r"2\sqrt{2}", "(B)", "B) 12",
    "x+1", "1+x", "(x+1)^2", "x^2+2x+1", "(3,4)", "(4,3)", "yes", "no", "1,200", "1200", r"1200\text{ apples}", "x = 12", "x > 5", "5 < x", "{1,2}", "red",
]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ("$1,200.50", "2401/2"),
        ("-$5", "-5"),
        ("12 apples", "12"),
        ("5 cm", "5 cm"),
        ("50%", None),
        ("(3,4)", None),
        ("3 + * 4", ""),
    ],
)
def test_the_key_of_an_answer(answer: str, key: str | None) -> None:
    assert make_answer_key(answer) == key


def test_answers_with_one_key_are_equal_to_the_verifier_and_equal_ones_have_one_key() -> None:
    keys = {answer: make_answer_key(answer) for answer in ANSWERS}
    for a, b in combinations(ANSWERS, 2):
        if keys[a] and keys[b]:
            results = {compare_answers(a, b).result, compare_answers(b, a).result}
            assert (keys[a] == keys[b]) == ("equal" in results), (a, b, results)


@pytest.mark.parametrize(("a", "b", "same"), [("(3,4)", "(3, 4)", True), ("(3,4)", "(4,3)", False), ("x > 5", "5 < x", True), ("50%", "50 %", True)])  # fmt: skip
def test_answers_without_a_key_are_compared(a: str, b: str, same: bool) -> None:
    assert make_answer_key(a) is None
    assert is_same_answer(a, b) is same
