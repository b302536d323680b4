"""Shingle sets and sketches of many texts in files, so that the memory they take does not grow with the texts."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil, log
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.dedup.minhash import Sets, hash_bands, hash_sets, make_outlines, make_shingle_sets, make_sketches
from tasks.dedup.token_hashes import U64, Ints, Words, hash_figures, hash_words
from tasks.splitmix64 import mix_bits

SLICE = 1024
"""Texts that are worked on together: few enough for the processor's cache, and a part has some for each core."""
BLOCK = 400_000
"""Shingles of pairs that are compared together."""
REFUSED = 20
"""Pairs that are not alike share several bands: 2**20 of them are remembered, by a hash of their numbers."""
MISSED = 0.002
"""The chance that a pair at the threshold shares no band."""


def choose_bands(threshold: float) -> tuple[int, int]:
    """Bands and rows of each, so that a pair at the threshold is a candidate but for `MISSED` (Leskovec et al., 3.4).

    With the fewer rows the lower the threshold: a band of many rows would
    then hardly ever be the same, one of few would make too many candidates.

    Args:
        threshold: The least similarity of pairs that are looked for, between 0 and 1.

    Returns:
        Bands, and rows of each.

    """
    rows = 4 if threshold >= 0.7 else 3 if threshold >= 0.5 else 2
    return ceil(log(MISSED) / log(1 - threshold**rows)), rows


N = TypeVar("N", bound=np.generic)


@dataclass(frozen=True)
class _Sketched:
    """What is kept of some texts."""

    sets: Sets
    keys: U64
    outlines: U64
    bands: U64
    """Shape (bands, texts)."""
    figures: U64


class DiskArray(Generic[N]):
    """Numbers in a file, appended to and then read anywhere."""

    def __init__(self, path: Path, kind: type[N], width: int = 1) -> None:
        self.path, self.width = path, width
        self.kind: np.dtype[N] = np.dtype(kind)
        path.write_bytes(b"")

    def add(self, values: NDArray[Any]) -> None:
        """Append numbers."""
        with open(self.path, "ab") as file:
            file.write(np.ascontiguousarray(values, self.kind).data)

    def whole(self) -> NDArray[N]:
        """All numbers, in memory."""
        return np.fromfile(self.path, self.kind)

    def take(self, rows: Ints) -> NDArray[N]:
        """The numbers at some places, in memory; where each place has several, in rows of them."""
        _, values = self.mapped()
        return values.reshape(-1, self.width)[rows] if self.width > 1 else values[rows]

    def mapped(self) -> tuple[mmap.mmap | None, NDArray[N]]:
        """All numbers, left in the file."""
        if not self.path.stat().st_size:
            return None, np.zeros(0, self.kind)
        with open(self.path, "rb") as file:
            area = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        return area, np.frombuffer(area, self.kind)


