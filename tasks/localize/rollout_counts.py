"""What the rollouts from a solution's prefixes came to, and the labels that follow from it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

NONE = -1
"""The label of a solution without a wrong step."""


@dataclass(frozen=True, slots=True)
class Rollout:
    """One completion of a prefix."""

    right: bool | None
    """Whether it comes to the right answer; None where that is undecided, or it was cut off or refused."""
    text: str = ""
    """What was written after the prefix."""
    reused: bool = False
    """Whether it was a solution of the table already, so that nobody was asked for it."""


@dataclass
class RolloutTally:
    """The rollouts from the prefixes of one solution."""

    prefixes: Sequence[str]
    """The text through each step, from the first; the last is the whole solution."""
    right: bool
    """Whether the whole solution comes to the right answer."""
    rollouts: dict[str, list[Rollout]] = field(default_factory=dict)
    """All rollouts by their prefix; the tree has prefixes that are not of this solution."""
    closed: set[str] = field(default_factory=set)
    """The prefixes of which a method wants no more rollouts."""

    def __post_init__(self) -> None:
        self.add(self.prefixes[-1], Rollout(self.right, reused=True))
        self.closed.add(self.prefixes[-1])

    def add(self, prefix: str, rollout: Rollout) -> None:
        """Count a rollout."""
        self.rollouts.setdefault(prefix, []).append(rollout)

    def count_all(self, prefix: str) -> int:
        """Rollouts from a prefix, decided or not."""
        return len(self.rollouts.get(prefix, ()))

    def count(self, prefix: str, right: bool | None) -> int:
        """Rollouts from a prefix that were right, wrong, or (None) neither."""
        return sum(rollout.right is right for rollout in self.rollouts.get(prefix, ()))

    def count_decided(self, prefix: str) -> int:
        """Rollouts from a prefix that were decided."""
        return sum(rollout.right is not None for rollout in self.rollouts.get(prefix, ()))

    @property
    def reached(self) -> int:
        """The last step through which a rollout succeeded, -1 if none did: a witness for all steps before it."""
        for i in range(len(self.prefixes) - 1, -1, -1):
            if self.count(self.prefixes[i], True):
                return i
        return NONE

    @property
    def hard(self) -> list[int | None]:
        """Each prefix's hard label: 1 up to the last success, then 0 where its test has ended, else None."""
        reached = self.reached
        return [
            1 if i <= reached else 0 if prefix in self.closed and self.count_decided(prefix) else None
            for i, prefix in enumerate(self.prefixes)
        ]

    @property
    def first_error(self) -> int | None:
        """The step after the last success, NONE where all is right, None where the step's prefix is undecided."""
        following = self.reached + 1
        if following == len(self.prefixes):
            return NONE
        return following if self.hard[following] == 0 else None


Wanted = Mapping[str, int]
"""By prefix: how many rollouts more."""
Search = Generator[Wanted, None, None]
"""Asks for rollouts, round after round, and reads in the tally what they came to."""
