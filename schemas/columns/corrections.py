"""The columns of rows that are made from located mistakes."""

from __future__ import annotations

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
from schemas.contract import Column, Contract

PLACES = ("before error", "through error")
"""Where a continuation begins: behind the last right step, or behind the first wrong one."""
CONTINUED_COLUMNS = (
    Column("from_id", "string", "The solution_id of the wrong solution that it goes on from.", pattern=ID),
    Column("from_text", "string", "That solution, verbatim."),
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
CARRIED = (*PROBLEM_COLUMNS, SOURCE, PROGRAM)
"""The columns that a continuation has of the problem, as far as the table has them."""
