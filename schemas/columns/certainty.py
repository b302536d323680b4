"""The columns that say how sure a model was of a solution: what its tokens' probabilities come to, and P(True)."""

from __future__ import annotations

from collections.abc import Mapping

from schemas.contract import Column
from schemas.request import Statistic

STATISTIC_COLUMNS: Mapping[Statistic, Column] = {
    "self_certainty": Column(
        "self_certainty",
        "number",
        "How far the distributions of its tokens are from a uniform one, in nats: -1/(nV) sum log(V p) (2502.18581); larger is surer. "
        "Here and below null where the model gives none.",
        nullable=True,
        at_least=-0.001,
    ),
    "min_k20": Column(
        "min_k20",
        "number",
        "Min-K% (2310.16789): the mean log-probability of the unlikeliest 20 % of its tokens; larger where the text was seen in training.",
        nullable=True,
        at_most=0.001,
    ),
    "zlib_ratio": Column(
        "zlib_ratio",
        "number",
        "The mean negative log-probability of its tokens for each byte of it packed by zlib (2012.07805); smaller where the text was seen.",
        nullable=True,
        at_least=-0.001,
    ),
    "token_logprobs": Column(
        "token_logprobs",
        "numbers",
        "The log-probability of each of its tokens at temperature 1 (natural logarithm, to the precision of float16).",
        nullable=True,
        at_most=0.001,
    ),
}
"""By what a recipe asks for."""
P_TRUE_COLUMNS = (
    Column(
        "p_true",
        "number",
        "P(True) (2207.05221): the probability that a model gives `A: true` for the answer, as a share of both letters'; null where it has "
        "no answer or neither letter is likely.",
        nullable=True,
        at_least=0,
        at_most=1,
    ),
    Column("p_true_undecided", "string", "Why `p_true` is null; null where it is not.", nullable=True),
    Column(
        "p_true_request",
        "string",
        "The ledger's key of the completion; null where nothing was asked.",
        nullable=True,
        pattern="[0-9a-f]{32}",
    ),
)
