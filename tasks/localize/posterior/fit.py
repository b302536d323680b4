"""The fitting of a posterior's rates to a table: expectation-maximisation, with the truth of some rows where it is known.

In the manner of Dawid and Skene (1979, Applied Statistics 28): given rates,
each row has a distribution over where it first goes wrong; given these, each
sort of evidence has rates. Rows whose truth is known have it for certain,
except in the fold that is fitted for their own problems. Weights are fitted
too (`tasks.localize.posterior.weights`), so that what is said with 90 % is so in
9 of 10 cases: evidence that repeats what other evidence said must not count twice.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
import polars as pl

from schemas.columns.gold import GOLD_STEP
from schemas.labels import Label
from tasks.localize.posterior import likelihoods as weigh
from tasks.localize.posterior.evidence import FOLDS, EvidenceBatch, Floats, batch_rows, collect_evidence, list_columns
from tasks.localize.posterior.rates import (
    DEFAULT_MARKS,
    EVIDENCE,
    WORTH,
    EvidenceName,
    FittedRates,
    Rates,
    RolloutRates,
    Table,
    VoteRates,
)
from tasks.localize.posterior.weights import ENOUGH, find_minimum, fit_weights, fit_weights_blindly
from tasks.sources.content_ids import digest

SAMPLE = 2_000
"""Rows that rates are fitted to of each kind, truth known or not, answer right or not: those whose hash is the smallest."""
ROUNDS = 6
"""Rounds of expectation and maximisation."""
RIGHT_STEPS = [0, 3]
"""The rows of right steps in a table of marks: those of wrong answers, those of right ones."""
POOLED = 2_000.0
"""Steps that the marks of both together are worth beside those of either."""
CONCENTRATIONS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
_DIGITS = 6
_SPREADS = np.array([2.0, 1.0, 1.0, 1.0, 1.5, 1.5, 1.0])
"""How far the rates of rollouts may lie from their defaults: standard deviations, in the order of their fields."""
Distributions = Sequence[Floats]


def sample_rows(parts: Iterable[pl.DataFrame], labels: Sequence[Label]) -> list[dict[str, Any]]:
    """The rows that rates are fitted to: of any number of rows no more are held, and always the same ones."""
    groups: dict[tuple[bool, bool], list[tuple[str, dict[str, Any]]]] = {
        (known, right): [] for known in (True, False) for right in (False, True)
    }
    for part in parts:
        columns = [name for name in list_columns(labels) if name in part.columns]
        for key, row in zip(part["solution_id"], part.select(columns).iter_rows(named=True)):
            if row["steps"]:
                group = groups[row.get(GOLD_STEP) is not None, row.get("verdict") == "right"]
                group.append((digest("sample", key), row))
        groups = {name: heapq.nsmallest(SAMPLE, rows, key=itemgetter(0)) for name, rows in groups.items()}
    return [row for rows in groups.values() for _, row in rows]


def fit_rates(
    rows: Sequence[Mapping[str, Any]],
    labels: Sequence[Label],
    wanted: Sequence[EvidenceName] = EVIDENCE,
    use_truth: bool = True,
) -> FittedRates:
    """Rates for each fold of problems.

    Args:
        rows: Rows with steps and evidence; `gold_first_error` where truth is known.
        labels: The labels whose votes are evidence.
        wanted: The evidence that is looked at.
        use_truth: Whether known truth is used at all.

    Returns:
        The rates of each fold, in which the truth of its own problems has no part; one for all where none is known.

    """
    batches = [collect_evidence([rows[at] for at in numbers], labels, wanted) for numbers in batch_rows(rows)]
    known = sum(int((batch.truth >= 0).sum()) for batch in batches) if use_truth else 0
    if not known:
        return FittedRates(folds=(fit_unknown(batches),), rows=len(rows), known=0)
    folds = []
    for fold in range(FOLDS):
        clamped = [(batch.truth >= 0) & (batch.folds != fold) for batch in batches]
        folds.append(_fit(batches, clamped, Rates()))
    return FittedRates(folds=tuple(folds), rows=len(rows), known=known)


def fit_unknown(batches: Sequence[EvidenceBatch]) -> Rates:
    """Rates fitted to the evidence alone, as though no truth were known."""
    return _fit(batches, [np.zeros(len(batch), bool) for batch in batches], Rates())


def distribute(batch: EvidenceBatch, rates: Rates) -> tuple[Floats, Floats, dict[str, Floats]]:
    """The log-posterior of each row, its prior, and what each sort of evidence adds to it."""
    prior = weigh.weigh_prior(batch, rates)
    terms = {name: rates.weigh(name) * values for name, values in weigh.list_likelihoods(batch, rates).items()}
    total = prior + sum(terms.values())
    return total - weigh.sum_logs(total)[:, None], prior, terms


def _fit(batches: Sequence[EvidenceBatch], clamped: Sequence[np.ndarray], rates: Rates) -> Rates:
    """The rates of one fold."""
    with_truth = sum(int(rows.sum()) for rows in clamped)
    for turn in range(ROUNDS):
        expected = [_expect(batch, rows, rates) for batch, rows in zip(batches, clamped)]
        rates = _maximise(batches, expected, rates, turn).model_copy(
            update={"unseen": _fit_unseen(batches, expected, clamped)}
        )
        if turn % 3 == 2:
            known = with_truth >= ENOUGH
            rates = fit_weights(batches, expected, clamped, rates) if known else fit_weights_blindly(batches, rates)
    return Rates.model_validate(_round(rates.model_dump()))


def _expect(batch: EvidenceBatch, clamped: np.ndarray, rates: Rates) -> Floats:
    """The distribution of each row; where truth counts, the truth: as none where nothing shows a right answer's wrong step."""
    logs, prior, _ = distribute(batch, rates)
    result = np.exp(logs)
    result[clamped] = 0.0
    result[clamped, batch.truth[clamped]] = 1.0
    flawed = np.flatnonzero(_find_flawed(batch, clamped))
    at, none = batch.truth[flawed], batch.lengths[flawed]
    shown = (logs[flawed, at] - prior[flawed, at]) - (logs[flawed, none] - prior[flawed, none])
    from scipy.special import expit, logit  # a third of a second to import: only who weighs evidence pays for it

    result[flawed, none] = expit(logit(rates.unseen) - shown)
    result[flawed, at] = 1 - result[flawed, none]
    return result


