"""The columns of the formats that trainers and benchmarks read, named exactly as they name them.

TRL's types: https://huggingface.co/docs/trl/dataset_formats. ProcessBench:
arXiv:2412.06559. Math-Shepherd: arXiv:2312.08935. PRM800K: arXiv:2305.20050.
The columns of CoTErrorSet and MWPES-300K are nowhere named; these names are ours.
"""

from __future__ import annotations

from schemas.columns.pairs import CONTRAST_COLUMNS
from schemas.columns.problems import COMPLETION_COLUMNS, ID, PROBLEM_COLUMNS, SOLUTION_ID
from schemas.contract import Column

PROBLEM_ID = PROBLEM_COLUMNS[0]
IDS = (SOLUTION_ID, PROBLEM_ID)

MESSAGE = (
    Column("role", "string", "user or assistant.", one_of=("user", "assistant")),
    Column("content", "string", "What is said."),
)
TEXT = Column("text", "string", "The problem and the solution.")
MESSAGES = Column("messages", "records", "The problem and the solution, as a conversation.", fields=MESSAGE)
PROMPT = Column("prompt", "string", "The problem.")
COMPLETION = Column("completion", "string", "The solution.")
LABEL = Column("label", "boolean", "Whether the solution's answer is right.")
CHOSEN = Column("chosen", "string", "A right solution.")
REJECTED = Column("rejected", "string", "A wrong solution of the same problem.")
QUESTION = Column("question", "string", "The problem, with the options of multiple choice.")
SET, MODEL, SAMPLING, SAMPLE = PROBLEM_COLUMNS[1], *COMPLETION_COLUMNS[:3]
RIGHT_FROM, RIGHT_ID = CONTRAST_COLUMNS[1:]
ERROR_TYPE = Column(
    "error_type",
    "string",
    "The type of the mistake in the first wrong step; null where it is not known.",
    nullable=True,
)
ROW_ID = Column("row_id", "string", "Hash of the row's content.", pattern=ID)
RATIONALE_BY = Column(
    "solution_id",
    "string",
    "The solution whose rationale it is; null where it is the set's own.",
    nullable=True,
    pattern=ID,
)
SELF_RETHINKING = (
    Column("error_type", "string", "The type of the mistake that the model is shown."),
    Column("think", "string", "The first turn, under the problem at hand: the model solves it."),
    Column(
        "check", "string", "The second: a mistake on another problem; has the model made one of its kind, Yes or No?"
    ),
    Column("again", "string", "The turn after a Yes; `check` follows again, k times at most."),
    Column("answer", "string", "The last turn, after a No or k times."),
    *IDS,
)
ERROR_AWARE = (
    Column("answer", "string", "The gold answer."),
    MODEL,
    SET,
    Column("error_types", "strings", "The types that the prompt warns of, commonest first.", at_least=1),
    Column(
        "error_counts", "integers", "Mistakes of each of them by the model on other problems of the set.", at_least=1
    ),
    Column("prompt_id", "string", "Hash of the prompt, its problem and model.", pattern=ID),
    PROBLEM_ID,
)
EXEMPLAR = Column("text", "string", "The exemplar as it stands in a prompt.")
WRONG = Column("wrong", "string", "A wrong solution.")
RIGHT = Column("right", "string", "A right solution of the same problem.")
IN_CONTEXT = (QUESTION, WRONG, RIGHT, EXEMPLAR, *IDS)
RATIONALE = Column("rationale", "string", "What is wrong: the step, the type of mistake, the cause.")
IN_CONTEXT_EXPLAINED = (QUESTION, WRONG, RATIONALE, RIGHT, EXEMPLAR, *IDS)
