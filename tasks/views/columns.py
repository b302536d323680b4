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
COMPLETIONS = Column("completions", "strings", "The steps, in order.", at_least=1)
LABELS = Column("labels", "booleans", "For each step whether it is right.", at_least=1)
SOFT = Column(
    "soft", "numbers", "For each step the estimated chance that a right answer is reached from it.", nullable=True
)

PROCESSBENCH = (
    Column("id", "string", "The solution's id."),
    Column("generator", "string", "The model that wrote the solution."),
    Column("problem", "string", "The problem."),
    Column("steps", "strings", "The steps, in order.", at_least=1),
    Column("final_answer_correct", "boolean", "Whether the solution's answer is right."),
    Column("label", "integer", "The 0-based index of the first wrong step; -1 where none is wrong.", at_least=-1),
    PROBLEM_ID,
)
MATH_SHEPHERD = (
    Column("input", "string", "The problem and the steps, each step ending in ` ки`."),
    Column("label", "string", "The same text, with + (right) or - (wrong) for each ки."),
    Column("task", "string", "The problem set."),
    *IDS,
)
RATED = (
    Column("text", "string", "The step."),
    Column("rating", "integer", "1 right, -1 wrong.", at_least=-1, at_most=1),
    Column("flagged", "boolean", "Whether the labeller flagged it; never here."),
)
STEP = (
    Column("completions", "records", "The step that was rated, alone.", fields=RATED),
    Column("human_completion", "string", "A step that a person wrote instead; null, for none did.", nullable=True),
    Column("chosen_completion", "integer", "Which of the completions went on; null where it is wrong.", nullable=True),
)
PRM800K = (
    Column("labeler", "string", "Who labelled the steps."),
    Column("timestamp", "string", "When; null, so that two builds are equal.", nullable=True),
    Column("generation", "integer", "The round of labelling; null here.", nullable=True),
    Column("is_quality_control_question", "boolean", "Never here."),
    Column("is_initial_screening_question", "boolean", "Never here."),
    Column("question", "record", "The problem, its answer, and the solution as it was generated.", fields=(
        Column("problem", "string", "The problem."),
        Column("ground_truth_solution", "string", "A right solution by the set's authors, or null.", nullable=True),
        Column("ground_truth_answer", "string", "The gold answer."),
        Column("pre_generated_steps", "strings", "All steps of the solution."),
        Column("pre_generated_answer", "string", "The answer found in it, or null.", nullable=True),
        Column("pre_generated_verifier_score", "number", "A verifier's score; null here.", nullable=True),
    )),
    Column("label", "record", "The ratings, up to the first wrong step.", fields=(
        Column("steps", "records", "The steps that were rated.", fields=STEP),
        Column("total_time", "integer", "Milliseconds the labeller took; null here.", nullable=True),
        Column("finish_reason", "string", "found_error or solution."),
    )),
    *IDS,
)  # fmt: skip

QUESTION = Column("question", "string", "The problem, with the options of multiple choice.")
SET, MODEL, SAMPLING, SAMPLE = PROBLEM_COLUMNS[1], *COMPLETION_COLUMNS[:3]
RIGHT_FROM, RIGHT_ID = CONTRAST_COLUMNS[1:]
ERROR_TYPE = Column(
    "error_type",
    "string",
    "The type of the mistake in the first wrong step; null where it is not known.",
    nullable=True,
)
CAUSE = Column("cause", "string", "Why it is wrong, in a sentence; null where it is not known.", nullable=True)
TAXONOMY = Column(
    "taxonomy", "string", "The taxonomy that the type is of, with its version; null without one.", nullable=True
)
ROW_ID = Column("row_id", "string", "Hash of the row's content.", pattern=ID)
RATIONALE_BY = Column(
    "solution_id",
    "string",
    "The solution whose rationale it is; null where it is the set's own.",
    nullable=True,
    pattern=ID,
)
COT_ERROR_SET = (
    QUESTION,
    Column("right_rationale", "string", "A right solution of the problem."),
    Column("wrong_rationale", "string", "The model's wrong one."),
    ERROR_TYPE,
    CAUSE,
    TAXONOMY,
    RIGHT_FROM,
    RIGHT_ID,
    SET,
    MODEL,
    *IDS,
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
MWPES = (
    QUESTION, SET, MODEL, SAMPLING, SAMPLE,
    Column("solution", "string", "The wrong solution, verbatim."),
    Column("extracted", "string", "The final answer found in it; null if none.", nullable=True),
    Column("gold", "string", "The right answer."),
    Column("first_error", "integer", "The 0-based index of the first wrong step; null where it is not known.", nullable=True, at_least=-1),
    Column("wrong_step", "string", "That step; null where it is not known.", nullable=True),
    ERROR_TYPE,
    Column("definition", "string", "What that type means, in the taxonomy's words.", nullable=True),
    CAUSE,
    Column("typed_by", "string", "Who decided on the type: a rule, models, a judge; null where undecided.", nullable=True),
    TAXONOMY,
    *IDS,
)  # fmt: skip
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