def _find_flawed(batch: EvidenceBatch, clamped: np.ndarray) -> np.ndarray:
    """The rows whose answer is right and that are known to have a wrong step."""
    return np.asarray(clamped & ~batch.faulty & (batch.truth < batch.lengths))


def _fit_unseen(batches: Sequence[EvidenceBatch], expected: Distributions, clamped: Sequence[np.ndarray]) -> float:
    """The share of right answers' wrong steps that nothing shows, of those that are known."""
    hidden, rows = Rates().unseen * WORTH, WORTH
    for batch, distribution, known in zip(batches, expected, clamped):
        flawed = _find_flawed(batch, known)
        hidden += float(distribution[flawed, batch.lengths[flawed]].sum())
        rows += int(flawed.sum())
    return hidden / rows


def _maximise(batches: Sequence[EvidenceBatch], expected: Distributions, rates: Rates, turn: int) -> Rates:
    """The rates under which what is expected is likeliest, with the defaults for `WORTH` rows."""
    default = Rates()
    pairs = list(zip(batches, expected))
    votes = {
        rater: _fit_votes([(b.lengths, b.votes[rater], e) for b, e in pairs if rater in b.votes])
        for rater in dict.fromkeys(name for batch in batches for name in batch.votes)
    }
    return rates.model_copy(update={
        "places": _fit_places(pairs), "right": _fit_right(pairs, default.right),
        "marks": {name: _fit_marks(pairs, name) for name in dict.fromkeys(name for batch in batches for name in batch.marks)},
        "rollouts": _fit_rollouts(pairs, rates.rollouts) if turn % 3 == 0 else rates.rollouts,
        "votes": votes,
    })  # fmt: skip


Pairs = Sequence[tuple[EvidenceBatch, Floats]]
"""Batches, each with its rows' distributions."""


def _fit_places(pairs: Pairs) -> tuple[float, ...]:
    """How often a first wrong step is in each class of places, beside how often a step is: Bradley and Terry's iteration."""
    named, classes = np.full(weigh.PLACES, 2.0), []
    for batch, expected in pairs:
        places = weigh.classify_places(batch)
        share = expected[:, :-1] * batch.steps
        named += np.bincount(places.ravel(), share.ravel(), weigh.PLACES)
        counts = np.stack([((places == place) & batch.steps).sum(axis=1) for place in range(weigh.PLACES)], axis=1)
        classes.append((counts.astype(float), share.sum(axis=1)))
    counts, wrong = (np.concatenate(values) for values in zip(*classes))
    rates = np.ones(weigh.PLACES)
    for _ in range(30):
        chances = (counts * (wrong / (counts @ rates))[:, None]).sum(axis=0)
        rates = named / (chances + 2.0)
        rates /= rates.mean()
    return tuple(rates.tolist())


