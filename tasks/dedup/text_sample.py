"""Some texts of a table, by which an embedding is tried: the same ones however the table is cut into pieces."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tasks.dedup.text_hashes import hash_texts

TEXTS = 4_000
"""Texts of a sample, at most."""
SCHEMA = {"hash": pl.UInt64(), "text": pl.String(), "problem": pl.String()}


def draw_sample(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The texts whose hashes are smallest, each once, in the order of these.

    Args:
        frames: Texts, `text`, with the `problem` of each.

    Returns:
        Rows of `SCHEMA`; a text of several problems has the one whose id is smallest.

    """
    sample = pl.DataFrame(schema=SCHEMA)
    for frame in frames:
        texts = frame.group_by("text").agg(pl.col("problem").min())
        rows = texts.with_columns(hash=pl.Series(hash_texts(texts["text"]))).select(list(SCHEMA))
        sample = (
            pl.concat([sample, rows]).sort("hash", "text", "problem").unique("text", keep="first", maintain_order=True)
        )
        sample = sample.head(TEXTS)
    return sample
