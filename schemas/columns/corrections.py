"""The columns of rows that are made from located mistakes."""

from __future__ import annotations

from schemas.columns.labels import CLASSIFY_COLUMNS
from schemas.columns.problems import (
    ASKED_COLUMNS,
    COMPLETION_COLUMNS,
    ID,
    PROBLEM_COLUMNS,
    PROGRAM,
    SOLUTION_ID,
    SOURCE,
    STEP_COLUMNS,
    VERDICT_COLUMNS,
)
from schemas.columns.segments import SEGMENTS
from schemas.contract import Column, Contract

PLACES = ("before error", "through error")
"""Where a continuation begins: behind the last right step, or behind the first wrong one."""
CONTINUED_COLUMNS = (
    Column("from_id", "string", "The solution_id of the wrong solution that it goes on from.", pattern=ID),
    Column("from_text", "string", "That solution, verbatim."),
    Column("from_steps", "strings", "Its steps."),
    Column(
        "wrong_type",
        "string",
        "The type of its mistake, as `classify` has it; null where it is not known.",
        nullable=True,
    ),
    Column(
        "wrong_cause", "string", "What is wrong there, as `classify` has it; null where it is not known.", nullable=True
    ),
    Column(
        "wrong_reason",
        "string",
        "What is wrong there, in the words of the first judge who names that step; null where none does.",
        nullable=True,
    ),
    Column(
        "continued",
        "string",
        "Where it begins: before or through the first wrong step of that solution.",
        one_of=PLACES,
    ),
    Column("steps_before", "strings", "The steps of that solution that it begins with."),
    Column("wrong_step", "string", "The first wrong step of that solution."),
    Column("next_step", "string", "The first step of its own."),
    Column("tries", "integer", "How many were asked for there.", at_least=1),
    Column("tries_right", "integer", "How many of these came to the right answer.", at_least=0),
)
CONTINUATIONS = Contract(
    "continuations",
    "One continuation of a wrong solution a row: a solution of the same problem.",
    (
        SOLUTION_ID,
        *PROBLEM_COLUMNS,
        SOURCE,
        *COMPLETION_COLUMNS,
        *ASKED_COLUMNS,
        *STEP_COLUMNS,
        *VERDICT_COLUMNS,
        *CONTINUED_COLUMNS,
    ),
    SOLUTION_ID.name,
)
CARRIED = (
    *PROBLEM_COLUMNS,
    SOURCE,
    PROGRAM,
    *(column for column in CLASSIFY_COLUMNS if column.name in ("error_type", "error_cause")),
)
"""The columns that a continuation has of the problem, and of the mistake that it goes on from, as far as the table has them."""  # fmt: skip

CORRECTIONS = Contract(
    "corrections",
    "One located mistake a row, with a teacher's correction that holds, and the student's own.",
    (
        Column("correction_id", "string", "Hash of the wrong solution and both corrections.", pattern=ID),
        *PROBLEM_COLUMNS,
        *(column for column in CONTINUED_COLUMNS if column.name in ("from_id", "from_text", "steps_before", "wrong_step")),
        Column("number", "integer", "The first wrong step of that solution, from 0.", at_least=0),
        Column("teacher", "string", "The model that corrected it."),
        Column("teacher_analysis", "string", "What it says is wrong there."),
        Column("teacher_correction", "string", "The step that it puts in its place."),
        Column("teacher_whole", "string", "The solution as it is corrected."),
        Column("rounds", "integer", "How often it wrote, until its correction held.", at_least=1),
        Column("inspector", "string", "The model that read it, by its name in the recipe; null where verification alone did.", nullable=True),
        Column("student", "string", "The model whose own correction stands beside it."),
        Column("student_analysis", "string", "What the student says is wrong there."),
        Column("student_correction", "string", "The step that it puts in its place."),
        Column("student_whole", "string", "The solution as it corrects it."),
        Column("student_verdict", "string", "Whether that is right.", one_of=("right", "wrong", "undecided")),
        Column("student_first_error", "integer", "Its first wrong step, from 0; null where it is right, or that is not known.", nullable=True, at_least=0),
    ),
    "correction_id",
)  # fmt: skip

