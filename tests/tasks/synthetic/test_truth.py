"""The truth of any solution: whatever its form, its first wrong step and what is wrong there."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from tasks.split import split_steps
from tasks.synthetic.problems import LEVELS, make_problem
from tasks.synthetic.program import Program, ProgramStep, Ref
from tasks.synthetic.solution import make_slip, solve_right, solve_wrong, write_solution
from tasks.synthetic.truth import KINDS, Truth, find_truth


def q(at: int) -> Ref:
    return Ref("q", at)


def s(at: int) -> Ref:
    return Ref("s", at)


# 40 apples; 3 bags of 6 more; 8 given away; twice as many; (15 is nobody's business)
PROGRAM = Program(
    (40, 3, 6, 8, 2, 15),
    (
        ProgramStep("*", q(1), q(2), "apples"),
        ProgramStep("+", q(0), s(0), "apples"),
        ProgramStep("-", s(1), q(3), "apples"),
        ProgramStep("*", s(2), q(4), "apples"),
    ),
    (5,),
)
RIGHT = ["3 * 6 = 18 apples", "40 + 18 = 58 apples", "58 - 8 = 50 apples", "50 * 2 = 100 apples\n#### 100"]


def changed(at: int, text: str, *rest: str) -> list[str]:
    return [*RIGHT[:at], text, *(rest or RIGHT[at + 1 :])]


@pytest.mark.parametrize(
    "steps",
    [
        RIGHT,
        [f"Step {i}: {step}" for i, step in enumerate(RIGHT, 1)],
        [
            "She gets 6 × 3 = 18 apples.",
            "Now there are 18 + 40 = 58.",
            "58 − 8 = 50",
            "2 * 50 = 100. The answer is 100.",
        ],
        ["40 + 3 * 6 = 58 apples", "58 - 8 = 50 apples", "50 * 2 = 100 apples", "#### 100"],
        ["(40 + 3 * 6 - 8) * 2 = 100\n#### 100"],
        ["3 bags of 6 are 18 apples", "With the 40 that makes 58 apples", "58 - 8 = 50", "50 * 2 = 100", "#### 100"],
        ["She has 40 apples at first.", *RIGHT],
        ["3 * 6 = 18", "40 + 18 = 58", "58 - 8 = 50", "50 * 2 = 100 = 100\n#### 100.0"],
        ["3 * 6 = 18", "58 - 8 = 50", "50 * 2 = 100"],
        ["3 * 6 apples = 18 apples", "40 + 18 = 58", "58 - 8 = 50", "50 * 2 = 100"],
        ["3 * 6 = $18", "40 + 18 = about 58", "58 - 8 = the 50 apples", "50 * 2 = 100"],
    ],
)
def test_a_right_solution_in_any_form_has_no_error(steps: list[str]) -> None:
    assert find_truth(PROGRAM, steps) == Truth(-1)


@pytest.mark.parametrize(
    ("steps", "first", "kind"),
    [
        (changed(0, "3 * 6 = 16 apples"), 0, "calculation"),
        (changed(1, "40 + 18 = 68 apples"), 1, "calculation"),
        (["(40 + 3 * 6 - 8) * 2 = 90\n#### 90"], 0, "calculation"),
        (changed(1, "40 + 15 = 55 apples"), 1, "wrong operand"),
        (changed(2, "58 - 6 = 52 apples"), 2, "wrong operand"),
        (changed(2, "40 - 8 = 32 apples"), 2, "wrong operand"),
        (changed(1, "40 - 8 = 32 apples"), 1, "missing step"),
        (changed(2, "58 - 9 = 49 apples"), 2, "misread quantity"),
        (changed(0, "4 * 6 = 24 apples"), 0, "misread quantity"),
        (changed(2, "85 - 8 = 77 apples"), 2, "miscopied result"),
        (changed(1, "40 + 81 = 121 apples"), 1, "miscopied result"),
        (changed(2, "58 + 8 = 66 apples"), 2, "wrong operation"),
        (changed(0, "3 + 6 = 9 apples"), 0, "wrong operation"),
        (changed(2, "8 - 58 = 50 apples"), 2, "wrong operation"),
        (changed(2, "40 + 18 = 58 apples"), 2, "extra step"),
        ([*RIGHT[:3], "50 * 2 = 100 apples", "100 + 15 = 115 apples\n#### 115"], 4, "extra step"),
        (changed(2, "58 - 8 = 50 days"), 2, "unit"),
        ([*RIGHT[:3], "50 * 2 = 100 apples\n#### 50"], 3, "final answer"),
        ([*RIGHT[:2], "58 - 8 = 50 apples\n#### 50"], 2, "missing step"),
        ([*RIGHT[:2], "58 - 8 = 50 apples"], 2, "missing step"),
        (["She buys 7 bags.", *RIGHT], 0, "misread quantity"),
        ([""], 0, "missing step"),
        (["I do not know."], 0, "missing step"),
        (changed(1, "40 + 18 = as many apples"), 1, "calculation"),
        (changed(2, "58 - 8 ="), 2, "calculation"),
    ],
)
def test_the_first_wrong_step_and_its_kind(steps: list[str], first: int, kind: str) -> None:
    assert find_truth(PROGRAM, steps) == Truth(first, kind)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "step",
    [
        "(" * 5000,
        "1" * 5000 + " + 1 = 2",
        "2 / 0 = 7",
        "= = =",
        "9" * 29 + " * 3 = 1",
        "((1+2) = 3",
        "\x00 + 1 = 1",
        "-" * 1999,
        "1+" * 900 + "1=901",
    ],
)
def test_hostile_steps_are_judged_and_crash_nothing(step: str) -> None:
    assert find_truth(PROGRAM, [step]).first_error == 0


@pytest.mark.parametrize("level", LEVELS)
def test_what_follows_the_program_is_right_at_every_level(level: int) -> None:
    for index in range(300):
        program = make_problem(11, index, level).program
        steps, rule = split_steps(write_solution(*solve_right(program)))
        assert rule == "numbered"
        assert find_truth(program, steps) == Truth(-1)


def test_mistakes_made_on_purpose_are_found_where_they_were_made() -> None:
    random, kinds, same = Random(3), Counter[str | None](), 0
    for index in range(4000):
        program = make_problem(12, index).program
        lines, answer = solve_wrong(program, random)
        expected, _ = solve_right(program)
        truth = find_truth(program, split_steps(write_solution(lines, answer))[0])
        differ = [i for i, (a, b) in enumerate(zip(lines, expected)) if a != b]
        if truth.first_error >= 0 and differ and truth.kind not in ("final answer",):
            same += truth.first_error == differ[0]
        kinds[truth.kind] += 1
    assert same > 3300
    assert set(kinds) - {None} == set(KINDS)
    assert kinds[None] < 200


def test_slips_are_other_numbers_that_are_not_negative() -> None:
    random = Random(1)
    for number in [*range(1, 300), 99_999]:
        assert all(slip != number and slip > 0 for slip in (make_slip(number, random) for _ in range(20)))
