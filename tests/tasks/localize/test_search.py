"""Which prefixes each method tests, how often, and the label it comes to, against rollouts known beforehand."""

from __future__ import annotations

from math import log2

import pytest

from tasks.localize import search
from tasks.localize.rollout_counts import Rollout
from tasks.localize.search import METHODS, search_witness
from tests.tasks.localize.scripted import Completer, asked

N = 4
CASES = [(steps, error) for steps in (1, 2, 3, 8, 13) for error in range(steps)]
SEEDS = range(40)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("steps", "error"), CASES)
def test_a_perfect_completer_finds_every_error(method: str, steps: int, error: int) -> None:
    completer = Completer(steps, error, 1, 0)
    tally = completer.tally()
    completer.driven(METHODS[method](tally, N, False), tally)
    assert tally.first_error == error


@pytest.mark.parametrize(("steps", "error"), CASES)
def test_sequential_asks_once_before_the_error_and_n_times_through_it(steps: int, error: int) -> None:
    completer = Completer(steps, error, 1, 0)
    tally = completer.tally()
    completer.driven(METHODS["sequential"](tally, N, False), tally)
    assert asked(tally) == [1 if i < error else N if i == error else 0 for i in range(steps - 1)]


@pytest.mark.parametrize(("steps", "error"), CASES)
def test_every_step_with_soft_labels_asks_n_times_everywhere_in_one_round(steps: int, error: int) -> None:
    completer = Completer(steps, error, 1, 0)
    tally = completer.tally()
    rounds = completer.driven(METHODS["every-step"](tally, N, True), tally)
    assert asked(tally) == [N] * (steps - 1)
    assert rounds == min(1, steps - 1)


@pytest.mark.parametrize(("steps", "error"), CASES)
def test_every_step_with_hard_labels_leaves_what_has_a_witness(steps: int, error: int) -> None:
    completer = Completer(steps, error, 1, 0)
    tally = completer.tally()
    completer.driven(METHODS["every-step"](tally, N, False), tally)
    assert asked(tally) == [1 if i < error else N for i in range(steps - 1)]


@pytest.mark.parametrize(("steps", "error"), CASES)
def test_binary_tests_no_more_prefixes_than_halving_needs(steps: int, error: int) -> None:
    completer = Completer(steps, error, 1, 0)
    tally = completer.tally()
    completer.driven(METHODS["binary"](tally, N, False), tally)
    tested = sum(n > 0 for n in asked(tally))
    assert tested <= log2(steps) + 1
    assert all(n in (0, 1 if i < error else N) for i, n in enumerate(asked(tally)))


@pytest.mark.parametrize(("steps", "error"), CASES)
def test_witness_tests_two_prefixes_at_most(steps: int, error: int) -> None:
    completer = Completer(steps, error, 1, 0)
    tally = completer.tally()
    completer.driven(search_witness(tally, error, N, N), tally)
    before = {error - 1: 1} if error else {}
    through = {error: N} if error < steps - 1 else {}
    assert {i: n for i, n in enumerate(asked(tally)) if n} == before | through
    assert tally.first_error == error


@pytest.mark.parametrize("judged", [0, 1, 2, 4, 5, 6])
def test_witness_does_not_follow_a_judge_that_errs(judged: int) -> None:
    completer = Completer(7, 3, 1, 0)
    tally = completer.tally()
    completer.driven(search_witness(tally, judged, N, N), tally)
    assert tally.first_error is None


@pytest.mark.parametrize("judged", [None, -1, 7])
def test_witness_asks_nothing_where_no_step_is_named(judged: int | None) -> None:
    tally = Completer(7, 3, 1, 0).tally()
    assert list(search_witness(tally, judged, N, N)) == []


def naive_label(completer: Completer, steps: range) -> int:
    """The first of some steps through which none of N rollouts succeeds."""
    return next((i for i in steps if completer.first_success(i, N) is None), completer.steps - 1)


@pytest.mark.parametrize("seed", SEEDS)
def test_labels_and_costs_are_those_of_the_definition(seed: int) -> None:
    """Sequential: the first prefix without success; every step: after the last success; costs to each first success."""
    completer = Completer(9, 4, 0.6, 0.05, seed)
    firsts = [completer.first_success(i, N) for i in range(8)]
    tally = completer.tally()
    completer.driven(METHODS["sequential"](tally, N, False), tally)
    result = naive_label(completer, range(8))
    assert tally.first_error == result
    assert asked(tally) == [(firsts[i] or N) if i <= result else 0 for i in range(8)]
    for soft in (False, True):
        tally = completer.tally()
        completer.driven(METHODS["every-step"](tally, N, soft), tally)
        assert tally.first_error == max((i for i in range(8) if firsts[i]), default=-1) + 1


@pytest.mark.parametrize("seed", SEEDS)
def test_halving_ends_between_a_success_and_a_failure(seed: int) -> None:
    completer = Completer(9, 4, 0.6, 0.05, seed)
    tally = completer.tally()
    completer.driven(METHODS["binary"](tally, N, False), tally)
    first_error = tally.first_error
    assert first_error is not None
    assert first_error == 0 or completer.first_success(first_error - 1, N)
    assert first_error == 8 or completer.first_success(first_error, N) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_witness_agrees_with_every_rollout_around_the_step(seed: int) -> None:
    completer = Completer(9, 4, 0.6, 0.05, seed)
    for judged in range(9):
        tally = completer.tally()
        completer.driven(search_witness(tally, judged, N, N), tally)
        before = judged == 0 or completer.first_success(judged - 1, N) is not None
        through = judged == 8 or completer.first_success(judged, N) is None
        assert (tally.first_error == judged) == (before and through)


def test_the_mean_cost_of_a_test_is_that_of_the_formula() -> None:
    """Up to the first success of at most N with probability p: (1 - (1 - p)^N) / p rollouts."""
    costs = []
    for seed in range(4000):
        completer = Completer(2, 1, 0.3, 0, seed)
        tally = completer.tally()
        completer.driven(search.try_prefix(tally, 0, 8, False), tally)
        costs.append(asked(tally)[0])
    assert sum(costs) / len(costs) == pytest.approx((1 - 0.7**8) / 0.3, abs=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_what_is_known_already_is_not_asked_again(method: str) -> None:
    completer = Completer(8, 5, 1, 0)
    tally = completer.tally()
    tally.add(tally.prefixes[4], Rollout(True, reused=True))
    tally.add(tally.prefixes[5], Rollout(False, reused=True))
    completer.driven(METHODS[method](tally, N, False), tally)
    assert tally.first_error == 5
    assert sum(asked(tally)[:5]) == 1  # the one that was known
    assert asked(tally)[5] == N
