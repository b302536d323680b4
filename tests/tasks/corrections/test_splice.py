"""The task `splice`: what stands in a self-correction, what of it is learnt, and rows of which none is made."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from schemas.columns.corrections import SPLICED
from schemas.contract import Contract
from schemas.frames import check
from schemas.task import Outcome
from tasks.corrections.segments import list_learned, list_messages
from tasks.corrections.splice import BACKSPACE, SPLICE, TURNS, SpliceParameters
from tests.tasks.corrections.test_step_pairs import continuation, identify


def continued(**change: Any) -> dict[str, Any]:
    """A right continuation, with its steps."""
    text = "Add.\n2 + 2 = 4\nThe answer is 4."
    return continuation(
        1, solution_id=identify(5), text=text, steps=text.split("\n"), error_cause="2 + 2 is 4.", **change
    )


def contrasted(**change: Any) -> dict[str, Any]:
    """A located mistake with a right solution beside it."""
    return {
        "set": "s", "question": "What is 2 + 2?", "options": None, "answer": "4", "reference": None, "problem_id": identify(0),
        "solution_id": identify(9), "first_error": 1, "steps": ["Add.", "2 + 2 = 5", "So 5."], "rationale": "Add.\n2 + 2 = 5\nSo 5.",
        "right_rationale": "It is 4.\nThe answer is 4.", "right_from": "reference", "right_id": None, "model": "m",
    } | change  # fmt: skip


def make_splices(*rows: dict[str, Any], **given: Any) -> Outcome:
    part = pl.DataFrame(
        list(rows), schema_overrides={"options": pl.List(pl.String), "reference": pl.String, "right_id": pl.String}
    )
    outcome = SPLICE.run(part, SpliceParameters.model_validate(given))
    check(outcome.kept, SPLICED, "test")
    assert outcome.kept.height + outcome.rejected.height == len(rows)
    return outcome


def test_fixed_behind_the_wrong_step() -> None:
    (row,) = make_splices(continued(), style="fix").kept.to_dicts()
    kinds = [(segment["kind"], segment["learn"]) for segment in row["segments"]]
    assert kinds == [("question", False), ("attempt", True), ("wrong", False), ("transition", True), ("revision", True)]
    turn = row["segments"][3]["text"]
    assert any(turn == f"\n{begin} 2 + 2 is 4. Again from the step before:\n" for begin in TURNS)
    assert row["text"] == f"Add.\n2 + 2 = 5{turn}2 + 2 = 4\nThe answer is 4."
    assert list_messages(row["segments"])[1]["content"] == row["text"]
    learnt = [row["text"][learned["from"] : learned["to"]] for learned in list_learned(row["segments"])]
    assert "2 + 2 = 5" not in "".join(learnt) and "".join(learnt) == row["text"].replace("2 + 2 = 5", "")
    assert (row["first_error"], row["wrong_id"], row["right_id"]) == (1, identify(1), identify(5))


def test_begun_anew_with_a_right_solution() -> None:
    (row,) = make_splices(contrasted(), style="restart", cause=False, turns=["No."]).kept.to_dicts()
    assert (
        row["text"] == "Add.\n2 + 2 = 5\nNo. I will solve it another way, from the start.\nIt is 4.\nThe answer is 4."
    )
    assert (row["segments"][-1]["by"], row["right_id"], row["error_type"]) == ("reference", None, None)
    (first,) = make_splices(contrasted(first_error=0), style="restart").kept.to_dicts()
    assert [segment["kind"] for segment in first["segments"]] == ["question", "wrong", "transition", "revision"]


def test_taken_back_word_by_word() -> None:
    (row,) = make_splices(continued(), style="backspace").kept.to_dicts()
    assert row["text"] == f"Add.\n2 + 2 = 5 {BACKSPACE * 5}\n2 + 2 = 4\nThe answer is 4."


def test_the_wrong_step_is_learnt_only_where_the_recipe_says_so() -> None:
    (row,) = make_splices(continued(), style="fix", learn="all").kept.to_dicts()
    assert [segment["learn"] for segment in row["segments"]] == [False, True, True, True, True]


@pytest.mark.parametrize(
    ("style", "row", "reason"),
    [
        ("fix", continued(verdict="wrong"), "not a right continuation from before the error"),
        ("fix", continued(continued="through error"), "not a right continuation from before the error"),
        ("fix", continued(answer="7"), "does not end in the right answer"),
        ("restart", contrasted(first_error=-1), "no located mistake"),
        ("restart", contrasted(first_error=None), "no located mistake"),
        ("restart", contrasted(first_error=3), "a first wrong step that the solution does not have"),
        ("restart", contrasted(right_rationale=None), "no right solution of the problem is known"),
    ],
)
def test_rows_of_which_none_is_made(style: str, row: dict[str, Any], reason: str) -> None:
    outcome = make_splices(row, style=style)
    assert outcome.kept.height == 0 and outcome.rejected["reason"].to_list() == [reason]


def test_a_table_without_what_a_style_needs_is_a_fault_of_the_recipe() -> None:
    empty = Contract("", "", (), "")
    assert SPLICE.check(SpliceParameters(style="fix"), empty) == [
        "style: fix needs the column 'solution_id'; put continue before"
    ]
    assert SPLICE.check(SpliceParameters(style="restart"), empty) == [
        "style: restart needs the column 'solution_id'; put contrast before"
    ]
