"""Clusters: rows that are alike, directly or through others, as connected components.

What is alike is asked for pairs that share a bucket (a band of MinHash), and
asked only where the two are not connected yet. In a bucket of many rows not all
pairs are tried: its rows are held against one leader after the other, so that
the work grows with the rows and not with their square. Which pairs of a bucket
count depends on its own rows alone, so that buckets can be worked on anywhere
and in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from tasks.dedup.token_hashes import U64, Ints

Alike = Callable[[Ints, Ints], NDArray[np.bool_]]
"""Whether the rows of each pair are alike."""
ALL_PAIRS = 48
"""Rows of a bucket up to which all of its pairs are tried."""
LEADERS = 48
"""Rows of a larger bucket against which the others are held, at most."""
PAIRS = 500_000
"""Pairs that are looked at together."""


class Components:
    """Connected components of numbered rows, each known by its smallest number.

    To connect pairs takes time that grows with the pairs, not with all rows. Not
    `scipy.sparse.csgraph`, which a test holds it to: that takes all edges at once,
    while here pairs come bucket by bucket and those connected already are not
    compared; of a million rows it also takes twice the time and memory.
    """

    def __init__(self, size: int) -> None:
        self._above: Ints = np.arange(size)
        """A row of the same component with a smaller number; that with the smallest has itself."""

    def unite(self, a: Ints, b: Ints) -> None:
        """Connect the rows of each pair."""
        while True:
            a, b = self._first(a), self._first(b)
            apart = a != b
            if not apart.any():
                return
            high, low = np.maximum(a[apart], b[apart]), np.minimum(a[apart], b[apart])
            np.minimum.at(self._above, high, low)
            above = self._above[high]
            while not np.array_equal(up := self._above[above], above):  # by leaps: a chain may be long
                self._above[high] = above = up
            a, b = high, low

    def _first(self, rows: Ints) -> Ints:
        """The smallest number of each row's component."""
        roots = self._above[rows]
        while not np.array_equal(up := self._above[roots], roots):
            roots = up
        self._above[rows] = roots
        return roots

    def root(self) -> Ints:
        """The smallest number of the component of every row."""
        while not np.array_equal(up := self._above[self._above], self._above):
            self._above = up
        return self._above

    def apart(self, a: Ints, b: Ints) -> NDArray[np.bool_]:
        """Whether the rows of each pair are not connected yet."""
        separate: NDArray[np.bool_] = self._first(a) != self._first(b)
        return separate

    def unite_equal(self, values: U64, rows: Ints) -> Ints:
        """Connect rows whose values are equal; the first row of each value, in the order of values."""
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        again = np.flatnonzero(ordered[1:] == ordered[:-1])
        del ordered
        self.unite(rows[order[again]], rows[order[again + 1]])
        return rows[np.delete(order, again + 1)]


def cluster(buckets: Iterable[U64], rows: Ints, alike: Alike, components: Components) -> None:
    """Connect the rows that share a value of any of the `buckets` (one array over the rows each) and are alike.

    The result depends on the order of rows: give it from their content.
    """
    for values in buckets if len(rows) else ():
        ordered, order = _sort_repeated(values)
        edge = np.concatenate([[True], ordered[1:] != ordered[:-1], [True]])
        size = np.diff(np.flatnonzero(edge))
        sizes = np.repeat(size, size)
        for a, b in _gather_pairs(_list_all_pairs(ordered, np.flatnonzero(sizes <= ALL_PAIRS))):
            _connect(rows[order[a]], rows[order[b]], alike, components)
        _connect_by_leaders(ordered, rows[order], np.flatnonzero(sizes > ALL_PAIRS), alike, components)


def _sort_repeated(values: U64) -> tuple[U64, Ints]:
    """The values that are there several times, sorted, with the place of each; those of equal ones ascend."""
    # sorted as numbers of value and place in one, which is faster than to sort places by their values; the low bits of
    # values give way to places, so that a few look equal that are not, and are sorted again
    bits = np.uint64(len(values).bit_length())
    packed = values >> bits << bits
    packed |= np.arange(len(values), dtype=np.uint64)
    packed.sort()
    packed = packed[_mark_repeated(packed >> bits)]
    order = (packed & ((np.uint64(1) << bits) - np.uint64(1))).astype(np.int64)
    order = order[np.argsort(values[order], kind="stable")]
    order = order[_mark_repeated(values[order])]
    return values[order], order


def _mark_repeated(ordered: U64) -> NDArray[np.bool_]:
    """Which of sorted values are there several times."""
    marks: NDArray[np.bool_] = np.zeros(len(ordered), np.bool_)
    same = ordered[1:] == ordered[:-1]
    marks[1:] |= same
    marks[:-1] |= same
    return marks


def _list_all_pairs(ordered: U64, places: Ints) -> Iterator[tuple[Ints, Ints]]:
    """All pairs of places with equal values, by their distance."""
    for distance in range(1, ALL_PAIRS):
        places = places[places + distance < len(ordered)]
        places = places[ordered[places + distance] == ordered[places]]
        if not len(places):
            return
        yield places, places + distance


def _gather_pairs(pairs: Iterable[tuple[Ints, Ints]]) -> Iterator[tuple[Ints, Ints]]:
    """The same pairs in lots of about `PAIRS`."""
    waiting: list[tuple[Ints, Ints]] = []
    for pair in pairs:
        waiting.append(pair)
        if sum(len(a) for a, _ in waiting) >= PAIRS:
            yield np.concatenate([a for a, _ in waiting]), np.concatenate([b for _, b in waiting])
            waiting = []
    if waiting:
        yield np.concatenate([a for a, _ in waiting]), np.concatenate([b for _, b in waiting])


def _connect(a: Ints, b: Ints, alike: Alike, components: Components) -> None:
    """Connect the pairs that are alike and not connected yet."""
    for at in range(0, len(a), PAIRS):
        left, right = a[at : at + PAIRS], b[at : at + PAIRS]
        apart = components.apart(left, right)
        left, right = left[apart], right[apart]
        same = alike(left, right)
        components.unite(left[same], right[same])


def _connect_by_leaders(ordered: U64, rows: Ints, left: Ints, alike: Alike, components: Components) -> None:
    """In large buckets: hold all against the first, those that are not like it against the next, and so on."""
    for _ in range(LEADERS):
        if not len(left):
            return
        values = ordered[left]
        first = np.concatenate([[True], values[1:] != values[:-1]])
        leader = rows[left[first][np.cumsum(first) - 1]][~first]
        others = left[~first]
        # also those that are connected already, in whatever way: who is held against the next must not depend on it
        same = np.zeros(len(others), np.bool_)
        for at in range(0, len(others), PAIRS):
            lot = slice(at, at + PAIRS)
            same[lot] = alike(leader[lot], rows[others[lot]])
        components.unite(leader[same], rows[others[same]])
        left = others[~same]
