"""The choice of the next token, the same wherever and beside whatever it is made.

Noise is no stream but a function of the request's seed, the token's place in
the answer and the token. Sums in float32 differ in their last digits with the
batch; a choice that such a difference could turn is called unsure, and is made
again from float64.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.splitmix64 import GOLDEN, mix_bits

MARGIN = 5e-4
"""Logits from float32 are off by less than this: about 1e-5 was seen."""
PLACES = 2
"""Decimals of an answer's log-probability."""
DRIFT = 2e-4
"""Log-probabilities of whole answers from float32 are off by less than this: 1.4e-5 was the most seen in 1,200."""
Float = NDArray[np.float64]
Index = NDArray[np.intp]


@dataclass
class Draws:
    """How each row's tokens are drawn; all (rows,)."""

    seed: NDArray[np.uint64]
    temperature: Float
    top_p: Float

    def of(self, rows: Any) -> Draws:
        """Some of the rows."""
        return Draws(*(getattr(self, field.name)[rows] for field in fields(self)))


def gumbel(seed: NDArray[np.uint64], place: int, vocabulary: int) -> Float:
    """Standard Gumbel noise (rows, vocabulary) for the token at a place of the answers."""
    start = mix_bits(mix_bits(seed + np.uint64(GOLDEN)) + np.uint64(place))
    token = np.arange(1, vocabulary + 1, dtype=np.uint64) * np.uint64(GOLDEN)
    bits = mix_bits(start[:, None] + token) >> np.uint64(11)
    uniform = (bits + 0.5) * 2.0**-53
    return np.asarray(-np.log(-np.log(uniform)))


def log_probability(logits: Float, chosen: Index) -> Float:
    """The natural logarithm of the chosen tokens' probabilities at temperature 1."""
    best = logits.max(-1, keepdims=True)
    total = np.log(np.exp(logits - best).sum(-1)) + best[:, 0]
    return np.asarray(logits[np.arange(len(chosen)), chosen] - total)


def compute_log_probabilities(logits: Float) -> Float:
    """The natural logarithms of all tokens' probabilities at temperature 1, of the shape of the logits."""
    above = logits - logits.max(-1, keepdims=True)
    return np.asarray(above - np.log(np.exp(above).sum(-1, keepdims=True)))


def round_logprob(logprob: float) -> tuple[float, bool]:
    """A log-probability rounded to `PLACES`, and whether no error within `DRIFT` could round it otherwise."""
    scaled = logprob * 10**PLACES
    return round(logprob, PLACES) + 0.0, abs(scaled - math.floor(scaled) - 0.5) >= DRIFT * 10**PLACES


def choose(logits: Float, draws: Draws, place: int, margin: float) -> tuple[Index, NDArray[np.bool_]]:
    """The tokens (rows,) at a place of the answers, and which of them no error within the margin could change."""
    scores = logits
    warm = np.flatnonzero(draws.temperature)
    if len(warm):
        noise = gumbel(draws.seed[warm], place, logits.shape[1])
        scores = logits.copy()
        scores[warm] += draws.temperature[warm, None] * noise
    chosen, sure = _best(scores, margin)
    cut = np.flatnonzero((draws.top_p < 1) & (draws.temperature > 0))
    if len(cut):
        chosen[cut], sure[cut] = _best_of_nucleus(scores[cut], logits[cut], draws.of(cut), margin)
    return chosen, sure


def _best(scores: Float, margin: float) -> tuple[Index, NDArray[np.bool_]]:
    rows, chosen = np.arange(len(scores)), scores.argmax(-1)
    others = scores.copy()
    others[rows, chosen] = -np.inf
    return chosen, scores[rows, chosen] - others.max(-1) >= margin


def _best_of_nucleus(scores: Float, logits: Float, draws: Draws, margin: float) -> tuple[Index, NDArray[np.bool_]]:
    """Among the likeliest tokens that together have probability top_p; sure where the doubtful ones do not matter."""
    rows = np.arange(len(logits))
    ordered = -np.sort(-logits, axis=-1)
    share = np.exp((ordered - ordered[:, :1]) / draws.temperature[:, None])
    share /= share.sum(-1, keepdims=True)
    before = share.cumsum(-1) - share

    def number(slack: float) -> Index:
        """How many belong to it; the likeliest always does."""
        limit = draws.top_p + slack / draws.temperature
        return np.asarray(np.maximum((before < limit[:, None]).sum(-1), 1))

    least = ordered[rows, number(margin) - 1] - margin
    chosen, sure = _best(np.where(logits >= least[:, None], scores, -np.inf), margin)
    outside = np.column_stack((ordered, np.full(len(rows), -np.inf)))[rows, number(-margin)]
    return chosen, sure & (logits[rows, chosen] - outside >= margin)
