"""The reading of replies: each form by its base, and everything that is undecided with its fault."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.request import Completion, Failure
from tasks.llm.judge_reply import StepJudgement, parse_judgement, read_judgement
from tasks.llm.quoted_text import Material

STEPS = 4
MATERIAL = Material(["Tom has 3 apples.", "1. 3 + 4 = 7 apples\n2. 7 * 2 = 15 apples\n#### 15"])


def label_of(text: str) -> int | str | None:
    """The label, or the fault where there is none."""
    judgement = read_judgement(text, STEPS, MATERIAL)
    assert (judgement.label is None) == bool(judgement.fault)
    return judgement.fault or judgement.label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("1. 3 3 same\nFirst error: none", -1),
        ("First error: 3, calculation", 2),
        ("First error: none\n", -1),
        ('{"first_error": 2, "kind": "sum", "reason": "7 * 2 is 14"}', 1),
        ('{"first_error": "2"}', 1),
        ('{"first_error": 2.0}', 1),
        ('{"first_error": "Step 2"}', 1),
        ('{"first_error": "none", "kind": "none", "reason": "\\frac{1}{2} is right"}', -1),
        ('{"first_error": null, "kind": null}', -1),
        ('{"first_error": -1}', -1),
        ('{"verdict": {"first_error": 4}}', 3),
        ('Here it is:\n```json\n{"first_error": 2,\n "kind": "sum",}\n```\nI hope that helps.', 1),
        ('{"reason": "7 * 2 is "14"", "first_error": 2', 1),
        ('{"first_error": 2}\n{"first_error": 2}', 1),
        ("{'first_error': 2}", 1),
        ("The first error is in step 3.", 2),
        ("**The first error occurs in Step 2**, because 7 * 2 is 14.", 1),
        ("Step 3 is the first wrong step.", 2),
        ("Step 1 is right. Step 2 contains the first error.", 1),
        ("The first incorrect step is 2.", 1),
        ("All steps are correct.", -1),
        ("There are no errors in the solution.", -1),
        ("The solution is completely correct.", -1),
        ("\\boxed{2}", 1),
        ("So the answer is $\\boxed{-1}$", -1),
        ("no error", -1),
        ("-1", -1),
        ("None.", -1),
        ("3", 2),
        ("<think>The first error is in step 1. No, it is not.</think>First error: 2", 1),
        ("The result should be \\boxed{14}. First error: 2", 1),
        ("1. right\n2. wrong: 7 * 2 is 14\n3. wrong\n4. right", 1),
        ("**1. Right.** All is well, there are no errors.\n**2. Wrong** - step 1 is wrong, too", 1),
        ("Step 1: correct\nStep 2: correct\nStep 3: incorrect because of step 2\nStep 4: correct", 2),
        ("1. <right> 3 and 4 are 7.\n2. <wrong> 7 * 2 is 14.", 1),
        ("1. 1 right\n2. 2 right\n3. 3 wrong", 2),
        ("1. right\n2. right\n3. right\n4. right", -1),
        ("1. right\n2. right\n3. right\n4. right\n5. right", -1),
        ("1. This step is correct.\n2. This step is incorrect, as 7 * 2 is 14.", 1),
        ("Step 3 is wrong, since 15 apples are not asked for.", 2),
        ("Step 2 contains a calculation error, and step 3 is also wrong.", 1),
        ("In my view the mistake is in step 4.", 3),
        ("Step 1 is correct. Step 2 is correct. Step 3 is correct. Step 4 is correct.", -1),
        ("The steps 1 to 4 of the solution are correct.", -1),
        ("Steps 1 and 2 are right. Steps 3 and 4 are wrong.", 2),
        ("Since nothing is wrong, it is \\boxed{0}", -1),
        ("Step 2 is wrong. Tom should have \\boxed{14}", 1),
    ],
)
def test_each_form_counts_from_one(text: str, label: int) -> None:
    assert label_of(text) == label


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "empty"),
        (" \n ", "empty"),
        ("<think>What is in step 2", "cut off"),
        ("I am not sure.", "unparsable"),
        ('{"first_error": true}', "unparsable"),
        ('{"first_error": [2]}', "unparsable"),
        ('{"first_error": "second"}', "unparsable"),
        ('{"first_error": 2.5}', "unparsable"),
        ('{"first_error": NaN}', "unparsable"),
        ("First error: 2.5", "unparsable"),
        ("The first error is 3 + 4 = 8.", "unparsable"),
        ("The first error is not in step 2.", "unparsable"),
        ("All steps before step 3 are correct.", "unparsable"),
        ("All steps are correct up to step 2.", "unparsable"),
        ("There is no error in step 1.", "unparsable"),
        ("I would not say that; if all steps are correct, it is right", "unparsable"),
        ('{"first_error": 0}', "out of range"),
        ('{"first_error": 5}', "out of range"),
        ('{"first_error": -2}', "out of range"),
        ("First error: 9, unit", "out of range"),
        ("999999999", "out of range"),
        ('{"first_error": 2} {"first_error": 3}', "contradictory"),
        ("The first error is in step 2. The first error is in step 3.", "contradictory"),
        ('All steps are correct. {"first_error": 2}', "contradictory"),
        ('{"first_error": 3, "reason": "The first error is in step 2"}', "contradictory"),
        ('{"first_error": "none", "kind": "calculation"}', "says none and describes an error"),
        ("First error: none, calculation", "says none and describes an error"),
        ("First error: none. Step 2 is wrong.", "says none and describes an error"),
        ("Step 1 is incorrect. First error: 3", "contradictory"),
        ("First error: 2. \\boxed{3}", "contradictory"),
        ("3. wrong\n3. right", "unparsable"),
        ("3. wrong: 2 * 7 is 14\n\\boxed{4}", "contradictory"),
        ("1. right\n2. right\n3. right", "not all steps judged"),
        ("Step 1 is correct. Step 2 is correct.", "not all steps judged"),
        ("1. right\n5. wrong", "out of range"),
        ("Steps 1 to 3 are correct.", "not all steps judged"),
        ("If steps 1 to 4 are correct, so is the answer.", "unparsable"),
        (
            '{"reason": "The first wrong step is step 2", "kind": "sum", "first_error": "none"}',
            "says none and describes an error",
        ),
        ("x" * 20_001, "too long"),
        ("2. 7 * 2 = 15 apples", "repeats the solution"),
    ],
)
def test_what_says_no_one_thing_is_undecided(text: str, fault: str) -> None:
    assert label_of(text) == fault


def test_what_was_cut_off_or_refused_is_undecided_whatever_it_says() -> None:
    cut = Completion("id", "First error: 2", "length", 9, 1, 9, None, "e", 0.0)
    assert parse_judgement(cut, STEPS, MATERIAL, ()) == StepJudgement(None, "cut off")
    assert parse_judgement(Failure("id", "content filter", "x"), STEPS, MATERIAL, ()) == StepJudgement(
        None, "content filter"
    )


def test_kind_and_reason_come_along() -> None:
    text = '{"first_error": 2, "kind": "Calculation", "reason": "7 * 2 is\\n14"}'
    assert read_judgement(text, STEPS, MATERIAL) == StepJudgement(1, "", "Calculation", "7 * 2 is\n14")
    assert read_judgement(text, STEPS, MATERIAL, ["calculation", "unit"]).kind == "calculation"
    assert read_judgement(text, STEPS, MATERIAL, ["unit"]) == StepJudgement(1, "", "", "7 * 2 is\n14")
    assert read_judgement("First error: 2, wrong operand", STEPS, MATERIAL).kind == "wrong operand"
    assert read_judgement('{"first_error": 2, "kind": "\\ud800"}', STEPS, MATERIAL).kind == "\ufffd"


PIECES = st.sampled_from(
    ["First error: ", "none", "2", '{"first_error": ', '"', "}", "step 3", " is wrong", "all steps are correct", "\\boxed{", "\n", " ", "<think>", "</think>", "-1", ",", "ſ", "\u202e"]
)  # fmt: skip


@given(st.lists(PIECES | st.text(max_size=4), max_size=12).map("".join))
def test_whatever_it_holds_it_is_read(text: str) -> None:
    judgement = read_judgement(text, STEPS, MATERIAL)
    assert (judgement.label is None) == bool(judgement.fault)
    assert judgement.label is None or -1 <= judgement.label < STEPS


@pytest.mark.parametrize(
    "text",
    [
        "the first error is " * 1_000, "first error " + "it " * 6_000, "all of the " * 1_800, '{"first_error":' * 1_300, '{"' * 10_000,
        '"first_error": "' * 1_200, "\\boxed{" * 2_800, " " * 19_999 + "x", '{"a":' + "[" * 19_000, "first error: 1" + "," * 19_000, "a b\n" * 4_999, "\\" * 19_999,
    ],
)  # fmt: skip
def test_no_reply_takes_long(text: str) -> None:
    material = Material(["first a c b " * 8_000])
    begun = time.process_time()
    read_judgement(text, STEPS, material)
    assert time.process_time() - begun < 5
