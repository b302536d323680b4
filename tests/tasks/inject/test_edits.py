"""Edits by rules: each by hand, with what follows from it; and what is left alone."""

from __future__ import annotations

import re
from fractions import Fraction
from random import Random

import pytest

from tasks.inject.edits import NAMES, TYPES_OF_EDITS, Name
from tasks.inject.propagate import Injected, inject_mistake

QUESTION = "Ada has 46 figs, buys 3 bags of 8 figs and eats 12. How many figs are left?"
STEPS = ["1. 3 * 8 = 24 figs", "2. 46 + 24 = 70 figs", "3. 70 - 12 = 58 figs\n#### 58"]


def make_edits(
    name: Name, steps: list[str], question: str = QUESTION, answer: int = 58, seeds: int = 40
) -> set[Injected]:
    """All that an edit makes of a solution, whatever chance says."""
    kinds = {name: TYPES_OF_EDITS[name]["abacus"]}
    numbers = (inject_mistake(question, steps, Fraction(answer), kinds, Random(seed)) for seed in range(seeds))
    return {number for number in numbers if number is not None}


def only(name: Name, steps: list[str], question: str = QUESTION, answer: int = 58) -> tuple[str, ...]:
    (result,) = make_edits(name, steps, question, answer)
    assert (result.by, result.type) == (f"rule: {name}", TYPES_OF_EDITS[name]["abacus"])
    return result.steps


def test_a_sign_and_all_that_follows() -> None:
    assert ("1. 3 + 8 = 11 figs", "2. 46 + 11 = 57 figs", "3. 57 - 12 = 45 figs\n#### 45") in {item.steps for item in make_edits("another sign", STEPS)}  # fmt: skip


def test_a_result_a_number_given_and_one_from_before() -> None:
    names: tuple[Name, ...] = ("another result", "another given number", "another earlier result")
    for name in names:
        results = make_edits(name, STEPS)
        assert results
        for result in results:
            assert result.steps[: result.at] == tuple(STEPS[: result.at])
            masks = [re.sub(r"\d+", "0", " ".join(steps)) for steps in (result.steps, STEPS)]
            assert masks[0] == masks[1]
            assert not result.steps[-1].endswith("58")
            before, after = result.edit.split(" → ")
            assert len(before) == len(after)


def test_a_step_left_out() -> None:
    steps = ["1. 46 + 7 = 53 figs", "2. 53 - 12 = 41 figs", "3. 41 + 8 = 49 figs\n#### 49"]
    pairs = {(item.at, item.steps) for item in make_edits("step left out", steps, QUESTION + " 7", 49)}
    assert pairs == {
        (0, ("1. 46 - 12 = 34 figs", "2. 34 + 8 = 42 figs\n#### 42")),
        (1, ("1. 46 + 7 = 53 figs", "2. 53 + 8 = 61 figs\n#### 61")),
    }


def test_two_steps_swapped() -> None:
    steps = ["Step 1: 46 + 8 = 54 figs.", "Step 2: 54 * 3 = 162 figs.", "Step 3: 162 - 12 = 150.\n#### 150"]
    assert only("steps swapped", steps, answer=150) == (
        "Step 1: 46 * 3 = 138 figs.", "Step 2: 138 + 8 = 146 figs.", "Step 3: 146 - 12 = 134.\n#### 134",
    )  # fmt: skip


def test_terms_swapped_and_left_out() -> None:
    steps = ["She has 46 + 3 * 8 - 12 = 58 figs.", "The answer is 58."]
    swapped = {item.steps for item in make_edits("swapped terms", steps)}
    assert ("She has 46 + 3 * 12 - 8 = 74 figs.", "The answer is 74.") in swapped
    out = {item.steps for item in make_edits("term left out", steps)}
    assert ("She has 46 + 3 * 8 = 70 figs.", "The answer is 70.") in out
    assert ("She has 46 + 8 - 12 = 42 figs.", "The answer is 42.") not in out  # a factor before its sign stays
    assert ("She has 46 + 3 - 12 = 37 figs.", "The answer is 37.") in out


def test_several_numbers() -> None:
    for item in make_edits("several numbers", ["The bags hold 46 + 12 = 58 figs.", "#### 58"]):
        before, after = item.edit.split(" → ")
        assert before == "46 and 12"
        assert all(a != b for a, b in zip(before.split(" and "), after.split(" and ")))


def test_the_number_of_a_step_that_calculates_nothing() -> None:
    steps = ["Ada begins with 46 figs.", "46 + 24 = 70", "70 - 12 = 58", "#### 58"]
    for item in make_edits("another number told", steps):
        number = item.steps[0].split()[3]
        assert item.at == 0
        assert number != "46"
        assert item.steps[1].startswith(f"{number} + 24 = {int(number) + 24}")
        assert item.steps[3] == f"#### {int(number) + 12}"


@pytest.mark.parametrize(
    ("step", "calculation", "wrong", "follows"),
    [
        ("We add what she buys.", "46 + 12 = 58", "We subtract what she buys.", "46 - 12 = 34"),
        ("Then subtract those eaten.", "70 - 12 = 58", "Then add those eaten.", "70 + 12 = 82"),
        ("There are more on Monday.", "46 + 12 = 58", "There are fewer on Monday.", "46 - 12 = 34"),
    ],
)
def test_a_word_that_says_the_opposite(step: str, calculation: str, wrong: str, follows: str) -> None:
    result = follows.split(" = ")[1]
    assert only("another word", [step, calculation, "#### 58"]) == (wrong, follows, f"#### {result}")


@pytest.mark.parametrize("step", ["We add 12 and then subtract.", "We add or subtract.", "We multiply.", "So x = y."])
def test_a_word_is_left_where_it_is_not_clear_what_follows(step: str) -> None:
    assert make_edits("another word", [step, "46 + 12 = 58", "#### 58"]) == set()


def test_numbers_are_written_as_the_solution_writes_them() -> None:
    steps = ["It costs $1,200 + $2,300 = $3,500.", "With 2 * 3,500.00 = $7,000.00 she pays $7,000.00.", "#### 7000"]
    for item in make_edits("another result", steps, "It costs 1,200 and 2,300, twice.", 7000):
        assert "," in item.steps[0].split("=")[1]
        assert item.steps[1].count(".00") == 3
        assert item.steps[2].replace("#### ", "").isdecimal()


@pytest.mark.parametrize(
    ("steps", "why"),
    [
        (["46 + 12 = 58", "58 + 0 = 58", "#### 58"], "two results that cannot be told apart"),
        (["46 + 12 = 57", "#### 58"], "an equation that does not hold"),
        (["46 + 12 = 58", "x = 58 - y", "#### 58"], "an equation that cannot be read"),
        (["She has 46 figs, then 58.", "#### 58"], "no equation"),
        (["46 + 12 = 58", "#### 57"], "another answer than the last result"),
        (["46 + 3 = 49", "8 * 12 = 96", "#### 46"], "an answer that no calculation leads to"),
    ],
)
def test_nothing_is_made_where_it_is_not_certain_what_follows(steps: list[str], why: str) -> None:
    answer = int(steps[-1].split()[1])
    assert [item for name in NAMES for item in make_edits(name, steps, answer=answer, seeds=5)] == [], why


def test_results_stay_whole_positive_and_in_proportion() -> None:
    for name in NAMES:
        for item in make_edits(name, STEPS):
            assert "/ " not in item.steps[item.at] or "." not in item.steps[item.at][3:]
            assert all(0 < int(number) < 58 * 4 * 4 for number in "".join(c if c.isdigit() else " " for c in " ".join(item.steps)).split())  # fmt: skip
