"""The index of a release: what its solutions are compared by later, without their text.

The words of each solution as 32-bit hashes in their order (so that shingles of
any length can be made of them) and digests of text and path: about as large as
the texts are, packed, and nobody can read them in it.
"""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from tasks.dedup.equation_path import find_plain_path
from tasks.dedup.token_hashes import U64, Words, hash_words, normalize_texts

NEEDS = ("solution_id", "problem_id", "rationale")
SCHEMA = pl.Schema(
    {
        "solution_id": pl.String(),
        "problem_id": pl.String(),
        "text": pl.UInt64(),
        "path": pl.UInt64(),
        "words": pl.List(pl.UInt32()),
    }
)


def index(part: pl.DataFrame) -> pl.DataFrame:
    """The index of some solutions, with the columns of `SCHEMA`."""
    texts = part["rationale"]
    words, alike = hash_words(texts), normalize_texts(texts)
    listed = pl.DataFrame({"row": np.repeat(np.arange(len(texts)), words.counts()), "words": words.hashes})
    grouped = listed.group_by("row", maintain_order=True).agg("words")
    rows = part.select("solution_id", "problem_id", row=pl.int_range(pl.len()))
    return (
        rows.join(grouped, on="row", how="left", maintain_order="left")
        .with_columns(
            pl.Series("text", hash_texts(alike)),
            pl.Series("path", hash_texts(find_paths(alike))),
            pl.col("words").fill_null(pl.lit([], dtype=pl.List(pl.UInt32))),
        )
        .select(SCHEMA.names())
    )


def read_words(rows: pl.DataFrame) -> Words:
    """The words that an index holds."""
    counts = rows["words"].list.len().cast(pl.Int64).to_numpy()
    hashes = rows["words"].explode(empty_as_null=False).to_numpy().astype(np.uint32)
    return Words(hashes, np.cumsum(counts))


def find_paths(texts: pl.Series) -> pl.Series:
    """The path of each text that is in plain form."""
    return pl.Series([find_plain_path(text) for text in texts.to_list()], dtype=pl.String)


def hash_texts(texts: pl.Series) -> U64:
    """64 bits of BLAKE2b over each text; 0 of the empty one."""
    hashes = [
        int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") if text else 0
        for text in texts.to_list()
    ]
    return np.array(hashes, np.uint64)
