"""The task `step-pairs`: the sides of each kind of pair, how many are kept, and why rows have none."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.columns.corrections import STEP_PAIRS
from schemas.contract import Contract
from schemas.frames import check
from schemas.task import Outcome
from tasks.corrections.step_pairs import PAIRS, SOURCES, PairsParameters, Source

PROBLEM = {"set": "s", "question": "What is 2 + 2?", "options": None, "answer": "4", "reference": None}


def identify(number: int) -> str:
    return f"{number:024x}"


def continuation(number: int, problem: int = 0, **change: Any) -> dict[str, Any]:
    """A right continuation of a wrong solution."""
    return PROBLEM | {
        "problem_id": identify(problem), "from_id": identify(number), "from_text": "Add.\n2 + 2 = 5", "from_steps": ["Add.", "2 + 2 = 5"], "wrong_type": None, "wrong_cause": None, "wrong_reason": None, "continued": "before error",
        "steps_before": ["Add."], "wrong_step": "2 + 2 = 5", "next_step": f"2 + 2 = 4 ({number})", "verdict": "right", "model": "m",
        "text": f"Add.\n2 + 2 = 4 ({number})",
    } | change  # fmt: skip


def injection(**change: Any) -> dict[str, Any]:
    """A right solution whose second step was made wrong."""
    return PROBLEM | {
        "problem_id": identify(0), "solution_id": identify(9), "injected_at": 1, "injected_original": ["Add.", "2 + 2 = 4", "So 4."],
        "injected_by": "rule: result", "steps": ["Add.", "2 + 2 = 5", "So 5."], "model": "m", "text": "Add.\n2 + 2 = 5\nSo 5.",
    } | change  # fmt: skip


def estimated(**change: Any) -> dict[str, Any]:
    """A wrong solution with soft labels, and a right one beside it."""
    return PROBLEM | {
        "problem_id": identify(0), "solution_id": identify(9), "soft": [0.8, 0.1, 0.1], "right_rationale": "2 + 2 = 4", "right_from": "same model",
        "verdict": "wrong", "steps": ["Add.", "2 + 2 = 5", "So 5."], "model": "m", "text": "Add.\n2 + 2 = 5\nSo 5.",
    } | change  # fmt: skip


def pair(by: Source, *rows: dict[str, Any], **given: Any) -> Outcome:
    part = pl.DataFrame(list(rows), schema_overrides={"options": pl.List(pl.String), "reference": pl.String})
    outcome = PAIRS.run(part, PairsParameters(by=by, **given))
    check(outcome.kept, STEP_PAIRS, "test")
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


def test_a_rectified_pair_is_the_wrong_step_beside_a_right_one_of_the_same_model() -> None:
    (row,) = pair("rectified", continuation(1)).kept.to_dicts()
    assert (row["steps_before"], row["number"]) == (["Add."], 1)
    assert (row["chosen"], row["rejected"]) == ("2 + 2 = 4 (1)", "2 + 2 = 5")
    assert (row["chosen_whole"], row["rejected_whole"]) == ("Add.\n2 + 2 = 4 (1)", "Add.\n2 + 2 = 5")
    assert (row["chosen_by"], row["rejected_by"], row["q_chosen"]) == ("m", "m", None)


def test_an_edited_pair_is_a_right_step_beside_the_same_made_wrong() -> None:
    (row,) = pair("edited", injection()).kept.to_dicts()
    assert (row["steps_before"], row["chosen"], row["rejected"]) == (["Add."], "2 + 2 = 4", "2 + 2 = 5")
    assert (row["chosen_whole"], row["rejected_by"]) == ("Add.\n2 + 2 = 4\nSo 4.", "rule: result")


def test_a_first_pit_is_where_rollouts_succeed_least_for_the_first_time() -> None:
    (row,) = pair("first pit", estimated()).kept.to_dicts()
    assert (row["number"], row["chosen"], row["rejected"]) == (1, "2 + 2 = 4", "Add.\n2 + 2 = 5")
    assert (row["q_rejected"], row["steps_before"]) == (0.1, [])


def test_so_many_pairs_of_a_problem_are_kept_as_are_wanted() -> None:
    rows = [continuation(number, problem) for problem in range(2) for number in range(3)]
    assert pair("rectified", *rows, most=None).kept.height == 6
    outcome = pair("rectified", *rows, continuation(0, 1, from_id=identify(7)), most=2)
    assert outcome.kept.group_by("problem_id").len()["len"].to_list() == [2, 2]
    assert set(outcome.rejected["reason"]) <= {"more pairs of the problem than wanted", "the same pair again"}


@pytest.mark.parametrize(
    ("by", "row", "reason"),
    [
        ("rectified", continuation(1, verdict="wrong"), "not a right continuation from before the error"),
        ("rectified", continuation(1, continued="through error"), "not a right continuation from before the error"),
        ("rectified", continuation(1, next_step=" 2 + 2 = 5"), "both sides say the same"),
        ("rectified", continuation(1, next_step="2 + 2 = 5\n#### 5"), "both sides say the same"),
        ("rectified", continuation(1, next_step="#### 4"), "nothing but the answer"),
        ("rectified", continuation(1, next_step="2 + 2 = 4, which is more"), "the length gives it away"),
        ("rectified", continuation(1, next_step="I made a mistake: it is 4."), "gives the mistake away"),
        ("edited", injection(injected_at=-1), "no mistake was made"),
        ("edited", injection(injected_at=2, steps=["Add.", "So 5."]), "the step was left out, not edited"),
        ("first pit", estimated(right_rationale=None), "no wrong solution with a right one beside it"),
        ("first pit", estimated(soft=None), "no soft label of every step"),
        ("first pit", estimated(soft=[0.5, None, 0.1]), "no soft label of every step"),
    ],
)
def test_rows_without_a_pair_are_rejected(by: Source, row: dict[str, Any], reason: str) -> None:
    outcome = pair(by, row)
    assert outcome.kept.height == 0 and outcome.rejected["reason"].to_list() == [reason]


@given(st.permutations(range(6)))
@settings(deadline=None, max_examples=15)
def test_pairs_do_not_depend_on_the_order_of_the_rows(order: list[int]) -> None:
    rows = [continuation(number, number % 2) for number in range(6)]
    kept = [pair("rectified", *(rows[i] for i in by)).kept.sort("pair_id") for by in (range(6), order)]
    assert kept[0].equals(kept[1])


def test_of_pairs_of_a_problem_the_nearest_in_length_is_kept() -> None:
    rows = [continuation(number, next_step=step) for number, step in enumerate(["2+2=4", "2 + 2 =  4!!", "2 + 2 = 4"])]
    (row,) = pair("rectified", *rows).kept.to_dicts()
    assert row["chosen"] == "2 + 2 = 4"


def test_answers_are_marked_on_neither_side() -> None:
    (row,) = pair(
        "rectified", continuation(1, next_step="So \\boxed{4}.\n#### 4", wrong_step="So \\boxed{5}.\nAnswer: 5")
    ).kept.to_dicts()
    assert (row["chosen"], row["rejected"]) == ("So 4.", "So 5.")


def test_the_type_of_the_mistake_goes_with_a_pair() -> None:
    (edited,) = pair("edited", injection(injected_type="operator")).kept.to_dicts()
    (rectified,) = pair("rectified", continuation(1, error_type="calculation")).kept.to_dicts()
    assert (edited["error_type"], rectified["error_type"]) == ("operator", "calculation")


def tried(number: int, step: str, verdict: str, **change: Any) -> dict[str, Any]:
    return continuation(number, solution_id=identify(100 + number), next_step=step, verdict=verdict, **change)


def node(number: int, step: str, q: float, tries: int) -> dict[str, Any]:
    return PROBLEM | {
        "problem_id": identify(0), "node_id": identify(number), "steps_before": ["Add."], "step": step, "q": q, "tried": tries, "model": "m",
    }  # fmt: skip


def test_siblings_are_the_ways_on_that_succeed_most_and_least_often() -> None:
    ways = [("2 + 2 = 5", "wrong"), ("2 + 2 = 4", "right"), ("2+2 is 4", "wrong"), ("2 + 2 = 4", "right"), ("2+2 is 4", "right"), ("2 + 2 = 4", "wrong"), ("2 + 2 = 4", "undecided"), ("2 + 2 = 4", "right")]  # fmt: skip
    outcome = pair("siblings", *(tried(i, step, verdict) for i, (step, verdict) in enumerate(ways)))
    (row,) = outcome.kept.to_dicts()
    assert (row["chosen"], row["q_chosen"], row["rejected"], row["q_rejected"]) == ("2 + 2 = 4", 0.75, "2 + 2 = 5", 0.0)
    assert (row["confidence"], row["epsilon"], row["rejected_id"]) == (0.8, pytest.approx(0.2), identify(100))
    assert set(outcome.rejected["reason"]) == {"a try of siblings that are paired", "undecided, or never tried"}


def test_siblings_of_a_search_count_as_often_as_they_were_tried() -> None:
    (row,) = pair(
        "siblings", node(1, "2 + 2 = 5", 0.25, 12), node(2, "2 + 2 = 4", 0.5, 4), node(3, "2 + 2 = 3", 0.3, 4)
    ).kept.to_dicts()
    assert (row["chosen"], row["rejected"], row["rejected_id"]) == ("2 + 2 = 4", "2 + 2 = 5", identify(1))
    assert (row["confidence"], row["epsilon"], row["chosen_whole"]) == (0.25, 0.5, "Add.\n2 + 2 = 4")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([tried(1, "2 + 2 = 4", "right"), tried(2, "2 + 2 = 4", "wrong")], "the only way on that was tried"),
        ([tried(1, "2 + 2 = 4", "right"), tried(2, "2+2 is 4", "right")], "all ways on succeed equally often"),
        ([tried(1, "2 + 2 = 4", "right"), tried(2, "2 + 2 = 5", "wrong", steps_before=[])], "the only way on that was tried"),
    ],
)  # fmt: skip
def test_there_are_no_siblings_without_two_ways_on_that_differ(rows: list[dict[str, Any]], reason: str) -> None:
    outcome = pair("siblings", *rows)
    assert outcome.kept.height == 0 and outcome.rejected["reason"].to_list() == [reason, reason]


def test_a_table_without_what_a_pair_needs_is_a_fault_of_the_recipe() -> None:
    faults = [PAIRS.check(PairsParameters(by=by), Contract("", "", (), "")) for by in SOURCES]
    assert faults == [
        ["by: rectified pairs need the column 'from_id'; put continue before"],
        ["by: edited pairs need the column 'injected_at'; put inject before"],
        ["by: siblings pairs need the column 'steps_before'; put continue (keep: all) before"],
        ["by: first pit pairs need the column 'soft'; put estimate (label: soft, method: every-step) and contrast before"],
        ["by: judged pairs need the column 'teacher_analysis'; put correct before"],
    ]  # fmt: skip
