"""Several Parquet files of one schema as one, without copying or downloading them.

The data of the files follow each other; only the footer is made anew, from
theirs, with the places of the row groups moved. See
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import Unreadable
from . import thrift
from .ranged import Read
from .thrift import I16, I64, LIST, STRUCT, Struct

MAGIC = b"PAR1"
LARGEST = 64 * 2**20
"""Bytes of a footer, at most."""

# the fields that are used here, by their numbers in parquet.thrift
SCHEMA, NUM_ROWS, ROW_GROUPS = 2, 3, 4
GROUP_COLUMNS, GROUP_OFFSET, GROUP_ORDINAL = 1, 5, 7
CHUNK_OFFSET, CHUNK_META, CHUNK_INDEXES = 2, 3, (4, 5, 6, 7)
META_OFFSETS = (9, 10, 11, 14)  # of data, index and dictionary pages, and of the Bloom filter


@dataclass(frozen=True)
class Segment:
    """A run of bytes of the joined file."""

    start: int
    """Where it begins in the joined file."""
    size: int
    read: Read
    """Its bytes, by places in the joined file less `start`."""


@dataclass(frozen=True)
class Joined:
    """The joined file."""

    segments: tuple[Segment, ...]

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.segments[-1].start + self.segments[-1].size

    def read(self, start: int, end: int) -> bytes:
        """Its bytes from one place up to another."""
        found = []
        for one in self.segments:
            low, high = max(start, one.start), min(end, one.start + one.size)
            if low < high:
                found.append(one.read(low - one.start, high - one.start))
        return b"".join(found)


def join(files: Sequence[tuple[str, int, Read]]) -> Joined:
    """Join files, each a name, a size and a way to read it; `Unreadable` where one is no Parquet file."""
    segments, footer, at = [], {}, 0
    for number, (name, size, read) in enumerate(files):
        found, end = _footer(name, size, read)
        begin = 0 if number == 0 else len(MAGIC)
        _move(found, at - begin)
        if number == 0:
            footer = found
        else:
            _append(footer, found, name)
        segments.append(Segment(at, end - begin, _from(read, begin)))
        at += end - begin
    for ordinal, group in enumerate(footer[ROW_GROUPS][1][1]):
        if GROUP_ORDINAL in group:
            group[GROUP_ORDINAL] = (I16, ordinal)
    data = thrift.written(STRUCT, footer)
    tail = data + len(data).to_bytes(4, "little") + MAGIC
    return Joined((*segments, Segment(at, len(tail), lambda start, end: tail[start:end])))


def _from(read: Read, begin: int) -> Read:
    return lambda start, end: read(start + begin, end + begin)


def _footer(name: str, size: int, read: Read) -> tuple[Struct, int]:
    """A file's footer, and where it begins."""
    try:
        tail = read(max(0, size - 8), size)
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or not 0 < length <= min(LARGEST, size - 12):
            raise ValueError("does not end as one")
        begin = size - 8 - length
        found = thrift.Reader(read(begin, size - 8)).struct()
        if {SCHEMA, NUM_ROWS, ROW_GROUPS} - found.keys():
            raise ValueError("its footer lacks a field")
    except ValueError as error:
        raise Unreadable(f"{name}: is no whole Parquet file ({error})") from None
    return found, begin


def _append(footer: Struct, more: Struct, name: str) -> None:
    """Add the row groups of a file to a footer."""
    if footer[SCHEMA] != more[SCHEMA]:
        raise Unreadable(f"{name}: its columns are not those of the files before it")
    footer[NUM_ROWS] = (I64, footer[NUM_ROWS][1] + more[NUM_ROWS][1])
    groups = [*footer[ROW_GROUPS][1][1], *more[ROW_GROUPS][1][1]]
    footer[ROW_GROUPS] = (LIST, (STRUCT, groups))


def _move(footer: Struct, by: int) -> None:
    """Move the places that a footer names; page indexes, whose own places cannot be moved, are forgotten."""

    def moved(struct: Any, number: int) -> None:
        if number in struct and struct[number][1]:
            struct[number] = (I64, struct[number][1] + by)

    for group in footer[ROW_GROUPS][1][1]:
        moved(group, GROUP_OFFSET)
        for chunk in group[GROUP_COLUMNS][1][1]:
            moved(chunk, CHUNK_OFFSET)
            for number in CHUNK_INDEXES:
                chunk.pop(number, None)
            for number in META_OFFSETS:
                moved(chunk[CHUNK_META][1], number)
