"""Parts: the Parquet files of a table, and the columns that one shares with a part of another table.

A task that looks at each row leaves most columns as they are. Its parts hold
the key and the columns that it added or changed alone; the others are read
from the part that it was made from, row by row: row for row where none was
rejected, else by the column `_row`, which says where each row lies there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from mmap import mmap
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

ROW = "_row"
"""In a part that shares columns: the number of each row in the part it shares them with, counted from 0."""
GROUP_ROWS = 4_096
"""Rows of a row group, at most."""
WHOLE_BYTES = 8 * 2**20
"""Files up to this size are read whole; of larger ones each row group has a digest, and can be read by itself."""
PIECE_BYTES = 64 * 2**20
"""Bytes of a piece that is worked on at once, at most, but for a row group that is larger."""
DIGITS = 24
"""Hexadecimal digits of a row group's digest."""


@dataclass(frozen=True)
class RowGroup:
    """A row group of a Parquet file; the bytes from the end of the one before to its own."""

    rows: int
    """0: the file's end, where its metadata lie."""
    stop: int
    """The byte behind its last."""
    digest: str
    """The beginning of the SHA-256 of its bytes; empty of row groups that are left out, of which one stands for all side by side."""


@dataclass(frozen=True)
class BaseRows:
    """Rows of another part whose columns a part shares."""

    table: str
    """Task and fingerprint of its table: `split-3f…`."""
    part: ParquetFile
    columns: tuple[str, ...]
    """The columns that are read from it."""
    order: tuple[str, ...]
    """All columns, those that the part holds itself among them, in order."""
    selected: bool
    """Whether the part says by `_row` which rows; else it has all of them, in their order."""
    first: int = 0
    """How many rows of the part's own file stand before those that it has of them."""


@dataclass(frozen=True)
class ParquetFile:
    """One Parquet file of a table, or some rows of it."""

    path: str
    """Below the table's folder."""
    rows: int
    """-1: all, however many."""
    sha256: str
    """Of the whole file."""
    groups: tuple[RowGroup, ...] = ()
    """The row groups of a large file, and its end."""
    base: BaseRows | None = None
    """The rows that it completes, where it does not hold all columns itself."""
    first: int = 0
    """How many rows of the file stand before these."""

    @staticmethod
    def of(value: Mapping[str, Any]) -> ParquetFile:
        """A part as JSON holds it."""
        base = value.get("base")
        groups = tuple(RowGroup(*group) for group in value.get("groups", ()))
        return ParquetFile(**{**value, "groups": groups, "base": None if base is None else _read_base(base)})

    def as_json(self) -> dict[str, Any]:
        """A part for JSON, without what is empty."""
        value: dict[str, Any] = {"path": self.path, "rows": self.rows, "sha256": self.sha256}
        if self.groups:
            value["groups"] = [[group.rows, group.stop, group.digest] for group in self.groups]
        if self.base is not None:
            value["base"] = {**vars(self.base), "part": self.base.part.as_json()}
            if not self.base.first:
                del value["base"]["first"]
        return value | ({"first": self.first} if self.first else {})

    def slice(self, first: int, rows: int) -> ParquetFile:
        """Some of these rows."""
        first += self.first
        return replace(self, first=first, rows=rows, groups=_leave_out_groups(self.groups, first, first + rows))

    def cut(self, most: int) -> list[ParquetFile]:
        """These rows in pieces of so many at most, and of no more bytes than is well held, each of whole row groups."""
        ends = _list_ends(self)
        pieces, start = [], 0
        begun = self.groups[0].stop if self.groups and not self.groups[0].digest else 0
        for (end, stop), following in zip(ends, [*ends[1:], None]):
            if following is None or following[0] - start > most or following[1] - begun > PIECE_BYTES:
                pieces.append(self.slice(start, end - start))
                start, begun = end, stop
        return pieces


def _read_base(value: Mapping[str, Any]) -> BaseRows:
    columns, order = tuple(value["columns"]), tuple(value["order"])
    return BaseRows(**{**value, "part": ParquetFile.of(value["part"]), "columns": columns, "order": order})


