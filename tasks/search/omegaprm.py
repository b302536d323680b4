"""OmegaPRM's search (arXiv 2406.06592, sections 3.2 and 3.3): wrong rollouts are halved for their first wrong step.

Each search takes the wrong rollout r of a state s with 0 < MC < 1 that has the
largest Q + U, where Q = alpha^(1 - MC) * beta^(length / L) and
U = c sqrt(sum of all N) / (1 + N), and halves it: every beginning that it tests
becomes a state.
"""

from __future__ import annotations

from math import sqrt

from tasks.localize.rollout_counts import Search
from tasks.search.parameters import SearchParameters
from tasks.search.tree import DEEPEST, SearchRollout, SearchTree, State


class HalvingSearch:
    """The search of one tree, whose problem has its first rollouts."""

    def __init__(self, tree: SearchTree, rules: SearchParameters) -> None:
        self.tree, self.rules = tree, rules
        self.waiting: list[tuple[State, SearchRollout]] = []
        """Wrong rollouts that no search has taken yet."""
        self.searched = 0

    def run(self) -> Search:
        """All searches, until no wrong rollout is left of a state that is neither always nor never solved."""
        self._add_waiting(self.tree.root)
        for _ in range(self.rules.searches):
            pairs = [pair for pair in self.waiting if 0 < (pair[0].q or 0) < 1]
            if not pairs:
                return
            chosen = max(pairs, key=lambda pair: self.rate_quality(*pair) + self.rate_bonus(pair[0]))
            self.waiting.remove(chosen)
            chosen[0].visits += 1
            self.searched += 1
            yield from self._halve(*chosen)

    def _halve(self, state: State, rollout: SearchRollout) -> Search:
        """Test beginnings of a wrong rollout by halves for its first wrong step."""
        low, failed = 1, len(rollout.steps)
        while low < failed:
            middle = (low + failed) // 2
            tested = self.tree.add_state(state, rollout, middle)
            if not tested.rollouts:
                yield {tested.prefix: self.rules.rollouts}
                self._add_waiting(tested)
            if tested.succeeded:
                low = middle + 1
            else:
                failed = middle

    def _add_waiting(self, state: State) -> None:
        self.waiting += [
            (state, rollout)
            for rollout in state.rollouts
            if rollout.right is False and 0 < len(rollout.steps) <= DEEPEST - len(state.steps)
        ]

    def rate_quality(self, state: State, rollout: SearchRollout) -> float:
        """Q: large where the state is nearly always solved and the rollout is short."""
        words = len(rollout.text.split())
        return float(self.rules.alpha ** (1 - (state.q or 0)) * self.rules.beta ** (words / self.rules.length))

    def rate_bonus(self, state: State) -> float:
        """U: large where the state was seldom searched."""
        return float(self.rules.weight * sqrt(self.searched) / (1 + state.visits))

    def describe(self, state: State) -> tuple[float | None, float]:
        """Q of a state's best rollout that is left, and U."""
        left = [self.rate_quality(*pair) for pair in self.waiting if pair[0] is state]
        return max(left, default=None), self.rate_bonus(state)
