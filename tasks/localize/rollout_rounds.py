"""The rows that are estimated side by side: their rollouts are asked for together, round after round."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from schemas.request import Completion, Message, Reply, Request, Sampling
from tasks.localize.rollout_counts import Rollout, Search, Tally, Wanted
from tasks.localize.rollouts import judge_rollouts

WINDOW = 20_000
"""Rollouts of one round, about: they are held in memory."""


@dataclass(frozen=True)
class Asker:
    """How the completer is asked."""

    model: str
    revision: str
    sampling: Sampling
    answers: str
    """What sort of answer the problems ask for, as `verify` takes it."""

    def request(self, row: Row, prefix: str, sample: int) -> Request:
        """One rollout from a prefix."""
        return Request(self.model, self.revision, row.messages, self.sampling, sample, prefix)


@dataclass
class Row:
    """One solution that is estimated."""

    values: Mapping[str, Any]
    messages: tuple[Message, ...]
    """The conversation that asked for the solution."""
    tally: Tally
    spent: dict[str, int] = field(default_factory=dict)
    """Tokens of each rollout asked for, by its request."""
    samples: dict[str, int] = field(default_factory=dict)
    """Rollouts asked for, by prefix."""


@dataclass
class _Live:
    row: Row
    search: Search
    asked: list[tuple[str, Request]] = field(default_factory=list)


Rounds = Generator[Sequence[Request], Mapping[str, Reply], None]


def run_searches(searches: Iterable[tuple[Row, Search]], asker: Asker) -> Rounds:
    """Carry searches on to their ends, as many side by side as fit into a round."""
    waiting = deque(_Live(row, search) for row, search in searches)
    live: list[_Live] = []
    while waiting or live:
        room = WINDOW - sum(len(one.asked) for one in live)
        while waiting and room > 0:
            one = waiting.popleft()
            if _goes_on(one, asker):
                live.append(one)
                room -= len(one.asked)
        if live:
            replies = yield [request for one in live for _, request in one.asked]
            _count(live, replies, asker)
            live = [one for one in live if _goes_on(one, asker)]


def _goes_on(one: _Live, asker: Asker) -> bool:
    """Let a search ask for more; whether it does."""
    wanted: Wanted | None = next(one.search, None)
    one.asked = []
    for prefix, count in (wanted or {}).items():
        first = one.row.samples.get(prefix, 0)
        one.row.samples[prefix] = first + count
        one.asked += [(prefix, asker.request(one.row, prefix, first + i)) for i in range(count)]
    return wanted is not None


def _count(live: Sequence[_Live], replies: Mapping[str, Reply], asker: Asker) -> None:
    """Verify a round's rollouts, all at once, and add them to their rows' tallies."""
    asked = [(one.row, prefix, replies[request.id]) for one in live for prefix, request in one.asked]
    verdicts = judge_rollouts([(row.values, prefix, reply) for row, prefix, reply in asked], asker.answers)
    for (row, prefix, reply), right in zip(asked, verdicts):
        completion = reply if isinstance(reply, Completion) else None
        row.spent[reply.request] = completion.tokens if completion else 0
        row.tally.add(prefix, Rollout(right, completion.text if completion else ""))