def _leave_out_groups(groups: Sequence[RowGroup], first: int, end: int) -> tuple[RowGroup, ...]:
    """Row groups without what is known of those in which none of the rows from `first` to `end` lies."""
    kept: list[RowGroup] = []
    begin = 0
    for group in groups:
        begin, before = begin + group.rows, begin
        if not group.rows or (before < end and begin > first):
            kept.append(group)
        elif kept and not kept[-1].digest:
            kept[-1] = RowGroup(kept[-1].rows + group.rows, group.stop, "")
        else:
            kept.append(replace(group, digest=""))
    return tuple(kept)


def _list_ends(part: ParquetFile) -> list[tuple[int, int]]:
    """Where a part may be cut: behind which of its rows, and behind which byte where that is known."""
    if not part.groups:
        return [(end, 0) for end in (*range(GROUP_ROWS, part.rows, GROUP_ROWS), part.rows)]
    ends, end = list[tuple[int, int]](), -part.first
    for group in part.groups[:-1]:
        end += group.rows
        if end > 0:
            ends.append((min(end, part.rows), group.stop))
        if end >= part.rows:
            break
    return ends


class PartWriter:
    """A Parquet file that is made piece by piece; the same rows give the same bytes."""

    def __init__(self) -> None:
        self._sink = pa.BufferOutputStream()
        self._writer: Any = None
        self.rows = 0

    def add(self, frame: pl.DataFrame) -> None:
        """Append rows, which begin a row group."""
        table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
        if self._writer is None:
            others = [name for name in frame.columns if name != ROW]
            # level 3 would take a seventh less room, and twice the time; numbers that grow take next to none as differences
            self._writer = pq.ParquetWriter(
                self._sink, table.schema, compression="zstd", compression_level=1, use_dictionary=others,
                column_encoding={ROW: "DELTA_BINARY_PACKED"} if ROW in frame.columns else None,
            )  # fmt: skip
        self._writer.write_table(table, row_group_size=GROUP_ROWS)
        self.rows += frame.height

    @property
    def size(self) -> int:
        """The bytes written so far."""
        return int(self._sink.tell())

    def close(self, path: str, base: BaseRows | None = None) -> tuple[ParquetFile, bytes]:
        """End the file.

        Args:
            path: Where it will lie, below the table's folder.
            base: The rows that it completes.

        Returns:
            What is to be known of it, and its bytes.

        """
        self._writer.close()
        buffer = self._sink.getvalue()
        data: bytes = buffer.to_pybytes()
        groups = _digest_groups(data) if len(data) > WHOLE_BYTES else ()
        return ParquetFile(path, self.rows, hashlib.sha256(data).hexdigest(), groups, base), data


def _digest_groups(data: bytes) -> tuple[RowGroup, ...]:
    """The row groups of a file and its end."""
    metadata = pq.ParquetFile(pa.BufferReader(data)).metadata
    sizes = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    starts = [min(_start_of(group.column(i)) for i in range(group.num_columns)) for group in sizes]
    last = sizes[-1]
    end = max(_start_of(last.column(i)) + last.column(i).total_compressed_size for i in range(last.num_columns))
    stops = [*starts[1:], end, len(data)]
    rows = [*(group.num_rows for group in sizes), 0]
    view, groups, start = memoryview(data), list[RowGroup](), 0
    for count, stop in zip(rows, stops):
        groups.append(RowGroup(count, stop, digest_bytes(view[start:stop])))
        start = stop
    return tuple(groups)


def _start_of(chunk: Any) -> int:
    return min(int(at) for at in (chunk.dictionary_page_offset, chunk.data_page_offset) if at)


def digest_bytes(data: bytes | memoryview) -> str:
    """The digest of a row group."""
    return hashlib.sha256(data).hexdigest()[:DIGITS]


