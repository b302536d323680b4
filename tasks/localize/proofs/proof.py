"""A proof of the first wrong step, and the reasons why there is none."""

from __future__ import annotations

from dataclasses import dataclass

NO_EQUATION = "no calculation that can be read"
NO_FALSE_EQUATION = "no equation that does not hold"
NOT_ENOUGH = "an equation that does not hold, but its repair does not lead to the answer"
NO_REPAIR = "departs from the right solution, but no repair leads to the answer"
NOT_READ = "an equation before it could not be read"
IN_WORDS = "a step in words may be where it goes wrong"
AMBIGUOUS = "departs from the right solution, but more than one step may be blamed"
NOTHING = "nothing departs from the right solution"


@dataclass(frozen=True)
class Proof:
    """The first wrong step, and why it is."""

    step: int
    """Counted from 0."""
    rule: str
    certificate: str
    """The calculation, what it should be, and what follows; steps are counted from 1."""