class Shelf:
    """The shingle sets of texts and the bands of their sketches; texts are numbered in the order they come in."""

    def __init__(self, folder: Path, cut: Callable[[pl.Series], Words], length: int, threshold: float) -> None:
        self.cut, self.length, self.threshold = cut, length, threshold
        self.count, self.rows = choose_bands(threshold)
        self._values = DiskArray(folder / "shingles", np.uint32)
        self._sizes = DiskArray(folder / "sizes", np.int32)
        self._bands = [DiskArray(folder / f"band-{i}", np.uint64) for i in range(self.count)]
        self._keys = DiskArray(folder / "totals", np.uint64)
        self._outlines = DiskArray(folder / "outlines", np.uint64, 4)
        self._figures = DiskArray(folder / "figures", np.uint64)
        self._refused = np.zeros(1 << REFUSED, np.uint64)
        self._pool = ThreadPoolExecutor(os.cpu_count() or 1)

    def add(self, texts: pl.Series) -> None:
        """Append texts."""
        self._add([texts[at : at + SLICE] for at in range(0, len(texts), SLICE)])

    def add_words(self, words: Words, figures: U64) -> None:
        """Append texts of which only the words are known, and a hash of the numbers and operators of each."""
        self._add([(words, figures)] if len(figures) else [])

    def _add(self, pieces: Sequence[pl.Series | tuple[Words, U64]]) -> None:
        if not pieces:
            return
        done = list(self._pool.map(self._sketch, pieces))
        self._values.add(np.concatenate([piece.sets.values for piece in done]))
        self._sizes.add(np.concatenate([piece.sets.counts() for piece in done]))
        self._keys.add(np.concatenate([piece.keys for piece in done]))
        self._outlines.add(np.concatenate([piece.outlines for piece in done]).ravel())
        self._figures.add(np.concatenate([piece.figures for piece in done]))
        for column, values in zip(self._bands, np.concatenate([piece.bands for piece in done], axis=1)):
            column.add(values)

    def _sketch(self, piece: pl.Series | tuple[Words, U64]) -> _Sketched:
        if isinstance(piece, pl.Series):
            words = self.cut(piece)
            figures = hash_figures(words if words.figures is not None else hash_words(piece))
        else:
            words, figures = piece
        sets = make_shingle_sets(words, self.length)
        bands = hash_bands(make_sketches(sets, self.count * self.rows), self.rows)
        return _Sketched(sets, hash_sets(sets), make_outlines(sets), bands, figures)

    def close(self, salts: U64) -> None:
        """End the adding.

        Args:
            salts: A number for each text; those with different ones are never alike, as are those with other numbers or
                operators in them.

        """
        self._area, self.values = self._values.mapped()
        self._pool.shutdown()
        self.sizes = self._sizes.whole()
        self.ends = np.cumsum(self.sizes, dtype=np.int64)
        self.salts = mix_bits(self._figures.whole() + salts)

    def keys(self, rows: Ints) -> U64:
        """A hash of the whole set of each of some texts, with the salt in it."""
        return mix_bits(self._keys.take(rows) + self.salts[rows])

    def buckets(self, rows: Ints) -> Iterator[U64]:
        """The value of each band, of some texts."""
        for column in self._bands:
            yield mix_bits(column.take(rows) + self.salts[rows])

    def alike(self, a: Ints, b: Ints) -> NDArray[np.bool_]:
        """Whether the texts of each pair are as alike as the threshold asks, by their whole sets."""
        result = np.zeros(len(a), np.bool_)
        code = (a.astype(np.uint64) << np.uint64(32)) | b.astype(np.uint64)
        slot = mix_bits(code) >> np.uint64(64 - REFUSED)
        left = np.flatnonzero(self._refused[slot] != code)
        left = left[self._may_be_alike(a[left], b[left])]
        result[left] = self.measure(a[left], b[left]) >= self.threshold
        self._refused[slot[~result]] = code[~result]
        return result

    def _may_be_alike(self, a: Ints, b: Ints) -> NDArray[np.bool_]:
        """Whether the sizes and outlines of each pair allow that they are as alike as the threshold asks."""
        both = (self.sizes[a] + self.sizes[b]).astype(np.float64)
        apart = np.bitwise_count(self._outlines.take(a) ^ self._outlines.take(b)).sum(axis=1, dtype=np.int64)
        apart = np.maximum(apart, np.abs(self.sizes[a] - self.sizes[b]))
        # of sets that have x in all and d in one alone, (x - d) / (x + d) is the similarity
        result: NDArray[np.bool_] = (both - apart) >= (self.threshold - 1e-9) * (both + apart)
        return result

    def measure(self, a: Ints, b: Ints) -> NDArray[np.float64]:
        """The Jaccard similarity of the sets of each pair."""
        both = self.sizes[a] + self.sizes[b]
        result = np.zeros(len(a))
        lots = np.cumsum(both) // BLOCK
        for lot in np.unique(lots):
            pairs = np.flatnonzero(lots == lot)
            common = self._count_common(a[pairs], b[pairs])
            result[pairs] = common / np.maximum(both[pairs] - common, 1)
            if self._area is not None:
                self._area.madvise(mmap.MADV_DONTNEED)  # else what was read would count as memory of ours
        return result

    def _count_common(self, a: Ints, b: Ints) -> Ints:
        """How many shingles the sets of each pair have in common."""
        rows = np.concatenate([a, b])
        sizes = self.sizes[rows]
        pair = np.repeat(np.tile(np.arange(len(a), dtype=np.uint64), 2), sizes)
        place = np.arange(len(pair)) + np.repeat(self.ends[rows] - np.cumsum(sizes), sizes)
        both = np.sort((pair << np.uint64(32)) | self.values[place])
        twice = both[1:][both[1:] == both[:-1]] >> np.uint64(32)
        return np.bincount(twice.astype(np.int64), minlength=len(a))
