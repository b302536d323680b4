"""Monte-Carlo tree search by next steps, as AlphaMath (arXiv 2405.03553), MCTS-DPO (2405.00451) and ReST-MCTS* (2406.03816) search.

There is no value model: a search goes from the problem to a state that was not
asked from, by the largest Q + U of PUCT, and asks for rollouts from there. The
first steps of these are its children, the rest tells how often each succeeds.
"""

from __future__ import annotations

from math import sqrt

from tasks.localize.rollout_counts import Search
from tasks.search.parameters import SearchParameters
from tasks.search.tree import SearchRollout, SearchTree, State
from tasks.sources.content_ids import normalize_text


class StepSearch:
    """The search of one tree, whose problem has its first rollouts."""

    def __init__(self, tree: SearchTree, rules: SearchParameters) -> None:
        self.tree, self.rules = tree, rules
        self.children: dict[State, list[State]] = {}
        self.parents: dict[State, State] = {}
        self.shares: dict[State, float] = {}
        """The share of rollouts from the state before that took a state's step: the prior of PUCT."""
        self.searched = 0
        self._closed: set[State] = set()
        """States that a search came to and found nothing to ask from behind."""

    def run(self) -> Search:
        """All searches, until every beginning is asked from that is short enough."""
        self._expand([self.tree.root])
        for _ in range(self.rules.searches):
            path = self._select()
            if not path:
                return
            self.searched += 1
            yield {path[-1].prefix: self.rules.rollouts}
            self._expand(path)

    def _select(self) -> list[State]:
        """From the problem down by the largest Q + U to a state that was not asked from; empty where there is none."""
        path = [self.tree.root]
        while path and path[-1].rollouts:
            open_ = [child for child in self.children[path[-1]] if self._is_open(child)]
            if open_:
                path.append(max(open_, key=lambda child: (child.value or 0) + self.rate_bonus(child)))
            else:
                self._closed.add(path.pop())
        return path

    def _is_open(self, state: State) -> bool:
        """Whether a search may ask from it, or try behind it; that nothing is left there is seen when one comes to it."""
        return not (state.is_end or len(state.steps) > self.rules.depth or state in self._closed)

    def _expand(self, path: list[State]) -> None:
        """Make states of the steps that rollouts take next, those taken most often first, and count the visit."""
        state = path[-1]
        for passed in path:
            passed.visits += 1
        steps: dict[tuple[str, bool], list[SearchRollout]] = {}
        for rollout in state.rollouts:
            if rollout.steps:
                steps.setdefault((normalize_text(rollout.steps[0]), len(rollout.steps) == 1), []).append(rollout)
        self.children[state] = []
        for (_, is_end), rollouts in sorted(steps.items(), key=lambda step: -len(step[1]))[: self.rules.children]:
            child = self.tree.add_state(state, rollouts[0], 1, is_end)
            self.children[state].append(child)
            self.shares[child], self.parents[child] = len(rollouts) / len(state.rollouts), state
            for rollout in rollouts:
                child.count(rollout)
                child.count_below(rollout, len(rollout.steps) - 1)

    def rate_bonus(self, state: State) -> float:
        """U of PUCT: large where the step is often taken and was seldom searched."""
        parent = self.parents.get(state)
        if parent is None:
            return 0.0
        return float(self.rules.weight * self.shares[state] * sqrt(parent.visits) / (1 + state.visits))

    def describe(self, state: State) -> tuple[float | None, float]:
        """Q, which without a value model is the share of all that succeeded from it and behind it, and U."""
        return state.value, self.rate_bonus(state)
