"""The columns of labels that come in with solutions: what people (or other labellers) said of them before.

Every label is the 0-based index of the first wrong step, -1 where no step is
wrong, and null where its labeller does not say. Lists over labels are in the
order of `humans`.
"""

from __future__ import annotations

from schemas.columns.problems import VERDICTS
from schemas.contract import Column
from schemas.labels import Label, Votes

HUMAN_STEP, HUMAN_TYPE, HUMAN_TAXONOMY = "human_first_error", "human_error_type", "human_taxonomy"
HUMAN_COLUMNS = (
    Column("humans", "strings", "Who gave each label that came in with the solution."),
    Column(
        "human_labels",
        "integers",
        "Where each labeller places the first wrong step; -1 none, null not said.",
        at_least=-1,
    ),
    Column("human_faults", "strings", "Why a labeller does not say: a step is not rated, …; empty where one does."),
    Column("human_kinds", "strings", "What each labeller calls the error; empty where none says."),
    Column("human_reasons", "strings", "What is wrong, in each labeller's words; empty where none says."),
    Column(
        "human_ratings",
        "integers",
        "By step 1 good, 0 neutral, -1 bad, as more than half of the labellers rate it; null where they do not.",
        at_least=-1,
        at_most=1,
    ),
    Column(
        HUMAN_STEP,
        "integer",
        "The first wrong step that more than half of the labellers name; -1 none, null where there is no such majority.",
        nullable=True,
        at_least=-1,
    ),
    Column("human_undecided", "string", "Why the labellers are undecided; null otherwise.", nullable=True),
    Column(
        HUMAN_TYPE, "string", "What most labellers who name that step call the error; null otherwise.", nullable=True
    ),
    Column(HUMAN_TAXONOMY, "string", "The taxonomy that this type is of; null where none is named.", nullable=True),
    Column("human_cause", "string", "What is wrong, in the words of a labeller who names that step.", nullable=True),
    Column(
        "human_verdict",
        "string",
        "Whether the labellers call the solution right or wrong; null where they do not say, or not the same.",
        nullable=True,
        one_of=VERDICTS[:2],
    ),
)
HUMAN_LABEL = Label(
    column=HUMAN_STEP, kind="step", rank=2, undecided="human_undecided", error=HUMAN_TYPE, cause="human_cause",
    votes=Votes("humans", "human_labels", "human_faults", "human_kinds", "human_reasons"),
    title="people",
)  # fmt: skip
