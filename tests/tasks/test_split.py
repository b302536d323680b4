"""`split`: rationales into steps, without a loss."""

from __future__ import annotations

from time import thread_time
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.problems import SOLUTIONS, STEP_COLUMNS, STEP_RULES
from schemas.contract import Contract
from tasks.split import SPLIT, Rule, SplitParameters, split_steps
from tests.processor_time import bound_time

RULES: list[Rule] = ["auto", "numbered", "blank lines", "lines", "sentences", "whole"]


@pytest.mark.parametrize(
    ("text", "rule", "steps"),
    [
        ("1. a\n2. b\n3. c", "numbered", ["1. a", "2. b", "3. c"]),
        ("Step 1: a\nStep 2: b", "numbered", ["Step 1: a", "Step 2: b"]),
        ("### Step 1: a\n\n### Step 2: b", "numbered", ["### Step 1: a", "### Step 2: b"]),
        ("**1.** a", "whole", ["**1.** a"]),
        ("Q1. a?\nQ2. b?", "numbered", ["Q1. a?", "Q2. b?"]),
        ("Let us see.\n1) a\nmore of a\n2) b", "numbered", ["Let us see.", "1) a\nmore of a", "2) b"]),
        (
            "To find it:\n1. Add.\n2. Halve.\n\nStep 1: 1 + 3 = 4\nStep 2: 4 / 2 = 2",
            "numbered",
            ["To find it:", "1. Add.", "2. Halve.", "Step 1: 1 + 3 = 4", "Step 2: 4 / 2 = 2"],
        ),
        (
            "1. Add.\n2. Halve.\n\nLet us do it.\n\n1. 1 + 3 = 4\n2. 4 / 2 = 2",
            "numbered",
            ["1. Add.", "2. Halve.", "Let us do it.", "1. 1 + 3 = 4", "2. 4 / 2 = 2"],
        ),
        (
            "1. Add.\n2. Halve.\n\n1 + 3 = 4.\n\nHalf is:\n\n\\[ 2 \\]\n\n#### 2",
            "numbered",
            ["1. Add.", "2. Halve.", "1 + 3 = 4.", "Half is:\n\n\\[ 2 \\]\n\n#### 2"],
        ),
        ("First 3.\n\nThen 4:\n1. a\n2. b", "numbered", ["First 3.", "Then 4:", "1. a", "2. b"]),
        ("### Step 1\n\na\n\n### Step 2\n\nb\n\nc", "numbered", ["### Step 1\n\na", "### Step 2\n\nb\n\nc"]),
        (
            "Step 1: a\n1. b\n2. c\nStep 2: d\n1. e\n2. f",
            "numbered",
            ["Step 1: a", "1. b", "2. c", "Step 2: d", "1. e", "2. f"],
        ),
        ("1. a\n   1. b\n   2. c\n2. d", "numbered", ["1. a\n   1. b\n   2. c", "2. d"]),
        (
            "1. a\n2. b\n\n```\n# Step 3: c\n\n# Final answer\n```",
            "numbered",
            ["1. a", "2. b\n\n```\n# Step 3: c\n\n# Final answer\n```"],
        ),
        ("1.5 * 2 = 3\n2.5 * 2 = 5", "lines", ["1.5 * 2 = 3", "2.5 * 2 = 5"]),
        ("1. a\n2. b\nSo the final answer is 3", "numbered", ["1. a", "2. b", "So the final answer is 3"]),
        ("1. a\n2. b\nTherefore 3", "numbered", ["1. a", "2. b", "Therefore 3"]),
        ("1. a\n2. b\n2. again\n3. c", "numbered", ["1. a", "2. b\n2. again", "3. c"]),
        ("a\nb\n\nc\nd", "blank lines", ["a\nb", "c\nd"]),
        ("a\n \t\n\n\nb", "blank lines", ["a", "b"]),
        ("3 + 4 = 7\n7 * 2 = 14\n#### 14", "lines", ["3 + 4 = 7", "7 * 2 = 14\n#### 14"]),
        ("3 + 4 = 7\n7 * 2 = 14\nA: 14", "lines", ["3 + 4 = 7", "7 * 2 = 14\nA: 14"]),
        ("She has 3. He has 4.", "sentences", ["She has 3.", "He has 4."]),
        ("She has 3! Does he? $4 is left.", "sentences", ["She has 3!", "Does he?", "$4 is left."]),
        (
            "It costs 2.50 in all. (It is cheap.) So 5.",
            "sentences",
            ["It costs 2.50 in all.", "(It is cheap.)", "So 5."],
        ),
        ("Mr. Smith has 3 apples, e.g. Red ones, at 5 p.m. Today.", "whole", None),
        ("J. Smith has no. 3 and vs. 4 as well", "whole", None),
        ("just one line", "whole", None),
        ("1. one item only", "whole", None),
    ],
)
def test_the_first_rule_that_gives_two_steps_cuts(text: str, rule: str, steps: list[str] | None) -> None:
    assert split_steps(text) == (steps or [text], rule)


