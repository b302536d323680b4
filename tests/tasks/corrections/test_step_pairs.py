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
        "problem_id": identify(problem), "from_id": identify(number), "from_text": "Add.\n2 + 2 = 5", "continued": "before error",
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


def test_a_table_without_what_a_pair_needs_is_a_fault_of_the_recipe() -> None:
    faults = [PAIRS.check(PairsParameters(by=by), Contract("", "", (), "")) for by in SOURCES]
    assert faults == [
        ["by: rectified pairs need the column 'from_id'; put continue before"],
        ["by: edited pairs need the column 'injected_at'; put inject before"],
        ["by: first pit pairs need the column 'soft'; put estimate (label: soft, method: every-step) and contrast before"],
    ]  # fmt: skip
