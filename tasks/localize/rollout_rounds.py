"""The rows that are estimated side by side: their rollouts are asked for together, round after round."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from schemas.model_id import ModelId
from schemas.request import Completion, Message, Reply, Request, Sampling
from tasks.llm import prompts
from tasks.llm.channels import Of
from tasks.llm.prompts import Template
from tasks.llm.question import format_question
from tasks.llm.read_channels import find_obstacle
from tasks.localize.rollout_counts import START, Rollout, RolloutTally, Search, Wanted
from tasks.localize.rollouts import judge_rollouts, list_channel_prefixes

WINDOW = 20_000
"""Rollouts of one round, about: they are held in memory."""


@dataclass(frozen=True)
class Asker:
    """How the completer is asked."""

    model: ModelId
    sampling: Sampling
    answers: str
    """What sort of answer the problems ask for, as `verify` takes it."""
    reuse: bool
    """Whether a rollout from the start counts for the prefixes that it begins with."""

    def request(self, row: Row, prefix: str, sample: int) -> Request:
        """One rollout from a prefix."""
        return self.model.ask(row.messages, self.sampling, sample, prefix)


@dataclass
class Row:
    """One solution that is estimated."""

    values: Mapping[str, Any]
    messages: tuple[Message, ...]
    """The conversation that asked for the solution."""
    tally: RolloutTally
    spent: dict[str, int] = field(default_factory=dict)
    """Tokens of each rollout asked for, by its request."""
    samples: dict[str, int] = field(default_factory=dict)
    """Rollouts asked for, by prefix."""


def open_row(values: Mapping[str, Any], prompt: Template, of: Of | None) -> Row | None:
    """A solution that can be estimated; None where its verdict is undecided, or it is not read."""
    if values["verdict"] == "undecided" or find_obstacle(values, of):
        return None
    question = format_question(values["question"], values["options"])
    tally = RolloutTally(list_channel_prefixes(values, of), values["verdict"] == "right")
    return Row(values, prompts.fill(prompt, {"question": question}), tally)


T = TypeVar("T")


@dataclass
class _Live(Generic[T]):
    row: T
    search: Search
    requests: list[tuple[str, Request]] = field(default_factory=list)


Rounds = Generator[Sequence[Request], Mapping[str, Reply], None]


def run_searches(
    searches: Iterable[tuple[T, Search]],
    request: Callable[[T, str], Request],
    count: Callable[[Sequence[tuple[T, str, Request]], Mapping[str, Reply]], None],
) -> Rounds:
    """Carry searches on to their ends, as many side by side as fit into a round.

    Args:
        searches: What is searched, and its search, which wants rollouts by their prefix.
        request: The next rollout of what is searched from a prefix.
        count: Counts what a round's requests came to, before the searches go on.

    Yields:
        The requests of a round.

    """
    waiting = deque(_Live(row, search) for row, search in searches)
    live: list[_Live[T]] = []
    while waiting or live:
        room = WINDOW - sum(len(running.requests) for running in live)
        while waiting and room > 0:
            running = waiting.popleft()
            if _advance(running, request):
                live.append(running)
                room -= len(running.requests)
        if live:
            replies = yield [asked for running in live for _, asked in running.requests]
            count([(running.row, prefix, asked) for running in live for prefix, asked in running.requests], replies)
            live = [running for running in live if _advance(running, request)]


def _advance(running: _Live[T], request: Callable[[T, str], Request]) -> bool:
    """Let a search ask for more; whether it does."""
    counts: Wanted | None = next(running.search, None)
    running.requests = []
    for prefix, count in (counts or {}).items():
        running.requests += [(prefix, request(running.row, prefix)) for _ in range(count)]
    return counts is not None


def request_next(row: Row, prefix: str, asker: Asker) -> Request:
    """The next rollout from a prefix. The solution's own request is passed over: that it is wrong is why it is here."""
    while True:
        sample = row.samples.get(prefix, 0)
        row.samples[prefix] = sample + 1
        request = asker.request(row, prefix, sample)
        if request.id != row.values.get("request_id"):
            return request


def count_rollouts(asked: Sequence[tuple[Row, str, Request]], replies: Mapping[str, Reply], asker: Asker) -> None:
    """Verify a round's rollouts, all at once, and add them to their rows' tallies."""
    answered = [(row, prefix, replies[request.id]) for row, prefix, request in asked]
    verdicts = judge_rollouts([(row.values, prefix, reply) for row, prefix, reply in answered], asker.answers)
    for (row, prefix, reply), right in zip(answered, verdicts):
        completion = reply if isinstance(reply, Completion) else None
        row.spent[reply.request] = completion.tokens if completion else 0
        rollout = Rollout(right, completion.text if completion else "")
        row.tally.add(prefix, rollout)
        if prefix == START and asker.reuse:
            row.tally.add_to_prefixes(rollout)