PAIR_SOURCES = ("rectified", "edited", "siblings", "first pit", "judged")
"""How two sides of a pair of steps came about."""
STEP_PAIRS = Contract(
    "step pairs",
    "One pair a row: a right and a wrong way on from the same beginning of a solution.",
    (
        Column("pair_id", "string", "Hash of the problem, the beginning and both sides.", pattern=ID),
        *PROBLEM_COLUMNS,
        Column("steps_before", "strings", "The steps that both sides go on from."),
        Column("number", "integer", "The step that the sides are, counted from 0.", at_least=0),
        Column("chosen", "string", "The right side: a step, of a first pit a whole right solution, of a judged pair an analysis of the wrong step with its correction."),
        Column("rejected", "string", "The wrong side, of the same kind; of a first pit the solution through that step."),
        Column("chosen_whole", "string", "The right solution that the right side is of."),
        Column("rejected_whole", "string", "The wrong solution that the wrong side is of."),
        Column("pair_by", "string", "How the sides came about: rectified (the same model went on rightly), edited (a right step was made wrong), siblings (of the ways on that were tried the one that succeeds most often and the one that does least), first pit (where rollouts succeed least), judged (a teacher's correction and the student's own).", one_of=PAIR_SOURCES),
        Column("chosen_by", "string", "Who wrote the right side."),
        Column("rejected_by", "string", "Who wrote the wrong side."),
        Column("rejected_id", "string", "The solution_id of the wrong solution (of a judged pair of the one that was corrected); of siblings from a search the node's.", pattern=ID),
        Column("error_type", "string", "The type of the mistake; null where it is not known.", nullable=True),
        Column("q_chosen", "number", "The share of rollouts that succeed behind the right side; null where none were made.", nullable=True, at_least=0, at_most=1),
        Column("q_rejected", "number", "The same behind the wrong side.", nullable=True, at_least=0, at_most=1),
        Column("confidence", "number", "How sure siblings' order is: 1 / (1 + tries of the wrong side / tries of the right one); null of other pairs.", nullable=True, at_least=0, at_most=1),
        Column("epsilon", "number", "What the loss is to be smoothed by (conservative DPO): 1 - confidence, at most a half.", nullable=True, at_least=0, at_most=0.5),
    ),
    "pair_id",
)  # fmt: skip

SPLICE_STYLES = ("fix", "restart", "backspace", "verify")
SPLICED = Contract(
    "splices",
    "One self-correction a row: a wrong beginning, a turn, and a right end.",
    (
        Column("spliced_id", "string", "Hash of the problem, the style and the text.", pattern=ID),
        *PROBLEM_COLUMNS,
        Column("style", "string", "fix: the wrong step is followed by a right way on; restart: by a whole right solution; backspace: by marks that take it back; verify: a whole solution is checked, and solved anew where it is wrong.", one_of=SPLICE_STYLES),
        SEGMENTS,
        Column("text", "string", "What the model is to have written: the segments behind the question, joined."),
        Column("steps", "strings", "The steps of the first attempt that are in it."),
        Column("first_error", "integer", "The 0-based index of the first of these that is wrong; -1 where a right solution is checked.", at_least=-1),
        Column("overrun", "integer", "How many steps stand behind the wrong one before it is noticed.", at_least=0),
        Column("error_type", "string", "The type of the mistake; null where it is not known.", nullable=True),
        Column("model", "string", "The model that made the first attempt."),
        Column("wrong_id", "string", "The solution_id of the first attempt.", pattern=ID),
        Column("wrong_whole", "string", "The first attempt as a whole."),
        Column("right_id", "string", "The solution_id of the right one; null where it is the set's own, or the first attempt.", nullable=True, pattern=ID),
        Column("right_whole", "string", "The right solution as a whole; null where the first attempt is right.", nullable=True),
    ),
    "spliced_id",
)  # fmt: skip
SMOOTHED_COLUMNS = (
    Column("smoothed_by", "string", "The model whose words the turn and the end are; null where they are as they were spliced.", nullable=True),
    Column("not_smoothed", "string", "Why the plain splice stays; null where it does not.", nullable=True),
    Column("smooth_reply", "string", "What the model wrote, verbatim; null where nothing came.", nullable=True),
    Column("smooth_request", "string", "The ledger's key of the request; null where none was made.", nullable=True),
)  # fmt: skip
