"""Sets of hashes in memory that does not grow with them."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.dedup.token_hashes import U64

BITS = 30
"""A bitmap has 2**30 places, 128 MiB: of a hundred million n-grams it lets one in ten pass that is not there."""


class Bitmap:
    """A set of hashes in fixed memory: what was added is always found, and now and then what was not."""

    def __init__(self) -> None:
        self.bits = np.zeros(1 << (BITS - 3), np.uint8)

    def add(self, hashes: U64) -> None:
        """Mark hashes."""
        place = hashes >> np.uint64(64 - BITS)
        np.bitwise_or.at(self.bits, place >> np.uint64(3), self._bit(place))

    def __contains__(self, hashes: object) -> bool:
        raise TypeError("ask `has`: it answers for each")

    def has(self, hashes: U64) -> NDArray[np.bool_]:
        """Which hashes are marked."""
        place = hashes >> np.uint64(64 - BITS)
        marked: NDArray[np.bool_] = (self.bits[place >> np.uint64(3)] & self._bit(place)) != 0
        return marked

    def to_frame(self) -> pl.DataFrame:
        """What is marked: the 64-bit words that are not zero, and the place of each."""
        words = self.bits.view(np.uint64)
        places = np.flatnonzero(words)
        return pl.DataFrame({"place": places.astype(np.uint32), "word": words[places]})

    def add_frame(self, frame: pl.DataFrame) -> None:
        """Mark what another bitmap had marked, from its frame."""
        self.bits.view(np.uint64)[frame["place"].to_numpy()] |= frame["word"].to_numpy()

    @staticmethod
    def _bit(place: U64) -> NDArray[np.uint8]:
        return np.left_shift(np.uint8(1), (place & np.uint64(7)).astype(np.uint8))
