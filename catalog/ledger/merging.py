"""Merging the ledger's many small segments into few large ones, in a large ledger partition by partition.

What writers wrote is merged until each partition would get enough of it, and
then cut into partitions; from there on each is merged by itself.

A merge writes its segments first and removes what it read last. So an entry
may lie in several segments, as after a merge that was killed or two that ran
at once, but is never in none; readers tell entries apart by `ENTRY`.
"""

from __future__ import annotations

import re
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa

from catalog.ledger.partitions import count_bits, find_partition, list_ranges
from catalog.ledger.segments import (
    ENTRY,
    FOLDER,
    SCHEMA,
    SMALL,
    Places,
    Segment,
    drop,
    make_stem,
    read_segment,
    write_segment,
)
from catalog.storage import Store
from catalog.tables import format_canonical_json

ROWS, BYTES = 65_536, 1 << 27
"""Rows and bytes (in memory) of a merged segment, at most, about."""
WIDE = 256
"""Merges that are read at once, at most."""
CLAIM = f"{FOLDER}/merging{{}}.json"
"""Says who merges: what spans partitions, or the partition whose number and bits it names."""
_CLAIM = re.compile(r"merging(-\d+-\d+)?\.json")
CLAIMED = 600.0
"""Seconds for which one process keeps others from merging too, after its last sign of life."""
Load = Callable[[Segment], Places]


@dataclass(frozen=True)
class Merge:
    """Segments that are to be merged."""

    segments: Sequence[Segment]
    bits: int = 0
    """They are cut into the partitions of so many bits."""
    claim: str = CLAIM.format("")
    """The file that keeps others from merging the same."""


def list_merges(segments: Sequence[Segment]) -> Iterator[Merge]:
    """What is to be merged in a ledger of these segments: what spans partitions first, then each partition."""
    bits = count_bits(segments)
    members: dict[int | None, list[Segment]] = defaultdict(list)
    for segment in segments:
        members[find_partition(segment, bits)].append(segment)
    if spanning := choose_segments(members.pop(None, [])):
        yield Merge(spanning, bits if _sum_rows(spanning) >= SMALL << bits else 0)
    for number, inside in sorted(members.items(), key=lambda pair: pair[0] or 0):
        if chosen := choose_segments(inside):
            yield Merge(chosen, 0, CLAIM.format(f"-{bits}-{number}" if bits else ""))


def is_claim(name: str) -> bool:
    """Whether a name in the ledger's folder is that of a claim."""
    return _CLAIM.fullmatch(name) is not None


def count_loose(segments: Sequence[Segment]) -> int:
    """The small segments that no partition has taken in yet."""
    bits = count_bits(segments)
    return sum(
        segment.rows <= SMALL and not (bits and find_partition(segment, bits) is not None) for segment in segments
    )


def choose_segments(segments: Sequence[Segment]) -> list[Segment]:
    """What is to be merged: the small ones, and with them each earlier merge up to twice as large as what is merged.

    So the segments of a ledger of n rows are of about log(n) merges, and a row is written about as many times.

    Args:
        segments: The segments of a ledger.

    Returns:
        Nothing where there is too little to merge.

    """
    runs = [list(run) for _, run in groupby(sorted(segments), key=lambda segment: segment.stem)]
    runs.sort(key=_sum_rows)
    runs = runs[:WIDE]
    many = 0
    smaller = 0
    for number, run in enumerate(runs, 1):
        if _sum_rows(run) <= max(2 * smaller, SMALL):
            many = number
        smaller += _sum_rows(run)
    return [segment for run in runs[:many] for segment in run] if many > 1 else []


def _sum_rows(run: Sequence[Segment]) -> int:
    return sum(segment.rows for segment in run)


def merge(store: Store, todo: Merge, load: Load) -> list[Segment] | None:
    """Merge segments.

    Args:
        store: The store.
        todo: What to merge.
        load: Reads places of segments.

    Returns:
        The new segments; None where another process merges or has merged some of them.

    Raises:
        StoreError: The store cannot be written, or a segment cannot be read.

    """
    mine = uuid.uuid4().hex
    if not _claim(store, todo.claim, mine):
        return None
    merged: list[Segment] = []
    name = make_stem()
    try:
        for rows in _sort_entries(store, todo, load):
            merged.append(write_segment(store, rows, name))
            store.write(todo.claim, format_canonical_json({"by": mine, "until": time.time() + CLAIMED}))
    except BaseException as error:
        for segment in merged:
            drop(store, segment)
        if isinstance(error, FileNotFoundError):
            return None
        raise
    else:
        for segment in todo.segments:
            drop(store, segment)
        return merged
    finally:
        _release_claim(store, todo.claim, mine)


