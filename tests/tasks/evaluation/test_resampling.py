"""The ceiling of a verifier and the number of attempts that pays, by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.resampling import NEAR, Acceptance, choose_attempts, find_ceiling, find_value

SHARES = st.floats(0, 0.5)
PROBLEMS = st.lists(st.tuples(SHARES, SHARES), min_size=1, max_size=8).map(lambda pairs: gather(*pairs))


def gather(*pairs: tuple[float, float]) -> Acceptance:
    right, wrong = zip(*pairs)
    return Acceptance(np.array(right), np.array(wrong))


def test_the_ceiling_by_hand() -> None:
    # 9 of 10 right ones accepted, 1 of 5 wrong ones, 30 % right: .27 right of .27 + .14 accepted
    assert find_ceiling(0.9, 0.8, 0.3) == pytest.approx(0.27 / 0.41)
    assert find_ceiling(0.5, 1.0, 0.1) == 1.0
    assert find_ceiling(0.0, 1.0, 0.3) is None


def test_what_attempts_are_worth_by_hand() -> None:
    # one problem: each attempt gives an accepted right answer with .2, a wrong one with .1, nothing with .7
    problem = gather((0.2, 0.1))
    assert find_value(problem, 1, 1.0) == pytest.approx(0.1)
    assert find_value(problem, 2, 1.0) == pytest.approx(0.1 + 0.7 * 0.1)


def test_attempts_end_where_mostly_wrong_answers_are_left() -> None:
    # an easy problem is answered at once; of the hard one only wrong answers are accepted, seldom
    problems = gather((0.5, 0.0), (0.0, 0.1))
    # 2 x value after 1: .5 - .1; 2: .75 - .19; 3: .875 - .271; 4: .9375 - .3439 (less)
    best, value = choose_attempts(problems, 1.0)
    assert best == 3
    assert value == pytest.approx((0.875 - 0.271) / 2)
    # without a loss more is always better: 1 - .5^K is within .002 of 1 from K = 9 on
    assert choose_attempts(problems, 0.0, most=50)[0] == 9
    assert choose_attempts(gather((0.1, 0.2)), 1.0) == (0, 0.0)


@given(PROBLEMS, st.floats(0, 3))
def test_nothing_is_worth_more_than_what_is_chosen(problems: Acceptance, loss: float) -> None:
    best, value = choose_attempts(problems, loss, most=20)
    values = [0.0, *(find_value(problems, attempts, loss) for attempts in range(1, 21))]
    assert value == values[best] >= max(values) - NEAR
    assert all(other < max(values) - NEAR for other in values[:best])
