"""OmegaPRM's tree: states, their values, and which rollout is searched next."""

from __future__ import annotations

import json
from math import sqrt

import pytest

from tasks.localize.omegaprm_tree import PrefixState, Tree, TreeRules
from tasks.localize.rollout_counts import Rollout, RolloutTally

STEPS = 6
RULES = TreeRules(rollouts=4, searches=8)


def text(upto: int, mark: str = "a") -> str:
    return "".join(f"{i + 1}. {mark}\n" for i in range(upto))


def tree(rules: TreeRules = RULES) -> Tree:
    prefixes = [text(i + 1) for i in range(STEPS)]
    return Tree(RolloutTally(prefixes, right=False), rules)


def run(value: Tree, error: int) -> dict[str, int]:
    """Two of four rollouts succeed from a prefix with fewer than `error` steps a of the solution, none from another."""
    asked: dict[str, int] = {}
    for wanted in value.search():
        for prefix, count in wanted.items():
            asked[prefix] = asked.get(prefix, 0) + count
            fine = prefix == text(prefix.count("\n")) and prefix.count("\n") <= error
            for i in range(count):
                lines = prefix.count("\n")
                rest = "".join(f"{j + 1}. b\n" for j in range(lines, STEPS - 1)) + f"{STEPS}. {i}\n#### 1"
                value.tally.add(prefix, Rollout(fine and i % 2 == 0, rest))
    return asked


@pytest.mark.parametrize("error", range(STEPS))
def test_the_first_search_finds_the_solutions_own_first_error(error: int) -> None:
    result = tree(TreeRules(rollouts=4, searches=1))
    run(result, error)
    assert result.tally.first_error == error


def test_each_state_gets_its_rollouts_once_and_later_searches_find_more_states() -> None:
    few, many = tree(TreeRules(rollouts=4, searches=1)), tree()
    first, asked = run(few, 3), run(many, 3)
    assert set(asked.values()) == {4}
    assert set(first) < set(asked)
    assert {state.prefix for state in many.states} == set(asked)
    left = [path for state in many.states if 0 < (state.value or 0) < 1 for path in state.waiting]
    searched = sum(state.visits for state in many.states)
    assert searched == RULES.searches or (1 < searched < RULES.searches and not left)


def test_only_states_that_are_neither_always_nor_never_solved_are_searched() -> None:
    result = tree()
    run(result, 3)
    assert all(0 < (state.value or 0) < 1 for state in result.states if state.visits)


def test_quality_and_bonus_are_those_of_the_paper() -> None:
    """Q = alpha^(1 - MC) beta^(len / L), U = c sqrt(sum N) / (1 + N) (section 3.3)."""
    result = tree()
    state = PrefixState("p ", 0.25, [], visits=3)
    result.states = [state, PrefixState("q", 0.5, [], visits=6)]
    assert result.quality(state, ["p " + "word " * 10]) == pytest.approx(0.5**0.75 * 0.9 ** (10 / 500))
    assert result.bonus(state) == pytest.approx(0.125 * sqrt(9) / 4)


def test_states_are_told_with_their_statistics() -> None:
    result = tree()
    run(result, 3)
    rows = [json.loads(row) for row in result.describe()]
    assert rows[0]["prefix"] == "" and rows[0]["MC"] == 0.5 and rows[0]["tried"] == 4
    assert set(rows[0]) == {"prefix", "N", "tried", "MC", "U", "Q"}