def _claim(store: Store, path: str, mine: str) -> bool:
    """Whether this process may merge. Two that do make work twice, no harm."""
    value = format_canonical_json({"by": mine, "until": time.time() + CLAIMED})
    if store.create(path, value):
        return True
    other = store.read_json(path)
    if other is not None and float(other.get("until", 0)) > time.time():
        return False
    store.write(path, value)
    return True


def _release_claim(store: Store, path: str, mine: str) -> None:
    try:
        if (store.read_json(path) or {}).get("by") == mine:
            store.fs.rm_file(store.full(path))
    except FileNotFoundError:
        pass


def _sort_entries(store: Store, todo: Merge, load: Load) -> Iterator[Any]:
    """The distinct entries of segments by place, one table for each segment to come."""
    sample = read_segment(store, max(todo.segments, key=lambda segment: segment.rows), SCHEMA.names)
    rows = max(SMALL, min(ROWS, BYTES * sample.num_rows // max(sample.nbytes, 1)))
    del sample
    for slices in split_ranges(todo.segments, load, rows, todo.bits):
        entries = read_distinct(store, slices, SCHEMA.names)
        yield entries.take(pa.array(np.argsort(entries["place"].to_numpy(), kind="stable")))


Slice = tuple[Segment, int, int]
"""A segment and the numbers of its rows, from and up to."""


def split_ranges(segments: Sequence[Segment], load: Load, rows: int, bits: int) -> Iterator[list[Slice]]:
    """The rows of segments, about so many at a time, by place: rows of one place come together, of two partitions never."""
    for low, high in list_ranges(bits):
        mine = [segment for segment in segments if segment.low <= high and segment.high >= low]
        yield from _split_range(mine, [load(segment) for segment in mine], rows, low, high)


def _split_range(
    segments: Sequence[Segment], loaded: Sequence[Places], rows: int, low: int, high: int
) -> Iterator[list[Slice]]:
    begins = [int(np.searchsorted(places, np.uint64(low))) for places in loaded]
    last = [int(np.searchsorted(places, np.uint64(high), side="right")) for places in loaded]
    inside = [places[begin:end] for places, begin, end in zip(loaded, begins, last)]
    for bound in [*_find_bounds(inside, rows), None]:
        ends = last if bound is None else [int(np.searchsorted(places, bound)) for places in loaded]
        slices = [part for part in zip(segments, begins, ends) if part[1] < part[2]]
        begins = ends
        if slices:
            yield slices


def _find_bounds(loaded: Sequence[Places], rows: int) -> Places:
    every = np.concatenate([np.zeros(0, np.uint64), *loaded])
    every.sort()
    return np.unique(every[rows::rows])


def read_distinct(
    store: Store, slices: Sequence[Slice], columns: Sequence[str], kept: dict[Segment, Any] | None = None
) -> Any:
    """Columns of some rows of segments, each entry once.

    Args:
        store: The store.
        slices: Runs of rows of segments.
        columns: The columns; `place` and `ENTRY` must be among them.
        kept: Small segments are put into it, so as not to be read again.

    Returns:
        An Arrow table.

    """

    def read_slice(part: Slice) -> Any:
        segment, begin, end = part
        if kept is None or segment.rows > SMALL:
            return read_segment(store, segment, columns, None if end - begin == segment.rows else np.arange(begin, end))
        if segment not in kept:
            kept[segment] = read_segment(store, segment, columns)
        return kept[segment].slice(begin, end - begin)

    with ThreadPoolExecutor(8) as threads:
        entries = pa.concat_tables(threads.map(read_slice, slices)).unify_dictionaries()
    codes = pa.chunked_array([chunk.indices for chunk in entries["segment"].chunks])
    numbers = entries.select(["place", *ENTRY]).set_column(1, "segment", codes)
    numbers = numbers.append_column("nth", pa.array(np.arange(entries.num_rows)))
    first = numbers.group_by(["place", *ENTRY], use_threads=False).aggregate([("nth", "min")])["nth_min"]
    return entries if len(first) == entries.num_rows else entries.take(first)
