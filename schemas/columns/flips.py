"""The columns of rows that hold what two models, or two checkpoints of one, made of the same problem."""

from __future__ import annotations

from schemas.columns.problems import ID, PROBLEM_COLUMNS, VERDICTS
from schemas.contract import Column, Contract

TRANSITIONS = (
    "kept right",
    "fixed",
    "newly wrong",
    "still wrong, same answer",
    "still wrong, other answer",
    "undecided",
)
"""From an old answer to a new one (MUSCLE, arXiv 2407.09435, section 3): a newly wrong answer is a negative flip."""
_SIDES = ("old", "new")


def _describe_side(side: str) -> tuple[Column, ...]:
    return (
        Column(f"{side}_model", "string", f"The {side} model, as the column `model` names it."),
        Column(f"{side}_verdict", "string", f"The verdict on the {side} model's solution.", one_of=VERDICTS),
        Column(f"{side}_answer", "string", f"The {side} model's final answer, verbatim; null where none was found.", nullable=True),
        Column(f"{side}_text", "string", f"The {side} model's solution, verbatim."),
        Column(f"{side}_id", "string", f"The solution_id of the {side} model's solution.", pattern=ID),
    )  # fmt: skip


FLIPS = Contract(
    "flips",
    "One pair of solutions a row: an old model's and a new one's of the same problem, and what became of the answer.",
    (
        Column("flip_id", "string", "Hash of both solutions' ids.", pattern=ID),
        *PROBLEM_COLUMNS,
        Column("flip", "string", "What became of the answer; undecided where either verdict is.", one_of=TRANSITIONS),
        *(column for side in _SIDES for column in _describe_side(side)),
    ),
    "flip_id",
)
