"""The solutions that a search asks about: what may still be asked of each, and what that is expected to cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from schemas.model_id import ModelId
from tasks.localize.active.votes import list_further_votes
from tasks.localize.judge import JudgeRequest, JudgeVote
from tasks.localize.judge_parameters import JudgeParameters
from tasks.localize.posterior.evidence import Floats
from tasks.localize.rollout_counts import START
from tasks.localize.rollout_rounds import Row

_CHARACTERS, _TOKENS = 1_000.0, 300.0
"""Characters of solutions that rollouts are to write, and the tokens they take, before any was seen."""
_FEWEST = 4.0
"""Tokens of a rollout that has nothing left to write."""


@dataclass
class Case:
    """One solution that is asked about."""

    row: Row
    most: int
    """Rollouts that may be asked for from each prefix,"""
    left: list[int]
    """and those that still may be, from the start and through each step but the last."""
    votes: list[list[JudgeRequest]] = field(default_factory=list)
    """Votes that may be asked for, of each judge,"""
    asked: list[int] = field(default_factory=list)
    """how many of them were,"""
    cast: list[JudgeVote] = field(default_factory=list)
    """and what they say."""

    @property
    def prefixes(self) -> list[str]:
        """What rollouts go on from."""
        return [START, *self.row.tally.prefixes[:-1]]

    def count_votes_left(self, judge: int) -> int:
        """Votes that a judge may still be asked for."""
        return len(self.votes[judge]) - self.asked[judge] if self.votes else 0

    def is_exhausted(self) -> bool:
        """Whether nothing is left to ask."""
        return not any(self.left) and not any(map(self.count_votes_left, range(len(self.votes))))


def open_case(row: Row, most: int, judges: JudgeParameters | None, names: Mapping[str, ModelId]) -> Case:
    """A solution of which nothing was asked yet; rollouts say where wrong solutions go wrong, and nothing of right ones."""
    votes = list_further_votes(row.values, judges, names)
    most = 0 if row.tally.right else most
    return Case(row, most, [most] * len(row.tally.prefixes), votes, [0] * len(votes))


class Costs:
    """What questions are expected to cost, in tokens, from what those before them did.

    Args:
        judges: The judges.
        first: Tokens that a vote is held to cost before any was asked for.

    """

    def __init__(self, judges: int, first: float) -> None:
        self._characters, self._tokens = _CHARACTERS, _TOKENS
        self._votes = [[first, 1.0] for _ in range(judges)]

    def estimate_rollout(self, characters: Floats) -> Floats:
        """Tokens of a rollout that begins so many characters before the end of the solution."""
        return _FEWEST + self._tokens / self._characters * characters

    def estimate_vote(self, judge: int) -> float:
        """Tokens of a judge's vote."""
        tokens, votes = self._votes[judge]
        return max(1.0, tokens / votes)

    def add_rollout(self, characters: int, tokens: int) -> None:
        """Count a rollout."""
        self._characters, self._tokens = self._characters + characters, self._tokens + tokens

    def add_vote(self, judge: int, tokens: int) -> None:
        """Count a vote."""
        self._votes[judge] = [self._votes[judge][0] + tokens, self._votes[judge][1] + 1]


def find_vote_cost(rows: Sequence[Row], most: int) -> float:
    """The mean tokens of the judgements that a table has already; a quarter of what a vote may have where it has none."""
    judged = [row.values for row in rows if row.values.get("judge_tokens")]
    votes = sum(len(values["judges"]) for values in judged)
    return sum(values["judge_tokens"] for values in judged) / votes if votes else most / 4
