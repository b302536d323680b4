"""`quality`: what can be said of a solution's text without any model: length, repetition, odd characters, likelihood.

These are the indicators of Instruction Mining (2307.06290) and of Gopher's
rules (2112.11446) that need no reward model. Self-certainty and Min-K% need the
distribution (or the log-probability) of each token: `generate` has them kept.
"""

from __future__ import annotations

import zlib

import numpy as np
import polars as pl
from numpy.typing import NDArray

from schemas.columns.quality import QUALITY_COLUMNS
from schemas.task import Outcome, Parameters, PerRow
from tasks.dedup.minhash import hash_windows
from tasks.dedup.token_hashes import Words, hash_words

RUN = 4
COMMON = [
    "the",
    "of",
    "and",
    "to",
    "a",
    "in",
    "is",
    "that",
    "it",
    "for",
    "was",
    "on",
    "are",
    "as",
    "with",
    "be",
    "at",
    "by",
    "this",
    "have",
    "from",
    "or",
    "had",
    "an",
    "but",
    "not",
    "what",
    "all",
    "were",
    "when",
    "we",
    "there",
    "can",
    "you",
    "if",
    "then",
    "than",
    "so",
    "has",
    "she",
    "he",
    "they",
    "his",
    "her",
    "their",
    "how",
    "many",
    "each",
    "which",
    "will",
    "them",
]
"""The commonest words of English."""
ODD = r"[[\p{Cc}\p{Cf}\p{Co}\p{Cn}\x{FFFD}]--[\n\r\t]]"
FOREIGN = r"[\p{L}--\p{Latin}]"


class QualityParameters(Parameters):
    """Parameters of `quality`: none, all columns are made."""


def measure_quality(part: pl.DataFrame, _: QualityParameters) -> Outcome:
    """Adds the columns of `QUALITY_COLUMNS`.

    Args:
        part: Solutions.

    Returns:
        All rows, with shares between 0 and 1 and counts of characters, words and steps; nothing is rejected.

    """
    text = pl.col("rationale")
    measures = part.select(
        characters=text.str.len_chars().cast(pl.Int64),
        step_count=pl.col("steps").list.len().cast(pl.Int64) if "steps" in part.columns else pl.lit(None, pl.Int64),
        odd_characters=_divide(text.str.count_matches(ODD), text.str.len_chars()),
        foreign_letters=_divide(text.str.count_matches(FOREIGN), text.str.count_matches(r"\p{L}")),
        digits=_divide(text.str.count_matches(r"\p{Nd}"), text.str.len_chars()),
        mean_logprob=_mean_logprob(part.columns),
    ).with_columns(perplexity=(-pl.col("mean_logprob")).exp())
    words = hash_words(part["rationale"])
    counts = words.counts()
    measures = measures.with_columns(
        pl.Series("words", counts),
        pl.Series("question_words", hash_words(part["question"]).counts()),
        _make_shares("repeated", *_count_repeated(words)),
        _make_shares("distinct_words", _count_different(_number_texts(counts), words.hashes, len(counts)), counts),
        _make_shares(
            "english", np.bincount(_number_texts(counts)[np.isin(words.hashes, _COMMON)], minlength=len(counts)), counts
        ),
        pl.Series(
            "compression",
            [_measure_compression(rationale) for rationale in part["rationale"].to_list()],
            dtype=pl.Float64,
        ),
    )
    names = [column.name for column in QUALITY_COLUMNS]
    return Outcome(pl.concat([part.drop(names, strict=False), measures.select(names)], how="horizontal"), part.clear())


def _divide(count: pl.Expr, total: pl.Expr) -> pl.Expr:
    return pl.when(total > 0).then(count / total)


def _mean_logprob(columns: list[str]) -> pl.Expr:
    if not {"logprob", "tokens"} <= set(columns):
        return pl.lit(None, pl.Float64)
    return pl.when(pl.col("tokens") > 0).then((pl.col("logprob") / pl.col("tokens")).clip(upper_bound=0))


def _make_shares(name: str, count: NDArray[np.int64], total: NDArray[np.int64]) -> pl.Series:
    """Shares; null where there is nothing to share."""
    shares = pl.Series(name, count / np.maximum(total, 1), dtype=pl.Float64)
    return shares.set(pl.Series(total == 0), None)


def _number_texts(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(counts)), counts)


def _count_different(texts: NDArray[np.int64], hashes: NDArray[np.uint32], size: int) -> NDArray[np.int64]:
    """How many different hashes each text has."""
    once = np.unique((texts.astype(np.uint64) << np.uint64(32)) | hashes)
    return np.bincount((once >> np.uint64(32)).astype(np.int64), minlength=size)


def _count_repeated(words: Words) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of the runs of words of each text: how many stood there before, and how many there are."""
    hashes, runs = hash_windows(words, RUN)
    short = (hashes >> np.uint64(32)).astype(np.uint32)
    return runs - _count_different(_number_texts(runs), short, len(runs)), runs


def _measure_compression(text: str) -> float | None:
    data = text.encode()
    return len(zlib.compress(data, 6)) / len(data) if data else None


_COMMON = hash_words(pl.Series(COMMON)).hashes


QUALITY = PerRow(
    name="quality",
    summary="Adds what can be told of a solution's text without asking a model: length, repetition, odd characters, likelihood.",
    version="1",
    parameters=QualityParameters,
    needs=("question", "rationale"),
    makes=lambda _, contract: contract.having(*QUALITY_COLUMNS),
    run=measure_quality,
)
