"""The tree of a question: beginnings of solutions, each a state once, and what came of the rollouts from it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.request import Message
from tasks.localize.rollout_counts import START
from tasks.sources.content_ids import normalize_text

DEEPEST = 200
"""Levels of a tree: readers of JSON give up on deeper ones. A rollout of more steps counts, and is not searched."""


@dataclass(frozen=True, slots=True)
class SearchRollout:
    """One completion of a state."""

    right: bool | None
    """Whether it comes to the right answer; None where that is undecided, or it was cut off or refused."""
    request: str
    """The ledger's key of the completion."""
    steps: tuple[str, ...] = ()
    """Its own steps; none where it is not searched, or the answer alone was missing."""
    prefixes: tuple[str, ...] = ()
    """The text from the start of the solution through each of them."""
    rule: str = "whole"
    """The rule that cut its solution into steps."""
    text: str = ""
    """What was written behind the state, verbatim."""
    is_thoughtful: bool = False
    """Whether it has thoughts before its text."""


@dataclass(eq=False)
class State:
    """A beginning of a solution."""

    steps: tuple[str, ...]
    prefix: str
    """Its text to the letter, as the first rollout through it wrote it; a solution's whole where it is an end."""
    request: str
    """The ledger's key of that rollout; empty for the problem itself."""
    rule: str = "whole"
    is_end: bool = False
    rollouts: list[SearchRollout] = field(default_factory=list)
    """What was asked from it; nothing is asked from it again."""
    asked: int = 0
    """Completions that were asked for."""
    tried: int = 0
    """Decided rollouts from it, and from the state before that took its step: none was chosen for how it came out."""
    succeeded: int = 0
    unclear: int = 0
    """Rollouts that are undecided."""
    below_tried: int = 0
    """Decided rollouts from it and from all states behind it, wherever the search went."""
    below_succeeded: int = 0
    visits: int = 0
    """Searches that went through it."""
    steps_left: int | None = None
    """The fewest steps behind it in which a rollout came to the right answer."""

    @property
    def q(self) -> float | None:
        """The share of rollouts that succeed; None where none was decided."""
        return self.succeeded / self.tried if self.tried else None

    @property
    def value(self) -> float | None:
        """The share of all rollouts from it and behind it that succeed."""
        return self.below_succeeded / self.below_tried if self.below_tried else None

    def count(self, rollout: SearchRollout) -> None:
        """Count a rollout that goes on from it."""
        self.unclear += rollout.right is None
        self.tried += rollout.right is not None
        self.succeeded += rollout.right is True

    def count_below(self, rollout: SearchRollout, steps: int) -> None:
        """Count a rollout from it, or from a state behind it, that ends so many steps behind it."""
        self.below_tried += rollout.right is not None
        self.below_succeeded += rollout.right is True
        if rollout.right:
            self.steps_left = steps if self.steps_left is None else min(self.steps_left, steps)


Key = tuple[str | bool, ...]


@dataclass
class SearchTree:
    """The states of one question, the problem itself first, in the order in which they were met."""

    values: Mapping[str, Any]
    """The problem's row."""
    messages: tuple[Message, ...]
    """The conversation that asks for a solution."""
    states: dict[Key, State] = field(default_factory=dict)
    by_prefix: dict[str, State] = field(default_factory=dict)
    tokens: int = 0
    """Tokens of all completions."""

    def __post_init__(self) -> None:
        self.root = State((), START, "")
        self.states[()] = self.by_prefix[START] = self.root

    def add_state(self, before: State, rollout: SearchRollout, count: int, is_end: bool = False) -> State:
        """The state behind so many steps of a rollout: the one that is there, or a new one; steps that read the same are."""
        steps = (*before.steps, *rollout.steps[:count])
        prefix = before.prefix + rollout.text if is_end else rollout.prefixes[count - 1]
        key: Key = (*map(normalize_text, steps), *([True] if is_end else ()))
        known = self.states.get(key) or (None if is_end else self.by_prefix.get(prefix))
        if known:
            return known
        state = self.states[key] = State(steps, prefix, rollout.request, rollout.rule, is_end)
        if not is_end:
            self.by_prefix[prefix] = state
        return state

    def record(self, state: State, rollout: SearchRollout) -> None:
        """Count a rollout that was asked from a state, for it and for all before it."""
        state.rollouts.append(rollout)
        state.count(rollout)
        for passed in (state, *self.list_ancestors(state)):
            passed.count_below(rollout, len(state.steps) - len(passed.steps) + len(rollout.steps))

    def list_ancestors(self, state: State) -> Iterator[State]:
        """The states that it goes on from, the nearest first, the problem itself last; there may be none after each step."""
        key = tuple(map(normalize_text, state.steps))
        for end in range(len(key) - 1, -1, -1):
            if key[:end] in self.states:
                yield self.states[key[:end]]

    def list_nodes(self) -> list[State]:
        """All states but the problem itself."""
        return list(self.states.values())[1:]
