"""The columns that `contrast`, `locate` and `commonest` add to solutions: what a mistake is shown beside."""

from __future__ import annotations

from schemas.columns.problems import ID
from schemas.contract import Column
from schemas.labels import Label

SOURCES = ("same model", "other model", "reference")
"""Who wrote a right solution: the model that made the mistake, another one, or the set's authors."""
CONTRAST_COLUMNS = (
    Column(
        "right_rationale",
        "string",
        "A right solution of the same problem, beside a wrong one; null where none is known, and beside all others.",
        nullable=True,
    ),
    Column(
        "right_from",
        "string",
        "Who wrote that right solution: the same model, another one, or the set's authors (reference).",
        nullable=True,
        one_of=SOURCES,
    ),
    Column(
        "right_id", "string", "Its solution_id; null where it is the set's own, or none is.", nullable=True, pattern=ID
    ),
)
LOCATE_COLUMNS = (
    Column(
        "first_error",
        "integer",
        "The 0-based index of the first wrong step, where arithmetic proves which it is; null where it does not.",
        nullable=True,
        at_least=0,
    ),
    Column("located_by", "string", "The rule that found it; null where none did.", nullable=True),
    Column(
        "certificate",
        "string",
        "The calculation that is wrong, what it should be, and what follows: to be checked by a person; steps are counted from 1.",
        nullable=True,
    ),
    Column(
        "unlocated", "string", "Why no rule says where the solution goes wrong; null where one does.", nullable=True
    ),
)
LOCATE_LABEL = Label(column="first_error", kind="step", undecided="unlocated", method="located_by", rater="arithmetic")
COMMONEST_COLUMNS = (
    Column(
        "common_types",
        "strings",
        "The types of mistakes that the model makes most often on the set, commonest first; counted on other problems "
        "than the row's own.",
    ),
    Column("common_counts", "integers", "How many mistakes of each of these types it makes there.", at_least=1),
    Column("common_definitions", "strings", "What each of these types means; empty where it is not known."),
)
