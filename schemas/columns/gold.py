"""The columns of gold: where a solution truly first goes wrong, as far as that is known, and from where it is known."""

from __future__ import annotations

from schemas.contract import Column

GOLD_STEP, GOLD_TYPE, GOLD_TAXONOMY = "gold_first_error", "gold_error_type", "gold_taxonomy"
ORIGINS = ("program", "injection", "file", "human")
"""`human`: the labels that came in with the solution."""
GOLD_ORIGIN = "gold_from"
GOLD_COLUMNS = (
    Column(
        GOLD_STEP,
        "integer",
        "The 0-based index of the step that truly is the first wrong one; -1 none, null where it is not known.",
        nullable=True,
        at_least=-1,
        released=False,
    ),
    Column(
        GOLD_TYPE,
        "string",
        "The true type of the mistake there; null where no step is wrong, or the type is not known.",
        nullable=True,
        released=False,
    ),
    Column(
        GOLD_TAXONOMY,
        "string",
        "The taxonomy, with or without a version, that this type is of; null where no type is known.",
        nullable=True,
        released=False,
    ),
    Column(
        GOLD_ORIGIN,
        "string",
        "How gold is known: the problem's program, an injected mistake, a file of labels, or people's own; null where it is not.",
        nullable=True,
        one_of=ORIGINS,
        released=False,
    ),
    Column(
        "gold_unknown",
        "string",
        "Why gold is not known: not among the labels, contradictory, …; null where it is.",
        nullable=True,
        released=False,
    ),
)
