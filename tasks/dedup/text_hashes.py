"""Hashes of whole texts, the same on every machine and in every version."""

from __future__ import annotations

import hashlib

import numpy as np
import polars as pl

from tasks.dedup.token_hashes import U64


def hash_texts(texts: pl.Series) -> U64:
    """64 bits of BLAKE2b over each text; 0 of the empty one."""
    hashes = [
        int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little") if text else 0
        for text in texts.to_list()
    ]
    return np.array(hashes, np.uint64)
