"""What the probabilities of a completion's tokens come to: self-certainty, Min-K%, zlib's ratio, and the list itself.

Sources: self-certainty, Kang et al. 2025 (arXiv 2502.18581, section 3.2);
Min-K%, Shi et al. 2023 (arXiv 2310.16789, section 3); the ratio to zlib's
bytes, Carlini et al. 2021 (arXiv 2012.07805, section 5.2). All are at
temperature 1 and of the same tokens as the completion's log-probability: the
end mark is not among them.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import numpy as np

from schemas.request import Request

SHARE = 0.2
"""The share of the tokens whose log-probabilities Min-K% is the mean of; the least likely ones, one at least."""
LARGEST, ROUNDING = 1e30, 1e-3
"""Log-probabilities lie between: servers write far smaller ones, and round ones of nearly 1 up."""
DIGITS = 6
"""Significant digits of a statistic."""
TOP = 20
"""Likeliest first tokens that are looked through for choices, where an engine gives not all: what vLLM gives at most."""


class TokenStatistics(TypedDict, total=False):
    """Fields of a completion."""

    self_certainty: float
    min_k20: float
    zlib_ratio: float
    token_logprobs: tuple[float, ...]
    choice_logprobs: tuple[float, ...]


@dataclass(frozen=True)
class TokenProbabilities:
    """What an engine says of a completion's tokens; natural logarithms at temperature 1."""

    logprobs: Sequence[float] | None = None
    """The log-probability of each token; None where it is not known."""
    means: Sequence[float] | None = None
    """At each token the mean log-probability over the vocabulary; None where it is not known."""
    vocabulary: int = 0
    """The vocabulary's size."""
    first: Iterable[tuple[str, float]] = ()
    """First tokens with their log-probabilities, each token once: all, or the likeliest."""


def describe_tokens(request: Request, text: str, tokens: TokenProbabilities) -> TokenStatistics:
    """The statistics that a request asks for; NaN, and an empty list, where the engine does not say what they need.

    Args:
        request: What is asked for.
        text: All that was made, thoughts and all.
        tokens: What the engine says.

    Returns:
        Fields of the completion. Numbers that cost nothing beside others are given with them.

    """
    values = TokenStatistics()
    logprobs = tokens.logprobs or ()
    if request.choices:
        values["choice_logprobs"] = add_up_choices(request, tokens.first)
    if request.statistics:
        values["min_k20"] = _round(compute_min_k(logprobs))
        values["zlib_ratio"] = _round(compute_zlib_ratio(logprobs, text))
    if "self_certainty" in request.statistics:
        values["self_certainty"] = _round(compute_self_certainty(tokens.means or (), tokens.vocabulary))
    if "token_logprobs" in request.statistics:
        values["token_logprobs"] = round_to_float16(logprobs)
    return values


def _round(value: float) -> float:
    """A number with as many digits as mean anything: the next ones differ from one processor to another."""
    return float(f"{value:.{DIGITS}g}")


def compute_self_certainty(means: Sequence[float], vocabulary: int) -> float:
    """The mean over tokens of -log V - mean log p, which is KL(uniform || p); NaN without tokens, or where one is not finite."""
    if not means or not all(map(math.isfinite, means)):
        return math.nan
    return -math.log(vocabulary) - math.fsum(means) / len(means)


def compute_min_k(logprobs: Sequence[float], share: float = SHARE) -> float:
    """The mean of the lowest log-probabilities, `share` of all, rounded down and one at least; NaN of none."""
    lowest = sorted(logprobs)[: max(1, int(len(logprobs) * share))]
    return math.fsum(lowest) / len(lowest) if lowest else math.nan


def compute_zlib_ratio(logprobs: Sequence[float], text: str) -> float:
    """The mean negative log-probability for each byte of the packed text; NaN without tokens."""
    if not logprobs:
        return math.nan
    packed = len(zlib.compress(text.encode("utf-8", "surrogatepass")))
    return -math.fsum(logprobs) / len(logprobs) / packed


def round_to_float16(logprobs: Sequence[float]) -> tuple[float, ...]:
    """Numbers as the ledger keeps them, so that what is read from it is what was sent at once."""
    return tuple(np.asarray(logprobs, np.float16).tolist())


def sum_logprobs(logprobs: Sequence[float] | None) -> float:
    """The log-probability of a whole answer; NaN where those of its tokens are not known."""
    return math.nan if logprobs is None else min(0.0, math.fsum(logprobs))


def read_logprob(value: Any) -> float | None:
    """A log-probability as a server says it; None of anything else. A little above 0 is rounding, and far above it none."""
    return min(0.0, float(value)) if type(value) in (int, float) and -LARGEST < value <= ROUNDING else None


def list_alternatives(token: Any) -> list[tuple[str, float]]:
    """The likeliest tokens at a place, as servers list them in `top_logprobs`; what is no such list is left out, it is a stranger's."""
    listed = token.get("top_logprobs") if isinstance(token, dict) else None
    items = [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    pairs = [(item.get("token"), read_logprob(item.get("logprob"))) for item in items]
    return [(text, logprob) for text, logprob in pairs if isinstance(text, str) and logprob is not None]


def add_up_choices(request: Request, alternatives: Iterable[tuple[str, float]]) -> tuple[float, ...]:
    """Of each of a request's choices the log-probability that it is the first token, whatever white space is about it.

    Args:
        request: What is asked for.
        alternatives: First tokens with their log-probabilities, each token once.

    Returns:
        One for each choice, minus infinity where it is not among them; none where there are no alternatives.

    """
    shares: dict[str, float] = {}
    for text, logprob in alternatives:  # NaN is no number, and minus infinity none that is likely
        if not math.isfinite(logprob):
            continue
        shares[text.strip()] = shares.get(text.strip(), 0.0) + math.exp(min(logprob, 0.0))
    if not shares:
        return ()
    return tuple(math.log(share) if (share := shares.get(choice, 0.0)) > 0 else -math.inf for choice in request.choices)
