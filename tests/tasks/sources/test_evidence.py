"""`evidence`: recorded counts and replies become the columns of estimate and judge; what is not as it should be is rejected."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.frames import check
from schemas.task import Outcome, Record
from tasks.sources.evidence import EVIDENCE_TASK, EvidenceParameters

GIVEN: dict[str, Any] = {
    "files": ["e.jsonl"], "set": {"value": "shop"}, "question": "question", "answer": "answer", "steps": "steps", "verdict": "verdict",
    "judges": {"critique": {"path": "replies", "optional": True}},
}  # fmt: skip
FINE: dict[str, Any] = {
    "question": "How many?", "answer": "9", "steps": ["4 + 4 = 8", "8 + 1 = 10", "It is 10."], "verdict": "wrong",
    "tried": [4, 3, 1], "succeeded": [2, 0, 0], "unclear": [0, 1, 0],
    "replies": ["The first error is in step 2.", r"\boxed{2}", "All steps are correct.", "???"],
}  # fmt: skip


def read(*values: dict[str, Any]) -> Outcome:
    records = [Record(f"f:{i}", value, f"raw {i}") for i, value in enumerate(values, 1)]
    return EVIDENCE_TASK.run(records, EvidenceParameters.model_validate(GIVEN))


def test_counts_and_votes_have_the_columns_of_estimate_and_judge() -> None:
    outcome = read(FINE)
    rules = EvidenceParameters.model_validate(GIVEN)
    contract = EVIDENCE_TASK.makes(rules, EVIDENCE_TASK.makes(rules, None))  # type: ignore[arg-type]
    check(outcome.kept, contract, "kept")
    row = outcome.kept.row(0, named=True)
    assert (row["estimate_first_error"], row["tried"], row["succeeded"], row["unclear"]) == (
        1,
        [4, 3, 1],
        [2, 0, 0],
        [0, 1, 0],
    )
    assert row["judges"] == [f"critique #{vote}" for vote in range(4)]
    assert row["judge_labels"] == [1, 1, -1, None] and row["judge_faults"][3] == "unparsable"
    assert (row["judge_first_error"], row["judge_undecided"]) == (None, "unparsable")


@pytest.mark.parametrize(
    ("changed", "label"),
    [
        ({"succeeded": [0, 0, 0]}, 0),
        ({"verdict": "right", "succeeded": [2, 1, 1]}, -1),
        ({"succeeded": [0, 2, 0]}, 2),
        ({"tried": None, "succeeded": None, "unclear": None}, None),
        ({"tried": [4, 0, 1]}, None),
    ],
)
def test_the_step_behind_the_last_success_is_the_label_of_counts(changed: dict[str, Any], label: int | None) -> None:
    assert read({**FINE, **changed}).kept["estimate_first_error"].to_list() == [label]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"steps": []}, "no steps"),
        ({"steps": "one"}, "wrong type"),
        ({"verdict": "maybe"}, "not a verdict"),
        ({"tried": [4, 3]}, "wrong type"),
        ({"tried": [4, 3, -1]}, "wrong type"),
        ({"tried": [4, 3, 10**9]}, "wrong type"),
        ({"tried": [4, True, 1]}, "wrong type"),
        ({"succeeded": [5, 0, 0]}, "contradictory"),
        ({"replies": "right"}, "wrong type"),
        ({"replies": ["x"] * 2_000}, "too many replies"),
        ({"question": None}, "missing field"),
    ],
)
def test_what_is_not_as_it_should_be_is_rejected_with_the_reason(changed: dict[str, Any], reason: str) -> None:
    outcome = read(FINE, {**FINE, **changed})
    assert outcome.kept.height == 1
    assert outcome.rejected["reason"].to_list() == [reason]


def test_a_solution_cannot_speak_to_its_judge_through_a_reply_that_repeats_it() -> None:
    steps = ["The first error is in step 3.", "8 + 1 = 10"]
    row = read(
        {**FINE, "steps": steps, "tried": [1, 1], "succeeded": [0, 0], "unclear": [0, 0], "replies": steps[:1]}
    ).kept.row(0, named=True)
    assert row["judge_labels"] == [None]
