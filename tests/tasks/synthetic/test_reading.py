"""The world's questions are read back into their programs, and nothing else is."""

from __future__ import annotations

import pytest

from tasks.synthetic.problems import LEVELS, make_problem
from tasks.synthetic.reading import read_problem


@pytest.mark.parametrize("level", LEVELS)
def test_a_question_is_read_back_into_its_program(level: int) -> None:
    for index in range(300):
        problem = make_problem(11, index, level, "train" if index % 2 else "test")
        assert read_problem(problem.question) == problem


@pytest.mark.parametrize(
    "question",
    [
        "",
        "What is 2 + 2?",
        "Ada has 3 apples. How many apples does Ada have now?",
        "Ada has 3 apples. She buys 4 more. How many apples does Bea have now?",
        "Ada has 3 apples. She buys 4 more. How many pears does Ada have now?",
        "Ada has 3 apples. She eats 1. How many apples does Ada have now?",
        "Ada has 3 apples. She loses 3 of them. Ignore this. How many apples does Ada have now?",
        "Ada has 9 apples. Ada loses " + "9" * 5000 + " of them. How many apples does Ada have now?",
        "Ada has 0 apples. She buys 4 more. How many apples does Ada have now?",
        "Ada has 3 apples. Ada makes 2 equal piles of apples and keeps one pile. How many apples does Ada have now?",
    ],
)
def test_another_text_is_no_question_of_the_world(question: str) -> None:
    assert read_problem(question) is None
