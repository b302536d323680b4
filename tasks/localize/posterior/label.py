"""The labels that follow from a posterior: the likeliest first wrong step, how sure it is, and which evidence says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from schemas.labels import Label
from tasks.localize.posterior.evidence import NONE, EvidenceBatch, Floats, batch_rows, collect_evidence
from tasks.localize.posterior.fit import distribute
from tasks.localize.posterior.likelihoods import share_unseen
from tasks.localize.posterior.rates import EVIDENCE, EvidenceName, FittedRates

PRIOR = "prior"
_DIGITS = 4


@dataclass(frozen=True)
class PosteriorLabel:
    """What all evidence about a solution says together."""

    first_error: int
    """The likeliest first wrong step, counted from 0; NONE where it is likeliest that none is wrong."""
    probability: float
    """The probability that this is so."""
    distribution: tuple[float, ...]
    """The probability of each step to be the first wrong one, and last that none is."""
    evidence: tuple[str, ...]
    """The sorts of evidence, that which speaks for the label most against the next likeliest first."""
    strength: tuple[float, ...]
    """The log-likelihood ratio that each contributes, in nats; below 0 it speaks for the next likeliest."""

    def describe(self) -> str:
        """The label with its probability and what carried it, in a line."""
        place = "none" if self.first_error == NONE else f"step {self.first_error}"
        carried = ", ".join(f"{name} {nats:+.1f}" for name, nats in zip(self.evidence, self.strength))
        return f"{place} with {self.probability:.2f} ({carried})"


def label_rows(
    rows: Sequence[Mapping[str, Any]],
    labels: Sequence[Label],
    fitted: FittedRates,
    wanted: Sequence[EvidenceName] = EVIDENCE,
) -> list[PosteriorLabel]:
    """The posterior label of each row.

    Args:
        rows: Rows with one step or more, and the columns of `evidence.list_columns` as far as a table has them.
        labels: The labels whose votes are evidence.
        fitted: The rates; a row is labelled by those to which the truth of its own problem was unknown.
        wanted: The evidence that is looked at.

    Returns:
        As many as rows, in their order.

    """
    result: dict[int, PosteriorLabel] = {}
    for numbers in batch_rows(rows):
        batch = collect_evidence([rows[at] for at in numbers], labels, wanted)
        for fold, rates in enumerate(fitted.folds):
            chosen = np.flatnonzero(batch.folds == fold) if len(fitted.folds) > 1 else np.arange(len(batch))
            if len(chosen):
                logs, prior, terms = distribute(batch, rates)
                chances = share_unseen(batch, rates, np.exp(logs))
                for at in chosen:
                    result[numbers[at]] = _label_row(batch, int(at), chances, {PRIOR: prior, **terms})
    return [result[at] for at in range(len(rows))]


def _label_row(batch: EvidenceBatch, at: int, distribution: Floats, terms: Mapping[str, Floats]) -> PosteriorLabel:
    length = int(batch.lengths[at])
    chances = distribution[at, : length + 1]
    first, second = np.argsort(-chances, kind="stable")[:2]
    if not chances[second]:  # only one outcome is possible
        second = first
    strength = {name: float(term[at, first] - term[at, second]) for name, term in terms.items()}
    ordered = sorted(strength.items(), key=lambda item: (-item[1], item[0]))
    return PosteriorLabel(
        NONE if first == length else int(first),
        round(float(chances[first]), _DIGITS),
        tuple(round(float(chance), _DIGITS) for chance in chances),
        tuple(name for name, nats in ordered if round(nats, 2)),
        tuple(round(nats, 2) for _, nats in ordered if round(nats, 2)),
    )