def _fit_right(pairs: Pairs, default: Mapping[str, float]) -> dict[str, float]:
    """The share of solutions without a wrong step, by verdict."""
    result = {}
    for verdict, share in default.items():
        none, rows = share * WORTH, WORTH
        for batch, expected in pairs:
            these = np.array([name == verdict for name in batch.verdicts])
            none += expected[np.arange(len(batch)), batch.lengths][these].sum()
            rows += these.sum()
        result[verdict] = float(np.clip(none / rows, 0.01, 0.995))
    return result


def _fit_marks(pairs: Pairs, name: str) -> Table:
    """The shares of a sort's signs by what a step is (as in `DEFAULT_MARKS`), of the rows that have such signs."""
    counts = WORTH * np.asarray(DEFAULT_MARKS[name])
    for batch, expected in pairs:
        if name in batch.marks:
            signs, rows = batch.marks[name]
            use = batch.steps & rows[:, None]
            at = expected[:, :-1]
            reached = np.cumsum(at, axis=1)
            right, faulty = 1 - reached, batch.faulty[:, None]
            for state, share in enumerate((right * faulty, at, reached - at, right * ~faulty)):
                counts[state] += np.bincount(signs[use], np.clip(share[use], 0, 1), counts.shape[1])
    pooled = counts[RIGHT_STEPS].sum(axis=0)
    counts[RIGHT_STEPS] += POOLED * pooled / pooled.sum()
    shares = counts / counts.sum(axis=1, keepdims=True)
    return tuple(tuple(row) for row in shares.tolist())


def _fit_votes(groups: Sequence[tuple[np.ndarray, Floats, Floats]]) -> VoteRates:
    """A rater's shares of votes, each row counting like two votes at most, and its concentration."""
    default = VoteRates()
    wrong = WORTH * np.array(list(weigh.list_wrong_shares(default).values()))
    right = WORTH * np.array(
        [default.right_none, default.right_undecided, 1 - default.right_none - default.right_undecided]
    )
    for lengths, counts, expected in groups:
        worth = np.minimum(1.0, 2.0 / np.maximum(counts.sum(axis=1), 1.0))
        steps = counts[:, :-2] * worth[:, None]
        none, nothing = counts[:, -2] * worth, counts[:, -1] * worth
        at = expected[:, :-1] * (np.arange(steps.shape[1])[None, :] < lengths[:, None])
        later = 1 - np.cumsum(at, axis=1) - expected[np.arange(len(lengths)), lengths][:, None]
        astray = at.sum(axis=1)
        early = (steps * np.clip(later, 0, 1)).sum()
        hit = (steps * at).sum()
        wrong += [hit, early, (steps * astray[:, None]).sum() - hit - early, none @ astray, nothing @ astray]
        right += [none @ (1 - astray), nothing @ (1 - astray), steps.sum(axis=1) @ (1 - astray)]
    wrong, right = np.maximum(wrong, 0.1), right / right.sum()
    shares = dict(zip(weigh.list_wrong_shares(default), (wrong / wrong.sum()).tolist()))
    rates = VoteRates(**shares, right_none=float(right[0]), right_undecided=float(right[1]))
    choices = [rates.model_copy(update={"concentration": value}) for value in CONCENTRATIONS]
    return max(
        choices, key=lambda choice: sum(weigh.sum_expected(weigh.weigh_votes(n, c, choice), e) for n, c, e in groups)
    )


def _fit_rollouts(pairs: Pairs, rates: RolloutRates) -> RolloutRates:
    """The rates of rollouts, held to their defaults as a normal prior holds them."""
    tested = [(batch, expected * batch.faulty[:, None]) for batch, expected in pairs if batch.tried.any()]
    if not tested:
        return rates
    default = np.array(list(RolloutRates().model_dump().values()))

    def loss(values: Floats) -> float:
        candidate = _make_rollout_rates(values)
        fits = sum(weigh.sum_expected(weigh.weigh_rollouts(batch, candidate), expected) for batch, expected in tested)
        return 0.5 * float((((values - default) / _SPREADS) ** 2).sum()) - fits

    return _make_rollout_rates(
        find_minimum(loss, np.array(list(rates.model_dump().values())), [(-6.0, 6.0)] * len(default))
    )


def _make_rollout_rates(values: Floats) -> RolloutRates:
    return RolloutRates(**dict(zip(RolloutRates.model_fields, map(float, values))))


def _round(value: Any) -> Any:
    """Numbers to a few digits, so that the last bits of a machine's sums do not matter."""
    if isinstance(value, Mapping):
        return {key: _round(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(_round(item) for item in value)
    return round(value, _DIGITS) if isinstance(value, float) else value
