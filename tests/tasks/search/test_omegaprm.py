"""OmegaPRM's search: wrong rollouts by halves, the most promising first."""

from __future__ import annotations

from math import sqrt
from typing import Any

import pytest

from tasks.search.omegaprm import HalvingSearch
from tasks.search.parameters import SearchParameters
from tasks.search.tree import DEEPEST, SearchRollout, SearchTree, State

STEPS = 6


def make_rollout(letters: str, right: bool, before: State | None = None) -> SearchRollout:
    """A rollout of these steps, behind a state."""
    done = before.steps if before else ()
    steps = tuple(f"{len(done) + i}. {letter}" for i, letter in enumerate(letters, 1))
    lines = [*done, *steps]
    prefixes = tuple("\n".join(lines[: len(done) + i + 1]) + "\n" for i in range(len(steps)))
    return SearchRollout(right, f"{letters} {len(done)}", steps, prefixes, "lines", "\n".join(steps))


def open_search(**given: Any) -> HalvingSearch:
    rules = SearchParameters.model_validate({"model": "m", "rollouts": 4, **given})
    return HalvingSearch(SearchTree({"question": "q", "options": None}, ()), rules)


def run(value: HalvingSearch, error: int) -> dict[str, int]:
    """A wrong solution of six steps a beside a right one; from what has fewer than `error` of its steps half of the rollouts succeed."""
    tree, asked = value.tree, dict[str, int]()
    tree.record(tree.root, make_rollout("a" * STEPS, right=False))
    tree.record(tree.root, make_rollout("b" * STEPS, right=True))
    for wanted in value.run():
        for prefix, count in wanted.items():
            asked[prefix] = asked.get(prefix, 0) + count
            state = tree.by_prefix[prefix]
            fine = all(step.endswith("a") for step in state.steps) and len(state.steps) <= error
            for i in range(count):
                tree.record(state, make_rollout("c" * (STEPS - len(state.steps)), fine and i % 2 == 0, state))
    return asked


@pytest.mark.parametrize("error", range(STEPS))
def test_the_first_search_halves_a_wrong_rollout_for_its_first_error(error: int) -> None:
    value = open_search(searches=1)
    asked = run(value, error)
    states = {len(state.steps): state for state in value.tree.list_nodes()}
    assert all(state.succeeded > 0 for depth, state in states.items() if depth <= error)
    assert all(state.succeeded == 0 for depth, state in states.items() if depth > error)
    beside = {error, error + 1} & set(range(1, STEPS))  # the problem and the whole rollout are known
    assert beside <= states.keys() and len(asked) <= 3


def test_later_searches_take_wrong_rollouts_of_states_that_are_sometimes_solved() -> None:
    few, many = open_search(searches=1), open_search(searches=9)
    first, asked = run(few, 3), run(many, 3)
    assert set(first) < set(asked) and set(asked.values()) == {4}
    searched = [state for state in many.tree.states.values() if state.visits]
    assert sum(state.visits for state in searched) == many.searched > 1
    assert all(0 < (state.q or 0) < 1 for state in searched)
    left = [state for state, _ in many.waiting if 0 < (state.q or 0) < 1]
    assert many.searched == 9 or not left


def test_quality_and_bonus_are_those_of_the_paper() -> None:
    """Q = alpha^(1 - MC) beta^(len / L), U = c sqrt(sum N) / (1 + N) (section 3.3)."""
    value = open_search()
    state = State(("p",), "p\n", "r", tried=4, succeeded=1, visits=3)
    value.searched = 9
    rollout = SearchRollout(False, "r", ("s",), ("p\ns",), "lines", "word " * 10)
    assert value.rate_quality(state, rollout) == pytest.approx(0.5**0.75 * 0.9 ** (10 / 500))
    assert value.rate_bonus(state) == pytest.approx(0.125 * sqrt(9) / 4)


def test_a_rollout_of_too_many_steps_counts_and_is_not_searched() -> None:
    value = open_search()
    value.tree.record(value.tree.root, make_rollout("a" * (DEEPEST + 1), right=False))
    value.tree.record(value.tree.root, make_rollout("b", right=True))
    assert list(value.run()) == [] and value.tree.root.tried == 2
