"""What a pilot measures, and how many rollouts suffice."""

from __future__ import annotations

from random import Random

import pytest

from tasks.localize.rollout_budget import ASSUMED, MOST, Prior, Rate, RolloutRule, Seen, Shares, fit_prior, likelihood

SHARP = Prior(Shares(0.8, 0.1, 0.1), Rate(0.8, 100.0), Rate(0.005, 100.0))


def pilot(rows: int, p: float, q: float, shares: tuple[float, float, float], seed: int = 0) -> list[tuple[Seen, Seen]]:
    """Eight rollouts before and through the step that a judge names, exact, early and late as often as said."""
    random = Random(seed)
    pairs = []
    for _ in range(rows):
        case = random.choices(("exact", "early", "late"), shares)[0]
        rates = {"exact": (p, q), "early": (p, p), "late": (q, q)}[case]
        counts = [sum(random.random() < rate for _ in range(8)) for rate in rates]
        pairs.append((Seen(counts[0], 8 - counts[0]), Seen(counts[1], 8 - counts[1])))
    return pairs


@pytest.mark.parametrize(("p", "q", "exact"), [(0.6, 0.02, 0.8), (0.4, 0.1, 0.7), (0.9, 0.0, 0.6), (0.3, 0.05, 0.9)])
def test_a_pilot_measures_p_and_q_and_the_judge(p: float, q: float, exact: float) -> None:
    result = fit_prior(pilot(400, p, q, (exact, (1 - exact) / 2, (1 - exact) / 2)))
    assert result.right.mean == pytest.approx(p, abs=0.06)
    assert result.wrong.mean == pytest.approx(q, abs=0.04)
    assert result.shares.exact == pytest.approx(exact, abs=0.08)
    assert result.rows == 400


def test_a_likelihood_is_that_of_a_sequence() -> None:
    """Beta(1, 1): 1 success of 1 has 1/2, 1 success and 1 failure in this order 1/6 (Laplace)."""
    assert likelihood(Rate(0.5, 2.0), 1, 0) == pytest.approx(1 / 2)
    assert likelihood(Rate(0.5, 2.0), 1, 1) == pytest.approx(1 / 6)


def test_one_tries_longer_where_a_row_has_cost_more() -> None:
    hard = Rate(0.2, 2.0)
    cheap, dear = (Prior(SHARP.shares, hard, SHARP.wrong, sunk=sunk) for sunk in (0.0, 30.0))
    assert 1 <= cheap.rule(0.9).before < dear.rule(0.9).before <= MOST


def simulated(prior: Prior, rule: RolloutRule, rows: int) -> tuple[float, float, float]:
    """By drawing from the prior: the shares of rows kept and right, and kept, and the rollouts a row."""
    random = Random(1)
    kept = right = cost = 0
    for _ in range(rows):
        case = random.choices(("exact", "early", "late"), prior.shares)[0]
        p, q = (
            random.betavariate(rate.mean * rate.size, (1 - rate.mean) * rate.size)
            for rate in (prior.right, prior.wrong)
        )
        before, through = {"exact": (p, q), "early": (p, p), "late": (q, q)}[case]
        first = next((i for i in range(rule.before) if random.random() < before), None)
        cost += rule.before if first is None else first + 1
        if first is None:
            continue
        second = next((i for i in range(rule.through) if random.random() < through), None)
        cost += rule.through if second is None else second + 1
        kept += second is None
        right += second is None and case == "exact"
    return right / rows, kept / rows, cost / rows


@pytest.mark.parametrize("precision", [0.9, 0.95, 0.98])
def test_the_rule_is_as_precise_and_costs_as_much_as_expected(precision: float) -> None:
    prior = Prior(Shares(0.8, 0.12, 0.08), Rate(0.5, 2.0), Rate(0.03, 2.0))
    rule = prior.rule(precision)
    right, kept, cost = simulated(prior, rule, 40_000)
    assert right / kept >= precision - 0.005
    assert right == pytest.approx(prior.expected(rule)[0], abs=0.01)
    assert kept == pytest.approx(prior.expected(rule)[1], abs=0.01)
    assert cost == pytest.approx(prior.expected(rule)[2], rel=0.03)


def test_more_precision_costs_more_rollouts_through_the_step() -> None:
    prior = Prior(Shares(0.8, 0.12, 0.08), Rate(0.5, 2.0), Rate(0.03, 2.0), sunk=10.0)
    through = [prior.rule(precision).through for precision in (0.85, 0.95, 0.98)]
    assert through == sorted(through) and through[0] < through[-1]


def test_where_no_rule_is_precise_enough_the_most_precise_is_taken() -> None:
    doubtful = Prior(Shares(0.1, 0.8, 0.1), Rate(0.1, 2.0), Rate(0.05, 50.0))
    right, kept, _ = doubtful.expected(doubtful.rule(0.99))
    assert right / kept < 0.99
    assert doubtful.rule(0.99) == doubtful.rule(0.999)


def test_without_a_pilot_something_careful_is_assumed() -> None:
    assert fit_prior([]) == ASSUMED
    assert str(ASSUMED) == "prior assumed"
