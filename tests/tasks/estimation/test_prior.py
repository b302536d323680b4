"""What a pilot measures, and how many failures suffice."""

from __future__ import annotations

from random import Random

import pytest

from tasks.estimation import methods
from tasks.estimation.prior import ASSUMED, MOST, Prior, Rate, Seen, Shares, likelihood, measured
from tests.tasks.estimation.scripted import Completer, asked

SHARP = Prior(Shares(0.8, 0.1, 0.1), Rate(0.8, 100.0), Rate(0.005, 100.0))


def pilot(rows: int, p: float, q: float, shares: tuple[float, float, float], seed: int = 0) -> list[tuple[Seen, Seen]]:
    """Eight rollouts before and through the step that a judge names, exact, early and late as often as said."""
    random = Random(seed)
    found = []
    for _ in range(rows):
        case = random.choices(("exact", "early", "late"), shares)[0]
        rates = {"exact": (p, q), "early": (p, p), "late": (q, q)}[case]
        counts = [sum(random.random() < rate for _ in range(8)) for rate in rates]
        found.append((Seen(counts[0], 8 - counts[0]), Seen(counts[1], 8 - counts[1])))
    return found


@pytest.mark.parametrize(("p", "q", "exact"), [(0.6, 0.02, 0.8), (0.4, 0.1, 0.7), (0.9, 0.0, 0.6), (0.3, 0.05, 0.9)])
def test_a_pilot_measures_p_and_q_and_the_judge(p: float, q: float, exact: float) -> None:
    found = measured(pilot(400, p, q, (exact, (1 - exact) / 2, (1 - exact) / 2)))
    assert found.right.mean == pytest.approx(p, abs=0.06)
    assert found.wrong.mean == pytest.approx(q, abs=0.04)
    assert found.shares.exact == pytest.approx(exact, abs=0.08)
    assert found.rows == 400


def test_a_likelihood_is_that_of_a_sequence() -> None:
    """Beta(1, 1): 1 success of 1 has 1/2, 1 success and 1 failure in this order 1/6 (Laplace)."""
    assert likelihood(Rate(0.5, 2.0), 1, 0) == pytest.approx(1 / 2)
    assert likelihood(Rate(0.5, 2.0), 1, 1) == pytest.approx(1 / 6)


def test_each_failure_through_the_step_makes_the_judge_surer_and_each_success_less() -> None:
    seen = [SHARP.exact(Seen(1, 0), Seen(0, n), last=False) for n in range(6)]
    assert seen == sorted(seen)
    assert seen[-1] > 0.98 > seen[0]
    assert SHARP.exact(Seen(1, 0), Seen(1, 0), last=False) < 0.1


def test_bayes_by_hand() -> None:
    """Sharp rates are nearly fixed: exact 0.8 * 0.8, early 0.1 * 0.8 * 0.2, late 0.1 * 0.005 after one failure."""
    exact, early, late = 0.8 * 0.8, 0.1 * 0.8 * 0.2, 0.1 * 0.005
    wanted = exact / (exact + early + late)
    assert SHARP.exact(Seen(1, 0), Seen(0, 1), last=False) == pytest.approx(wanted, abs=0.005)


def test_fewer_failures_do_where_less_is_asked_or_more_is_known() -> None:
    needed = [SHARP.failures(precision, Seen(1, 0), last=False) for precision in (0.9, 0.97, 0.99, 0.999)]
    assert all(needed) and needed == sorted(needed, key=lambda n: n or 0)
    hard = Prior(SHARP.shares, Rate(0.2, 100.0), SHARP.wrong)
    assert (hard.failures(0.99, Seen(1, 0), last=False) or 0) > (SHARP.failures(0.99, Seen(1, 0), last=False) or 0)
    hopeless = Prior(Shares(0.1, 0.8, 0.1), Rate(0.05, 100.0), SHARP.wrong)
    assert hopeless.failures(0.99, Seen(1, 0), last=False) is None


def test_of_the_last_step_nothing_is_rolled_out() -> None:
    assert SHARP.failures(0.98, Seen(1, 0), last=True) == 0
    assert SHARP.failures(0.98, None, last=False) in range(1, MOST + 1)


def test_one_tries_longer_where_a_row_has_cost_more() -> None:
    hard = Rate(0.2, 2.0)
    cheap, dear = (Prior(SHARP.shares, hard, SHARP.wrong, sunk=sunk) for sunk in (0.0, 30.0))
    assert 1 <= cheap.patience(0.95) < dear.patience(0.95) <= MOST


def test_without_a_pilot_something_careful_is_assumed() -> None:
    assert measured([]) == ASSUMED
    assert str(ASSUMED) == "prior assumed"


def test_the_search_stops_as_soon_as_it_is_sure() -> None:
    one = Completer(8, 4, 1, 0)
    tally = one.tally()
    one.driven(methods.surely(tally, 4, SHARP, 0.98), tally)
    needed = SHARP.failures(0.98, Seen(1, 0), last=False)
    assert asked(tally) == [0, 0, 0, 1, needed, 0, 0]
    assert tally.first_error == 4


def test_a_search_that_cannot_become_sure_costs_nothing_more() -> None:
    one = Completer(8, 4, 1, 0)
    tally = one.tally()
    doubtful = Prior(Shares(0.1, 0.8, 0.1), Rate(0.05, 100.0), SHARP.wrong)
    one.driven(methods.surely(tally, 4, doubtful, 0.99), tally)
    assert asked(tally) == [0, 0, 0, 1, 0, 0, 0]
    assert tally.first_error is None
