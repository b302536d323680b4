"""The columns that say how a model answered a list of questions about a solution."""

from __future__ import annotations

from schemas.contract import Column

CHECKLIST_COLUMNS = (
    Column(
        "checklist_answers",
        "strings",
        "yes or no to each question of the list, in its order; none where that is undecided.",
    ),
    Column(
        "checklist_share",
        "number",
        "The share of yes (2410.03608); null where a question was not answered, or in two ways.",
        nullable=True,
        at_least=0,
        at_most=1,
    ),
    Column("checklist_undecided", "string", "Why `checklist_share` is null; null where it is not.", nullable=True),
    Column(
        "checklist_request",
        "string",
        "The ledger's key of the completion; null where nothing was asked.",
        nullable=True,
        pattern="[0-9a-f]{32}",
    ),
)
