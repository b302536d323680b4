"""The columns of what each step of a solution is worth, told from the shares of rollouts that succeed."""

from __future__ import annotations

from schemas.columns.problems import PROBLEM_COLUMNS
from schemas.contract import Column, Contract

RIGHT_RATE = Column("right_rate", "number", "The share of the problem's decided solutions in the table that are right.", at_least=0, at_most=1)  # fmt: skip
VALUE_COLUMNS = (
    Column("q_before", "numbers", "For each step the share of rollouts that succeed from before it; of the first those from the problem, null where there were none.", at_least=0, at_most=1),
    Column("q", "numbers", "The share that succeed behind it; behind the last step the verdict.", at_least=0, at_most=1),
    Column("advantage", "numbers", "q - q_before: how much the step gains or loses.", at_least=-1, at_most=1),
    Column("sorm", "integers", "1 where a rollout from behind the step, or from a later one, succeeds, else 0; null where that is so but what the step states is not used later.", at_least=0, at_most=1),
    Column("rest_value", "numbers", "ReST-MCTS*'s value: from 0 at the problem to 1 at a right answer, falling where no rollout succeeds.", at_least=0, at_most=1),
    Column("outcome", "integer", "AlphaMath's reward of the whole: 1 right, -1 wrong.", at_least=-1, at_most=1),
    Column("ovm", "integers", "The outcome, 1 or 0, as the label of each step's prefix.", at_least=0, at_most=1),
    RIGHT_RATE,
)  # fmt: skip
STEP_VALUE_COLUMNS = (
    Column("q_before", "number", "The share of rollouts that succeed from before the step.", at_least=0, at_most=1),
    Column("advantage", "number", "q - q_before: how much the step gains or loses.", at_least=-1, at_most=1),
    Column("rest_value", "number", "ReST-MCTS*'s value: from 0 at the problem to 1 at a right answer, falling where no rollout succeeds.", at_least=0, at_most=1),
)  # fmt: skip
VALUE_TREES = Contract(
    "value trees",
    "One problem a row: its solutions with their verdicts, and the tree of their steps.",
    (
        *PROBLEM_COLUMNS,
        Column("responses", "strings", "The solutions, verbatim.", at_least=1),
        Column("correct", "booleans", "Whether each is right."),
        RIGHT_RATE,
        Column("tree", "string", "The tree as JSON: {text, mc_value, children}, the root being the problem; solutions that begin alike share their nodes."),
    ),
    "problem_id",
)  # fmt: skip
