"""Partitions of a large ledger: ranges of places by their first bits, each of which is merged and summed by itself.

A place begins with a hash, so partitions are alike in size. A segment lies in
one partition, or, when it was written by a writer or while the ledger had
fewer, it spans several until it is merged. How many there are follows from the
rows: no file says so, and a ledger of any age can be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from catalog.ledger.segments import Segment

ROWS = 1 << 20
"""Rows of a partition, at most, about, of which places are loaded at a time (8 bytes each)."""
BITS, PLACE_BITS = 12, 64
"""Bits that tell partitions apart, at most, and those of a place."""


def count_bits(segments: Iterable[Segment]) -> int:
    """How many of a place's first bits tell the partitions of a ledger apart: it has 2 to the power of that."""
    return min(BITS, (sum(segment.rows for segment in segments) // ROWS).bit_length())


def list_ranges(bits: int) -> Iterator[tuple[int, int]]:
    """The first and the last place of each partition."""
    size = 1 << PLACE_BITS - bits
    return ((number * size, (number + 1) * size - 1) for number in range(1 << bits))


def find_partition(segment: Segment, bits: int) -> int | None:
    """The partition that a segment lies in, None where it spans several."""
    first, last = (place >> PLACE_BITS - bits for place in (segment.low, segment.high))
    return first if first == last else None
