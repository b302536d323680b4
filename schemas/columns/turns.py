"""The columns of attempts in their turns: first attempts, feedback, and revisions."""

from __future__ import annotations

from dataclasses import replace

from schemas.columns.problems import (
    ASKED_COLUMNS,
    COMPLETION_COLUMNS,
    ID,
    PROBLEM_COLUMNS,
    SOLUTION_ID,
    SOURCE,
    STEP_COLUMNS,
    VERDICT_COLUMNS,
    VERDICTS,
)
from schemas.columns.segments import SEGMENTS
from schemas.contract import Column, Contract

FEEDBACK = ("none", "verdict", "critique", "reference", "merged", "run")
"""What a reviser is told: nothing, the verdict, a critique, one by who saw the reference, several merged, what running said."""
TURN_COLUMNS = (
    Column("chain_id", "string", "Hash of the first attempt and of how it was revised: attempts of one chain share it.", pattern=ID),
    Column("turn", "integer", "0 for the first attempt, 1 for its revision, and so on.", at_least=0),
    Column("parent_id", "string", "The turn_id of the attempt that it revises; null for a first attempt.", nullable=True, pattern=ID),
    Column("feedback_kind", "string", "What the reviser was told; null for a first attempt.", nullable=True, one_of=FEEDBACK),
    Column("critic", "string", "Who wrote the critique; null where there is none.", nullable=True),
    Column("critique", "string", "What the reviser was told of the attempt before; null where that is no text of its own.", nullable=True),
    Column("critique_first_error", "integer", "The 0-based step that the critique calls the first wrong one, -1 for none; null where it says neither.", nullable=True, at_least=-1),
    Column("critique_fault", "string", "Why a critique says of no step that it is the first wrong one; null otherwise.", nullable=True),
    Column("critique_leaks", "boolean", "Whether the critique has the gold answer, which the attempt had not; null without one.", nullable=True),
    Column("reward", "number", "1 for a right answer, 0 for a wrong one, -1 where no answer is found; null where the verdict is undecided otherwise.", nullable=True, at_least=-1, at_most=1),
    Column("helped", "integer", "How many revisions after the same feedback are right; null for a first attempt.", nullable=True, at_least=0),
    Column("helped_of", "integer", "Of how many whose verdict is known, or that have no answer.", nullable=True, at_least=0),
    Column("answer_before", "string", "The answer of the attempt before; null where there is none.", nullable=True),
    Column("verdict_before", "string", "Its verdict.", nullable=True, one_of=VERDICTS),
    Column("text_before", "string", "Its text.", nullable=True),
    Column("steps_before", "strings", "Its steps; none for a first attempt."),
    Column("other_text", "string", "Another revision after the same feedback, of another reward; null where there is none.", nullable=True),
    Column("other_reward", "number", "Its reward.", nullable=True, at_least=-1, at_most=1),
    SEGMENTS,
)  # fmt: skip
STEP_SCORES = Column(
    "step_scores", "numbers", "How probable the scorer finds each step of the attempt before to be right, null where it does not say; none for a first attempt.",
    at_least=0, at_most=1,
)  # fmt: skip
"""What a scorer says, where one is asked."""
TURNS = Contract(
    "turns",
    "One attempt a row: a first one, or a revision after feedback.",
    (
        Column("turn_id", "string", "Hash of the chain, the turn and the attempt.", pattern=ID),
        SOLUTION_ID,
        *PROBLEM_COLUMNS,
        SOURCE,
        *COMPLETION_COLUMNS,
        *(replace(column, nullable=True) for column in ASKED_COLUMNS),
        *STEP_COLUMNS,
        *VERDICT_COLUMNS,
        *TURN_COLUMNS,
    ),
    "turn_id",
)
