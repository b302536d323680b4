"""The rates of a posterior: how evidence of each sort looks before, at and after a first wrong step; what a fit settles.

Where little is known they are those below, which were counted on other data:
marks on 198 wrong solutions labelled by teachers (verify-then-generate, not
used elsewhere), the rest rounded by hand. They were counted by an earlier
reading of equations, which called more of them false; with those of the present
one a fit to recorded evidence says the same but for one row in thirty. A fit
takes them for as many rows as `WORTH` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

WORTH = 10.0
"""Rows that the rates below are worth beside those of a table."""
ROLLOUTS, STEPS, PLAIN_STEPS = "rollouts", "reference", "arithmetic"
"""The names of evidence that is not a rater's."""
LIKELIHOODS = "likelihoods"
LIKELIHOOD_BOUNDS = (0.1, 0.3, 0.5, 0.7, 0.9)
"""Where the classes of a judge's probability of "right" end."""
EvidenceName = Literal["rollouts", "steps", "votes", "likelihoods", "proofs"]
EVIDENCE: tuple[EvidenceName, ...] = ("rollouts", "steps", "votes", "likelihoods", "proofs")
"""What a posterior may be asked to look at: counts of rollouts, marks of steps, judges' votes and likelihoods, proofs."""
Table = tuple[tuple[float, ...], ...]


_COUNTED: Mapping[str, Table] = {
    STEPS: (
        (0.10, 0.22, 0.02, 0.19, 0.25, 0.03, 0.15, 0.04),
        (0.03, 0.20, 0.04, 0.08, 0.05, 0.04, 0.49, 0.07),
        (0.02, 0.43, 0.04, 0.06, 0.03, 0.02, 0.37, 0.03),
    ),
    PLAIN_STEPS: ((0.11, 0.30, 0.56, 0.03), (0.03, 0.32, 0.58, 0.07), (0.02, 0.49, 0.46, 0.03)),
    LIKELIHOODS: (
        (0.05, 0.08, 0.12, 0.20, 0.25, 0.25, 0.05),
        (0.15, 0.15, 0.20, 0.18, 0.15, 0.12, 0.05),
        (0.10, 0.12, 0.18, 0.20, 0.20, 0.15, 0.05),
    ),
}
"""Of `MARKS`, of `PLAIN_MARKS`, and of the classes of likelihoods: right, first wrong and later steps of wrong solutions."""
DEFAULT_MARKS: Mapping[str, Table] = {name: (*table, table[0]) for name, table in _COUNTED.items()}
"""The same, and last right steps of solutions that come to the right answer: these go other ways than the reference less often."""


class _Rates(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RolloutRates(_Rates):
    """How rollouts succeed: a success rate of the row, that grows with the steps that are given, and is lost at the first wrong one."""

    easiness: float = -1.0
    """The mean over problems of the log-odds that a rollout from the start succeeds,"""
    spread: float = 0.5
    """the logarithm of their standard deviation,"""
    slope: float = 0.5
    """and what the log-odds gain until the last step."""
    scatter: float = 1.5
    """The logarithm of the pseudo-counts of a prefix' own rate about that of its row (beta-binomial)."""
    recovery: float = -1.0
    """The log-odds against 'never' that a solution recovers sometimes,"""
    easy_recovery: float = -2.0
    """and often."""
    recovery_scatter: float = 1.5
    """As `scatter`, of prefixes behind the first wrong step."""


class VoteRates(_Rates):
    """What a rater's votes say of wrong and of right solutions, and how far they go together."""

    hit: float = 0.35
    early: float = 0.15
    late: float = 0.2
    none: float = 0.2
    undecided: float = 0.1
    """Votes on wrong solutions: the first wrong step, one before it, one behind it, none, nothing."""
    right_none: float = 0.6
    right_undecided: float = 0.1
    """Votes on right solutions: none, nothing; the others name a step."""
    concentration: float = 2.0
    """The pseudo-counts of a row's own shares of votes (Dirichlet-multinomial): the fewer, the less another vote tells."""


class Rates(_Rates):
    """All rates of one fit."""

    places: tuple[float, ...] = (1.0, 1.0, 1.0, 1.0, 1.0)
    """How often a first wrong step is the first, in the early, middle or late third between, or the last; up to a factor."""
    right: Mapping[str, float] = Field({"right": 0.95, "undecided": 0.5})
    """The share of solutions of a verdict without a wrong step that shows; of `wrong` ones it is 0."""
    unseen: float = 0.5
    """Of wrong steps in solutions that come to the right answer, the share of which no evidence shows anything. Only known truth
    tells: without, for each that is found another is held to be hidden."""
    rollouts: RolloutRates = RolloutRates()
    marks: Mapping[str, Table] = Field(DEFAULT_MARKS)
    """By sort of evidence, the share of each sign among right, first wrong and later steps, and right ones of right answers."""
    votes: Mapping[str, VoteRates] = Field({})
    """By rater."""
    weights: Mapping[str, float] = Field({})
    """How much the log-likelihood of each sort of evidence counts; the rest is held to say again what others said."""

    def weigh(self, name: str) -> float:
        """The weight of a sort of evidence."""
        return self.weights.get(name, find_unfitted_weight(name))


UNFITTED, UNFITTED_VOTES = 0.75, 0.4
"""The weight of evidence, and of a rater's votes, where no truth is known that one could be fitted to."""


def find_unfitted_weight(name: str) -> float:
    """The weight of a sort of evidence before it is fitted."""
    return UNFITTED if name in (ROLLOUTS, STEPS, PLAIN_STEPS, LIKELIHOODS) else UNFITTED_VOTES


class FittedRates(_Rates):
    """What a fit settles: rates for each fold of problems, none of them fitted to the truth of its own fold."""

    folds: tuple[Rates, ...]
    rows: int
    """Rows that they were fitted to."""
    known: int
    """Of these, rows whose truth was known."""
