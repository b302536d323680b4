"""What a task decides about rows, declared by the task that decides it: metrics, gates, report and browser read this."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LabelKind = Literal["verdict", "step", "type"]
"""Whether a solution is right; where it first goes wrong (0-based, -1 nowhere); of what type the mistake there is."""


@dataclass(frozen=True)
class Votes:
    """Columns of lists with one item a vote, all in the same order."""

    raters: str
    """Who gave each vote: `model@revision #number`, or another name."""
    values: str
    """What each vote says: the step or the type; null or empty where it is undecided."""
    faults: str | None = None
    """Why a vote is undecided; empty where it is not."""
    errors: str | None = None
    """What each vote calls the error."""
    reasons: str | None = None
    """Why each vote says so, in its own words."""
    replies: str | None = None
    """Each vote as it came, verbatim."""

    def columns(self) -> tuple[str, ...]:
        """The names of all columns of votes."""
        names = (self.raters, self.values, self.faults, self.errors, self.reasons, self.replies)
        return tuple(name for name in names if name)


@dataclass(frozen=True, kw_only=True)
class Label:
    """One decision about each row, and the columns in which it stands."""

    column: str
    """The decision; null (of verdicts `undecided`) where there is none."""
    kind: LabelKind
    rank: int = 0
    """Of several labels of a kind in one table the one of the highest rank is believed."""
    undecided: str | None = None
    """The column that says why there is no decision."""
    method: str | None = None
    """The column that says how it was decided, or by whom."""
    error: str | None = None
    """The column in which a label of a step calls the error by a name of its own."""
    cause: str | None = None
    """The column that says in a sentence what is wrong."""
    values: str | None = None
    """The column with a number for each prefix: the share of the rollouts from it that succeed."""
    rater: str = ""
    """Who decides, where there are no votes: its name among the raters whose agreement is measured."""
    title: str = ""
    """The same for readers of a report; without it, `rater`."""
    share: str | None = None
    """The column with the share of the votes for the decision."""
    probability: str | None = None
    """The column with the probability that the decision is right, where that is worked out."""
    evidence: str | None = None
    """The column with the sorts of evidence that the decision follows from, where it is worked out from several,"""
    strength: str | None = None
    """and the column with how much each speaks for it, in nats."""
    votes: Votes | None = None
    """Who decides, where several do: each rater by the majority of its votes."""
    replies: str | None = None
    """The column with what was asked for a row: a number of completions, or a list with an item for each."""
    tokens: str | None = None
    """The column with the tokens of these completions."""
    combines: tuple[Label, ...] = ()
    """The labels that this one is made from; their raters' agreement is measured."""
    derived_from: tuple[Label, ...] = ()
    """Other labels that this one looks at: it tests the steps that they name, or weighs them. To say the same as what one
    looked at, or what `combines` has, is to confirm it, which is no agreement of independent raters."""
    derived_by: tuple[str, ...] = ()
    """What `method` begins with where `derived_from` holds; always, where nothing is given."""

    def columns(self) -> tuple[str, ...]:
        """The names of all columns that it speaks of, those of the labels that it combines aside."""
        names = (
            self.column, self.undecided, self.method, self.error, self.cause, self.values, self.share, self.probability, self.evidence, self.strength, self.replies, self.tokens,
            *(self.votes.columns() if self.votes else ()),
        )  # fmt: skip
        return tuple(dict.fromkeys(name for name in names if name))