def list_ranges(part: ParquetFile) -> list[tuple[int, int, list[tuple[int, int, str]]]]:
    """The ranges of bytes of a large file in which some of its rows lie, each with its pieces and their digests.

    Args:
        part: The rows.

    Returns:
        Of the rows and of the file's end: the first byte, the one behind the last, and the same with a digest for each piece.

    """
    pieces: list[tuple[int, int, str]] = []
    start, rows = 0, 0
    for group in part.groups:
        if not group.rows:
            tail = (start, group.stop, group.digest)
        elif rows < part.first + part.rows and rows + group.rows > part.first:
            pieces.append((start, group.stop, group.digest))
        start, rows = group.stop, rows + group.rows
    ranges = [pieces, [tail]] if pieces and pieces[-1][1] < tail[0] else [[*pieces, tail]]
    return [(pieces[0][0], pieces[-1][1], pieces) for pieces in ranges]


def parse_rows(data: bytes | mmap, part: ParquetFile, columns: Sequence[str] | None) -> pl.DataFrame:
    """The rows of a part from its file's bytes, of which those of other row groups need not be there."""
    if part.groups:
        rows = _parse_groups(data, part, columns)
        return rows if columns is None else rows.select(columns)
    if part.first == 0:
        frame = pl.read_parquet(io.BytesIO(data), columns=None if columns is None else list(columns))
        return frame if part.rows < 0 else frame.head(part.rows)
    scan = pl.scan_parquet(io.BytesIO(data)).slice(part.first, part.rows)
    return (scan if columns is None else scan.select(columns)).collect()


def _parse_groups(data: bytes | mmap, part: ParquetFile, columns: Sequence[str] | None) -> pl.DataFrame:
    """The rows of a part, of whose file no more is looked at than their row groups and its end."""
    end = part.first + part.rows
    try:
        # Polars would want the file as bytes of its own, which for a large one are more than the rows
        file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(data)))
        wanted, begin, skipped = list[int](), 0, 0
        for number in range(file.num_row_groups):
            begin, before = begin + file.metadata.row_group(number).num_rows, begin
            if before < end and begin > part.first:
                skipped = skipped if wanted else before
                wanted.append(number)
        table = file.read_row_groups(wanted, None if columns is None else list(columns), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise ValueError(str(error)) from None
    rows = pl.DataFrame(table)
    if begin < end:
        raise ValueError(f"{begin:,} rows instead of {end:,}")
    return rows.slice(part.first - skipped, part.rows)


def share_columns(
    base: ParquetFile, table: str, rows: pl.DataFrame, key: str, made: pl.DataFrame
) -> tuple[pl.DataFrame, BaseRows | None]:
    """What of some rows must be written, where the rest is read from the part that they were made from.

    Args:
        base: The part.
        table: Task and fingerprint of its table.
        rows: Its rows.
        key: The column that names each of them.
        made: The rows that were made from them.

    Returns:
        The columns to write, and the rows that have the others; all columns and None where nothing can be shared.

    """
    positions = _find_positions(rows, key, made)
    if positions is None:
        return made, None
    selected = not (len(positions) == rows.height and positions.equals(pl.Series(range(rows.height), dtype=pl.UInt32)))
    common = [name for name in made.columns if name != key and rows.schema.get(name) == made.schema[name]]
    before = rows.select(common)[positions] if selected else rows.select(common)
    shared = [name for name in common if made[name].equals(before[name], null_equal=True)]
    if not shared:
        return made, None
    own = made.drop(shared)
    own = own.with_columns(positions.alias(ROW)) if selected else own
    return own, BaseRows(table, base, tuple(shared), tuple(made.columns), selected)


def _find_positions(rows: pl.DataFrame, key: str, made: pl.DataFrame) -> pl.Series | None:
    """The number of the row that each was made from; None where that is not known of all."""
    if key not in made.columns or made.schema[key] != rows.schema[key] or not made.height:
        return None
    if made[key].equals(rows[key]):
        return pl.Series(range(rows.height), dtype=pl.UInt32)
    numbered = rows.select(key).with_row_index(ROW)
    found = made.select(key).join(numbered, on=key, how="left", maintain_order="left")
    if found.height != made.height or found[ROW].null_count():
        return None
    return found[ROW]
