"""Tree search for first wrong steps as OmegaPRM makes it (arXiv 2406.06592, sections 3.2 and 3.3).

A state is a prefix, with its visits N, its Monte-Carlo value MC (the share of
its rollouts that succeed) and its wrong rollouts. Each search takes the wrong
rollout r of a state s with 0 < MC < 1 that has the largest Q + U, where
Q = alpha^(1 - MC) * beta^(length / L) and U = c sqrt(sum of all N) / (1 + N),
and halves it: every prefix that it tests becomes a state.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import sqrt

from tasks.localize.rollout_counts import START, RolloutTally, Search
from tasks.split import split_steps


@dataclass(frozen=True)
class TreeRules:
    """The parameters of the search, by the paper's names and values."""

    rollouts: int = 8
    searches: int = 16
    alpha: float = 0.5
    beta: float = 0.9
    length: int = 500
    exploration: float = 0.125


@dataclass
class PrefixState:
    """A prefix that was tested."""

    prefix: str
    value: float | None
    """MC; None where no rollout was decided."""
    waiting: list[list[str]]
    """The wrong rollouts that no search has taken yet, each as the prefixes through its steps."""
    visits: int = 0


@dataclass
class Tree:
    """The states found from one solution, which is the first rollout that is searched."""

    tally: RolloutTally
    rules: TreeRules
    states: list[PrefixState] = field(default_factory=list)

    def search(self) -> Search:
        """The first search goes along the solution itself, so that its own first wrong step is found."""
        root = PrefixState(START, None, [])
        self.states.append(root)
        root.visits += 1
        yield from self._search_by_halves(list(self.tally.prefixes))
        yield from self._test_prefix(START)
        self._fill_state(root)
        for _ in range(self.rules.searches - 1):
            chosen = self._choose_rollout()
            if chosen is None:
                return
            state, path = chosen
            state.visits += 1
            state.waiting.remove(path)
            yield from self._search_by_halves(path)

    def _test_prefix(self, prefix: str) -> Search:
        while missing := self.tally.count_missing(prefix, self.rules.rollouts):
            yield {prefix: missing}
        self.tally.close(prefix, self.rules.rollouts)

    def _search_by_halves(self, path: list[str]) -> Search:
        """Search a wrong rollout by halves for its first wrong step; `path` is its prefixes, the last its whole."""
        low, failed = 0, len(path) - 1
        while low < failed:
            middle = (low + failed) // 2
            prefix = path[middle]
            yield from self._test_prefix(prefix)
            if all(state.prefix != prefix for state in self.states):
                self.states.append(PrefixState(prefix, None, []))
                self._fill_state(self.states[-1])
            if self.tally.count(prefix, True):
                low = middle + 1
            else:
                failed = middle

    def _fill_state(self, state: PrefixState) -> None:
        """The value and the wrong rollouts of a state whose prefix was tested."""
        tried = self.tally.count_decided(state.prefix)
        state.value = self.tally.count(state.prefix, True) / tried if tried else None
        for rollout in self.tally.rollouts.get(state.prefix, ()):
            if rollout.right is False and rollout.text:
                state.waiting.append(_path(state.prefix, rollout.text))

    def _choose_rollout(self) -> tuple[PrefixState, list[str]] | None:
        """The state and wrong rollout of the largest Q + U; the earlier found where two are equal."""
        pairs = [(state, path) for state in self.states if 0 < (state.value or 0) < 1 for path in state.waiting]
        return max(pairs, key=lambda pair: self.quality(*pair) + self.bonus(pair[0]), default=None)

    def quality(self, state: PrefixState, path: list[str]) -> float:
        """Q: large where the state is nearly always solved and the rollout is short."""
        words = len((path[-1][len(state.prefix) :]).split())
        return float(self.rules.alpha ** (1 - (state.value or 0)) * self.rules.beta ** (words / self.rules.length))

    def bonus(self, state: PrefixState) -> float:
        """U: large where the state was seldom searched."""
        return self.rules.exploration * sqrt(sum(other.visits for other in self.states)) / (1 + state.visits)

    def describe(self) -> list[str]:
        """Each state as JSON: its prefix, N, rollouts tried, MC, U, and Q of its best rollout left."""
        rows = []
        for state in self.states:
            best = max((self.quality(state, path) for path in state.waiting), default=None)
            rows.append(
                {
                    "prefix": state.prefix, "N": state.visits, "tried": self.tally.count_decided(state.prefix), "MC": state.value,
                    "U": round(self.bonus(state), 6), "Q": None if best is None else round(best, 6),
                }
            )  # fmt: skip
        return [json.dumps(row, ensure_ascii=False) for row in rows]


def _path(prefix: str, rollout: str) -> list[str]:
    """The prefixes through each step of a rollout, the last its whole."""
    from tasks.localize.rollouts import list_prefixes

    return [prefix + through for through in list_prefixes(rollout, split_steps(rollout)[0])]
