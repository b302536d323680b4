"""Shingles and MinHash: texts as sets of runs of words, and short sketches that are alike where the sets are.

Shingles are 32-bit hashes of n words in a row (Broder, 1997); two texts are as
alike as the Jaccard similarity of their sets. Within one pair two different
shingles have the same hash with a chance of 1e-6 for texts of a hundred words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.dedup.token_hashes import U32, U64, Ints, Words, make_constants
from tasks.splitmix64 import mix_bits

BLOCK = 32_768
"""Shingles sketched at a time: they and their products stay in the processor's cache."""


@dataclass(frozen=True)
class Sets:
    """Sets of shingles, one after the other."""

    values: U32
    """Shape (shingles,); those of one set are sorted, each once."""
    ends: Ints
    """Shape (sets,): the number of shingles up to the end of each set."""

    def counts(self) -> Ints:
        """The size of each set."""
        return np.diff(self.ends, prepend=0)


def hash_windows(words: Words, length: int) -> tuple[U64, Ints]:
    """Hashes of all runs of so many words, text by text, and the number of runs of each text.

    A text of fewer words is one run as a whole, one without words has none.
    They are multilinear, so that the upper halves are the better ones.

    Args:
        words: The words of the texts.
        length: Words of a run.

    Returns:
        The hashes one after the other, and for each text how many are its own.

    """
    counts = words.counts()
    runs = np.where(counts > 0, np.maximum(counts - length + 1, 1), 0)
    before = np.cumsum(runs) - runs
    first = np.arange(int(runs.sum())) + np.repeat(words.ends - counts - before, runs)
    odd = make_constants(length)
    total = len(words.hashes)
    padded = np.concatenate([words.hashes, np.zeros(length, np.uint32)]).astype(np.uint64)
    rolled = padded[:total] * odd[0]
    for i in range(1, length):
        rolled += padded[i : i + total] * odd[i]
    hashes = rolled[first]
    short = np.flatnonzero((counts > 0) & (counts < length))
    if len(short):  # a run must not go on into the next text
        at, own = words.ends[short] - counts[short], counts[short]
        terms = (np.where(i < own, padded[at + i] * odd[i], np.uint64(i + 1)) for i in range(length))
        hashes[before[short]] = np.sum(list(terms), axis=0, dtype=np.uint64)
    return hashes, runs


def make_shingle_sets(words: Words, length: int) -> Sets:
    """The set of shingles of each text."""
    hashes, runs = hash_windows(words, length)
    hashes >>= np.uint64(32)
    hashes |= np.repeat(np.arange(len(runs), dtype=np.uint64) << np.uint64(32), runs)
    hashes.sort()
    if len(hashes):
        hashes = hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])]
    ends = np.searchsorted(hashes, np.arange(1, len(runs) + 1, dtype=np.uint64) << np.uint64(32))
    return Sets(hashes.astype(np.uint32), ends)


def hash_sets(sets: Sets) -> U64:
    """A hash of each whole set; empty sets share one."""
    summed = np.zeros(len(sets.values) + 1, np.uint64)
    values = sets.values.astype(np.uint64)
    first, other = make_constants(2)
    np.cumsum((values + first) * (values ^ other), out=summed[1:])
    return mix_bits(summed[sets.ends] - summed[sets.ends - sets.counts()])


def make_outlines(sets: Sets) -> U64:
    """256 bits of each set, shape (sets, 4): that of a shingle's lowest byte is 1.

    What is in one outline and not in the other is in one set and not in the
    other, so that most pairs that are not alike are told from it alone.

    Args:
        sets: Sets of hashes.

    Returns:
        Four words of 64 bits a set.

    """
    counts = sets.counts()
    marks = np.zeros((len(counts), 256), np.uint8)
    marks[np.repeat(np.arange(len(counts)), counts), sets.values & np.uint32(255)] = 1
    return np.packbits(marks, axis=1).view(np.uint64)


def make_sketches(sets: Sets, size: int) -> U32:
    """MinHash: the smallest value of each set under `size` permutations, shape (size, sets).

    The permutations are multiplications by odd numbers modulo 2**32 of values
    that are hashes already. Sets of like size are worked on together, padded
    with their own last value, so that the smallest is taken of whole rows.

    Args:
        sets: Sets of hashes.
        size: Permutations.

    Returns:
        The smallest values, a row for each permutation.

    """
    counts = sets.counts()
    odd = (make_constants(size + 8)[8:] >> np.uint64(32)).astype(np.uint32) | np.uint32(1)
    result = np.zeros((size, len(counts)), np.uint32)
    order = np.argsort(counts, kind="stable")
    at = int(np.searchsorted(counts[order], 1))
    while at < len(order):
        rows = order[at : at + max(1, BLOCK // int(counts[order[at]]))]
        wide = int(counts[rows[-1]])
        rows = rows[: max(1, BLOCK // wide)]
        wide = int(counts[rows[-1]])
        first = sets.ends[rows] - counts[rows]
        block = sets.values[first + np.minimum(np.arange(wide)[:, None], counts[rows] - 1)]
        product = np.empty_like(block)
        least = np.empty((size, len(rows)), np.uint32)
        for i in range(size):
            np.multiply(block, odd[i], out=product)
            np.minimum.reduce(product, axis=0, out=least[i])
        result[:, rows] = least
        at += len(rows)
    return result


def hash_bands(sketched: U32, rows: int) -> U64:
    """A number for each band of so many sketch values, shape (bands, sets), to be salted and mixed before it is compared."""
    count = len(sketched) // rows
    odd = make_constants(rows)
    hashes = np.empty((count, sketched.shape[1]), np.uint64)
    for band in range(count):
        summed = np.full(sketched.shape[1], band, np.uint64)
        for i in range(rows):
            summed = summed + sketched[band * rows + i] * odd[i]
        hashes[band] = summed
    return hashes