def test_a_rule_that_is_asked_for_is_the_only_one_tried() -> None:
    text = "1. a. B\n2. c"
    assert split_steps(text, "lines") == (["1. a. B", "2. c"], "lines")
    assert split_steps(text, "whole") == ([text], "whole")
    assert split_steps("a\nb", "blank lines") == (["a\nb"], "whole")


PIECES = ["1.", "2.", "3)", "Step 1:", "Q2.", "\n", "\n\n", " ", "\t", "\u00a0", "\x1c", "####", "A:", "Therefore", "e.g.",
          "a", "Mr.", ".", "?", '"', "(", "**", "Step 1", "```\n", ":\n\n", "\\[", "\n1. a\n2. b\n", "$5", "é", "B"]  # fmt: skip
TEXTS = (st.text() | st.lists(st.sampled_from(PIECES)).map("".join)).filter(lambda text: text.strip() != "")


@settings(deadline=None, max_examples=200)
@given(TEXTS, st.sampled_from(RULES))
def test_no_character_but_white_space_is_lost_and_no_step_is_empty(text: str, rule: Rule) -> None:
    steps, name = split_steps(text, rule)
    assert "".join("".join(steps).split()) == "".join(text.split())
    assert all(step and step == step.strip() for step in steps)
    assert name in STEP_RULES and (name == "whole") == (len(steps) == 1)


def test_thousands_of_steps_are_cut_in_linear_time() -> None:
    def measure(count: int) -> float:
        text = "\n\n".join(f"Step {number}: add {number}\n\nmore of it" for number in range(1, count + 1))
        start = thread_time()
        assert len(split_steps(text)[0]) == count
        return thread_time() - start

    few, many = min(measure(1_000) for _ in range(3)), min(measure(8_000) for _ in range(3))
    assert many < 24 * few


def part(*texts: str) -> pl.DataFrame:
    return pl.DataFrame({"solution_id": [str(i) for i in range(len(texts))], "rationale": texts})


@settings(deadline=None, max_examples=200)
@given(st.lists(TEXTS, min_size=1, max_size=6), st.integers(1, 4), st.sampled_from(RULES))
def test_every_row_is_kept_or_rejected(texts: list[str], most: int, rule: Rule) -> None:
    result = SPLIT.run(part(*texts), SplitParameters(rule=rule, most=most))
    assert sorted(result.kept["solution_id"].to_list() + result.rejected["solution_id"].to_list()) == sorted(
        str(i) for i in range(len(texts))
    )
    assert all(len(steps) <= most for steps in result.kept["steps"])


def test_too_many_steps_are_told() -> None:
    result = SPLIT.run(part("a\nb", "a\nb\nc"), SplitParameters(rule="auto", most=2))
    assert result.kept.rows() == [("0", "a\nb", ["a", "b"], "lines", "text")]
    assert result.rejected.rows() == [("1", "a\nb\nc", "too many steps", "3 steps, at most 2; raise `most`")]


def test_a_part_without_rows_gives_none() -> None:
    result = SPLIT.run(part("a").clear(), SplitParameters(rule="auto", most=2))
    assert result.kept.height == result.rejected.height == 0
    assert result.kept.columns == ["solution_id", "rationale", "steps", "step_rule", "steps_of"]


def test_steps_are_added_to_the_contract() -> None:
    makes: Contract = SPLIT.makes(SplitParameters(rule="auto", most=2), SOLUTIONS)
    assert makes.columns == (*SOLUTIONS.columns, *STEP_COLUMNS)


@pytest.mark.parametrize(
    "text", ["\n" * 50_000 + "x", " " * 50_000 + "x", ". " * 30_000, ("." + "'" * 500) * 100, "1.\n" * 20_000]
)
def test_hostile_text_is_cut_at_once(text: str) -> None:
    with bound_time(2):
        steps, _ = split_steps(text)
    assert "".join("".join(steps).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("of", "rows"),
    [
        ("auto", [(["a", "b"], "text"), (["c", "d"], "thinking"), (["18"], "text"), (["c", "d"], "thinking")]),
        ("text", [(["a", "b"], "text"), (["18"], "text"), (["18"], "text"), ([""], "text")]),
        ("thinking", [(["c", "d"], "thinking"), (["c", "d"], "thinking"), (["c", "d"], "thinking")]),
        ("both", [(["c", "d", "a", "b"], "both"), (["c", "d", "18"], "both"), (["18"], "text"), (["c", "d"], "both")]),
    ],
)
def test_text_or_thoughts_are_cut(of: Any, rows: list[tuple[list[str], str]]) -> None:
    texts, thoughts = ["a\nb", "18", "18", ""], ["c\nd", "c\nd", None, "c\nd"]
    solutions = part(*texts).with_columns(pl.Series("thinking", thoughts, dtype=pl.String))
    result = SPLIT.run(solutions, SplitParameters(of=of))
    assert result.kept.select("steps", "steps_of").rows() == rows
    lost = [("2", "no thinking", None)] if of == "thinking" else []
    assert result.rejected.select("solution_id", "reason", "detail").rows() == lost
