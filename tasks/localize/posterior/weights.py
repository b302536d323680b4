"""How much each sort of evidence counts beside the others: fitted to truth where it is known, else to what they foretell of each other.

Were all sorts independent given the truth, each would count whole. They are
not: a judge and rollouts of one model share its blind spots, and the marks of
one solution's steps go together. What then says the same again must count less.

Without truth it is the evidence that tells: what all other sorts together make
of a row should foretell a sort as well as it can (a composite likelihood, as
Besag's pseudolikelihood, 1975, The Statistician 24). Counted too much, they are
sure of steps at which the sort that was left out contradicts them; too little,
they foretell nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tasks.localize.posterior import likelihoods as weigh
from tasks.localize.posterior.evidence import PROOF, EvidenceBatch, Floats
from tasks.localize.posterior.rates import LIKELIHOODS, PLAIN_STEPS, ROLLOUTS, STEPS, Rates, find_unfitted_weight

ENOUGH = 40
"""Rows without which no weight is fitted."""
STIFFNESS = 8.0
"""How much a weight is held to that of evidence nobody has fitted, in squared distance."""
MOST = 2.0
"""The largest weight; above 1 where a sort's own rates make less of it than it is."""
VOTES = "votes"
"""The views of all judges together: what one model said of another form of the question, or another of its kind, foretells
nothing that counts."""
_VIEWS = {ROLLOUTS: ROLLOUTS, STEPS: STEPS, PLAIN_STEPS: STEPS, LIKELIHOODS: VOTES, PROOF: STEPS}


@dataclass(frozen=True)
class _Terms:
    """Of some rows the prior and each sort of evidence."""

    prior: Floats
    evidence: Floats

    def add_up(self, weights: Floats) -> Floats:
        """The log-posterior but for a constant."""
        return np.asarray(self.prior + (weights[:, None, None] * self.evidence).sum(axis=0), dtype=np.float64)


def fit_weights(
    batches: Sequence[EvidenceBatch], expected: Sequence[Floats], clamped: Sequence[np.ndarray], rates: Rates
) -> Rates:
    """The rates with weights under which the known truth is likeliest, each held to that of unfitted evidence.

    Args:
        batches: The evidence.
        expected: Each row's distribution.
        clamped: Of each batch the rows whose truth counts; their distributions are held to it.
        rates: The rates otherwise.

    Returns:
        The same rates with other weights.

    """
    names = _list_names(batches, rates)
    terms = [
        (_select_terms(batch, rows, rates, names), distribution[rows])
        for batch, rows, distribution in zip(batches, clamped, expected)
        if rows.any()
    ]

    def measure_misfit(values: Floats) -> float:
        loss = 0.0
        for each, truth in terms:
            total = each.add_up(values)
            loss -= weigh.sum_expected(total - weigh.sum_logs(total)[:, None], truth)
        return loss

    return _settle(rates, names, measure_misfit)


def fit_weights_blindly(batches: Sequence[EvidenceBatch], rates: Rates) -> Rates:
    """The rates with weights under which the evidence of each view is likeliest, given that of the others; truth is not looked at.

    Args:
        batches: The evidence.
        rates: The rates otherwise.

    Returns:
        The same rates with other weights; as they are where there is one view alone, or few rows.

    """
    names = _list_names(batches, rates)
    views = [_VIEWS.get(name, VOTES) for name in names]
    if len(set(views)) < 2 or sum(map(len, batches)) < ENOUGH:
        return rates
    terms = [_select_terms(batch, np.ones(len(batch), dtype=bool), rates, names) for batch in batches]

    def measure_surprise(values: Floats) -> float:
        return sum(_measure_surprise(each, values, views) for each in terms)

    return _settle(rates, names, measure_surprise)


def _measure_surprise(terms: _Terms, weights: Floats, views: Sequence[str]) -> float:
    """How little each view's evidence is foretold by the other views, in nats; several sorts of a view count like one."""
    total = terms.add_up(weights)
    surprise = 0.0
    for view in dict.fromkeys(views):
        own = [at for at, other in enumerate(views) if other == view]
        rest = total - (weights[own, None, None] * terms.evidence[own]).sum(axis=0)
        rest = rest - weigh.sum_logs(rest)[:, None]
        surprise -= sum(float(weigh.sum_logs(rest + terms.evidence[at]).sum()) for at in own) / len(own)
    return surprise


def _list_names(batches: Sequence[EvidenceBatch], rates: Rates) -> list[str]:
    return sorted({name for batch in batches for name in weigh.list_likelihoods(batch, rates)})


def _select_terms(batch: EvidenceBatch, rows: np.ndarray, rates: Rates, names: Sequence[str]) -> _Terms:
    likelihoods = weigh.list_likelihoods(batch, rates)
    nothing = np.zeros((len(batch), batch.tried.shape[1] + 1))
    evidence = np.stack([likelihoods.get(name, nothing)[rows] for name in names])
    return _Terms(weigh.weigh_prior(batch, rates)[rows], evidence)


def _settle(rates: Rates, names: Sequence[str], measure: Callable[[Floats], float]) -> Rates:
    """The weights of the least misfit, held to those of evidence that nobody has fitted."""
    unfitted = np.array([find_unfitted_weight(name) for name in names])

    def loss(values: Floats) -> float:
        return STIFFNESS * float(((values - unfitted) ** 2).sum()) + measure(values)

    start = np.array([rates.weigh(name) for name in names])
    values = find_minimum(loss, start, [(0.0, MOST)] * len(names))
    weights: Mapping[str, float] = dict(zip(names, map(float, values)))
    return rates.model_copy(update={"weights": weights})


def find_minimum(loss: Callable[[Floats], float], start: Floats, bounds: Sequence[tuple[float, float]]) -> Floats:
    """The arguments of the least loss within bounds, after a few steps of L-BFGS-B."""
    from scipy.optimize import minimize  # half a second to import: only who fits pays for it

    result = minimize(loss, start, method="L-BFGS-B", bounds=bounds, options={"maxiter": 15})
    return np.asarray(result.x, dtype=np.float64)
