"""What the search came to for each solution: how much was asked, and why no more."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["sure", "given up", "asked all", "budget spent"]
REASONS: dict[State, str] = {
    "given up": "given up: all that could still be asked would hardly decide it",
    "asked all": "not sure after all rollouts",
    "budget spent": "the budget was spent before it was sure",
}
"""Why there is no label, for people."""


class SearchOutcome(BaseModel):
    """What the search asked about one solution, and what that came to."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: State
    first_error: int
    """The likeliest first wrong step, counted from 0; -1 for none."""
    probability: float
    """The probability that this is so, given all evidence, by the rates that the search fitted."""
    rollouts: tuple[int, ...] = ()
    """Rollouts asked for from the start, and through each step but the last."""
    votes: tuple[int, ...] = ()
    """Further votes of each judge."""
