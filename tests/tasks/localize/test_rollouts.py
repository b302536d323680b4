"""Prefixes as texts, and what rollouts come to."""

from __future__ import annotations

import pytest

from schemas.request import Completion, Failure, Finish
from tasks.localize.rollouts import judge_rollouts, list_prefixes

ROW = {"question": "How many?", "answer": "7", "options": None}


def reply(text: str, finish: Finish = "stop") -> Completion:
    return Completion("id", text, finish, 100, 1, 1, None, "fake", 0.0)


@pytest.mark.parametrize(
    ("text", "steps", "wanted"),
    [
        ("1. a\n2. b\n#### 3", ["1. a", "2. b\n#### 3"], ["1. a\n", "1. a\n2. b\n#### 3"]),
        ("a  \n\n b ", ["a", "b"], ["a  \n\n", "a  \n\n b"]),
        ("One. Two. Three.", ["One.", "Two.", "Three."], ["One.", "One. Two.", "One. Two. Three."]),
        ("a\na\na", ["a", "a", "a"], ["a\n", "a\na\n", "a\na\na"]),
        ("other", ["a", "b"], ["a\n", "a\nb\n"]),
        ("a and b", ["a", "b"], ["a\n", "a\nb\n"]),
    ],
)
def test_a_prefix_ends_with_its_step_and_the_line_break_behind_it(
    text: str, steps: list[str], wanted: list[str]
) -> None:
    assert list_prefixes(text, steps) == wanted


def test_rollouts_are_verified_with_their_prefix() -> None:
    rollouts = judge_rollouts(
        [
            (ROW, "3 + 4 = 7\n", reply("#### 7")),
            (ROW, "3 + 4 = 8\n", reply("#### 8")),
            (ROW, "3 + 4 = 7\n#### 7", reply("")),
            (ROW, "", reply("I do not know")),
            (ROW, "", reply("#### 7", "length")),
            (ROW, "", Failure("id", "too long")),
            (ROW, "", reply("")),
        ],
        "auto",
    )
    assert rollouts == [True, False, True, None, None, None, None]


def test_nothing_is_judged_of_no_rollouts() -> None:
    assert judge_rollouts([], "auto") == []
