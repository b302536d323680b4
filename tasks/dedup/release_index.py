"""The index of a release: what its solutions are compared by later, without their text.

The words of each solution as 32-bit hashes in their order (so that shingles of
any length can be made of them) and digests of text, calculations, answer and
numbers: about as large as the texts are, packed, and nobody can read them in it.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from tasks.dedup.answers import hash_answers
from tasks.dedup.mistakes import hash_calculations
from tasks.dedup.text_hashes import hash_texts
from tasks.dedup.token_hashes import Words, hash_figures, hash_words, normalize_texts

NEEDS = ("solution_id", "problem_id", "rationale")
SCHEMA = pl.Schema(
    {
        "solution_id": pl.String(),
        "problem_id": pl.String(),
        "text": pl.UInt64(),
        "path": pl.UInt64(),
        "mistake": pl.UInt64(),
        "answer": pl.UInt64(),
        "figures": pl.UInt64(),
        "words": pl.List(pl.UInt32()),
    }
)


def index(part: pl.DataFrame) -> pl.DataFrame:
    """The index of some solutions, with the columns of `SCHEMA`; without a column `extracted` no answer is known."""
    texts = part["rationale"]
    words = hash_words(texts)
    paths, mistakes = hash_calculations(part)
    answers = hash_answers(part["extracted"]) if "extracted" in part.columns else np.zeros(len(part), np.uint64)
    listed = pl.DataFrame({"row": np.repeat(np.arange(len(texts)), words.counts()), "words": words.hashes})
    grouped = listed.group_by("row", maintain_order=True).agg("words")
    rows = part.select("solution_id", "problem_id", row=pl.int_range(pl.len()))
    return (
        rows.join(grouped, on="row", how="left", maintain_order="left")
        .with_columns(
            pl.Series("text", hash_texts(normalize_texts(texts))),
            pl.Series("path", paths),
            pl.Series("mistake", mistakes),
            pl.Series("answer", answers),
            pl.Series("figures", hash_figures(words)),
            pl.col("words").fill_null(pl.lit([], dtype=pl.List(pl.UInt32))),
        )
        .select(SCHEMA.names())
    )


def read_words(rows: pl.DataFrame) -> Words:
    """The words that an index holds."""
    counts = rows["words"].list.len().cast(pl.Int64).to_numpy()
    hashes = rows["words"].explode(empty_as_null=False).to_numpy().astype(np.uint32)
    return Words(hashes, np.cumsum(counts))
