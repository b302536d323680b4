"""What the rollouts from a solution's prefixes came to, and the labels that follow from it."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field

NONE = -1
"""The label of a solution without a wrong step."""
START = ""
"""The prefix before the first step: a rollout from it solves the problem anew."""
ATTEMPTS = 2
"""A prefix gets so many times the rollouts that are to be decided, at most."""


def count_needed(rollouts: int) -> int:
    """Successes of so many rollouts that are more than an eighth of them."""
    # A completer that succeeds less often before a step fails behind it by chance: of one that succeeds in an eighth of all
    # tries, every third right prefix sees eight failures. SCAN (arXiv 2509.16548) drops problems that are hardly ever solved.
    return rollouts // 8 + 1


@dataclass(frozen=True, slots=True)
class Rollout:
    """One completion of a prefix."""

    right: bool | None
    """Whether it comes to the right answer; None where that is undecided, or it was cut off or refused."""
    text: str = ""
    """What was written after the prefix."""
    reused: bool = False
    """Whether it was asked for from the start of the problem and happens to begin with the prefix, or is the solution itself."""


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
    """The prefixes whose test has ended: with all rollouts that were to be decided, or with a success before."""

    def __post_init__(self) -> None:
        self.add(self.prefixes[-1], Rollout(self.right, reused=True))
        self.closed.add(self.prefixes[-1])

    def add(self, prefix: str, rollout: Rollout) -> None:
        """Count a rollout."""
        self.rollouts.setdefault(prefix, []).append(rollout)

    def add_to_prefixes(self, rollout: Rollout) -> None:
        """Count a rollout from the start of the problem for each prefix that it begins with, too.

        Given that it begins so, it goes on as any rollout from there would, and its verdict had no part in its being here.
        """
        for prefix in self.prefixes[:-1]:
            if not rollout.text.startswith(prefix):
                return
            self.add(prefix, Rollout(rollout.right, rollout.text[len(prefix) :], reused=True))

    def count_missing(self, prefix: str, wanted: int) -> int:
        """How many rollouts more are asked for until `wanted` are decided, of twice as many at most."""
        return max(0, min(wanted - self.count_decided(prefix), ATTEMPTS * wanted - self.count_all(prefix)))

    def close(self, prefix: str, wanted: int) -> None:
        """End a prefix's test; it is tested where `wanted` rollouts were decided, or a later success is a witness for it."""
        if self.count_decided(prefix) >= wanted:
            self.closed.add(prefix)

    def solves(self, prefix: str, wanted: int) -> bool | None:
        """Whether more than an eighth of the rollouts from a prefix succeed; None where too few were decided."""
        if self.count(prefix, True) >= count_needed(wanted):
            return True
        return False if self.count_decided(prefix) >= wanted else None

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

    @property
    def before_error(self) -> str | None:
        """The prefix before the first wrong step, which is the start for the first step; None where no step is called wrong."""
        label = self.first_error
        if label is None or label == NONE:
            return None
        return self.prefixes[label - 1] if label else START


Wanted = Mapping[str, int]
"""By prefix: how many rollouts more."""
Search = Generator[Wanted, None, None]
"""Asks for rollouts, round after round, and reads in the tally what they came to."""
