"""Parquet and Arrow files: their rows as Python values, of which each cell is at fault by itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.records.record import make_record
from catalog.sources import SourceError
from schemas.reading import FileReading
from schemas.task import Record, UnreadableValue

ROWS = 4096
BYTES = 64 * 2**20
"""Bytes of the rows that are in memory at once, about."""
_FILE = b"ARROW1"
_FEATHER_1 = b"FEA1"


class _BoundedStream:
    """A stream of which never more is read than it has left: a damaged file names any length, for which memory would be set aside."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        here = stream.tell()
        self._size = stream.seek(0, os.SEEK_END)
        stream.seek(here)

    def read(self, count: int | None = None) -> bytes:
        """Read so many bytes, or all that are left."""
        left = max(0, self._size - self._stream.tell())
        return self._stream.read(left if count is None or count < 0 else min(count, left))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def read_parquet(stream: IO[bytes], name: str, reading: FileReading) -> Iterator[Record]:
    """The rows of a Parquet file."""
    with _sound(name, "Parquet"):
        file = pq.ParquetFile(_BoundedStream(stream))
        _refuse_duplicates(file.schema_arrow, name)
        number = 0
        for batch in file.iter_batches(batch_size=_choose_rows(file.metadata)):
            yield from _read_batch(batch, name, number, reading)
            number += batch.num_rows


def read_arrow(stream: IO[bytes], name: str, reading: FileReading) -> Iterator[Record]:
    """The rows of an Arrow file or stream, as Feather (version 2) and saved data sets are."""
    head = stream.read(len(_FILE))
    stream.seek(0)
    if head.startswith(_FEATHER_1):
        raise SourceError(f"{name}: is Feather of version 1; write it anew (pyarrow.feather.write_feather)")
    with _sound(name, "Arrow"):
        number = 0
        for batch in _list_batches(_BoundedStream(stream), head == _FILE):
            if number == 0:
                _refuse_duplicates(batch.schema, name)
            _check_offsets(batch)
            for start in range(0, batch.num_rows, ROWS):
                part = batch.slice(start, ROWS)
                yield from _read_batch(part, name, number, reading)
                number += part.num_rows


def _list_batches(stream: _BoundedStream, is_file: bool) -> Iterator[pa.RecordBatch]:
    if not is_file:
        yield from pa.ipc.open_stream(stream)
        return
    file = pa.ipc.open_file(stream)
    for at in range(file.num_record_batches):
        yield file.get_batch(at)


def _check_offsets(batch: pa.RecordBatch) -> None:
    """Raise `ArrowInvalid` where a column's offsets lead out of its memory, which nothing checks that reads its values.

    A text that is no UTF-8 is checked last of its column, and is a matter of its cell alone.
    """
    for column in batch.columns:
        flat = not pa.types.is_nested(column.type) and not pa.types.is_dictionary(column.type)
        try:
            column.validate(full=True)
        except pa.ArrowInvalid as error:
            if not (flat and "UTF8" in str(error)):
                raise


@contextmanager
def _sound(name: str, kind: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, EOFError, UnicodeError, OverflowError) as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise SourceError(f"{name}: not a sound {kind} file ({reason[:300]}); fetch it again") from None


def _choose_rows(metadata: Any) -> int:
    """Rows of a batch, so that it is of some dozen MiB unpacked, whatever the rows hold."""
    groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
    widest = max((group.total_byte_size / group.num_rows for group in groups if group.num_rows), default=0)
    return max(1, min(ROWS, int(BYTES / widest) if widest > 1 else ROWS))


def _refuse_duplicates(schema: pa.Schema, name: str) -> None:
    names = schema.names
    if len(set(names)) < len(names):
        twice = sorted({column for column in names if names.count(column) > 1})
        raise SourceError(f"{name}: the columns need names that differ, found {', '.join(twice)} twice; rename them")


def _read_batch(batch: pa.RecordBatch, name: str, before: int, reading: FileReading) -> Iterator[Record]:
    columns = {column: _read_column(batch.column(at)) for at, column in enumerate(batch.schema.names)}
    for at in range(batch.num_rows):
        row = {column: values[at] for column, values in columns.items()}
        yield make_record(f"{name}:{before + at + 1}", row, reading.record_limit)


def _read_column(column: pa.Array) -> list[Any]:
    """The values of a column; one that Python has no value for is `UnreadableValue`, and its row at fault where it is used."""
    try:
        values: list[Any] = column.to_pylist()
    except Exception:
        values = [_read_cell(column, at) for at in range(len(column))]
    return _list_pairs(values) if pa.types.is_map(column.type) else values


def _read_cell(column: pa.Array, at: int) -> Any:
    try:
        return column[at].as_py()
    except UnicodeDecodeError as error:
        return UnreadableValue("not UTF-8", f"byte {error.start + 1} of the cell is 0x{error.object[error.start]:02x}")
    except Exception as error:
        return UnreadableValue(
            "unreadable value",
            f"{column.type}: {str(error).strip().splitlines()[0][:200] if str(error).strip() else type(error).__name__}",
        )


def _list_pairs(values: list[Any]) -> list[Any]:
    """Maps, which come as lists of pairs, as mappings; of keys that are no texts, or are there twice, the pairs stay."""
    return [
        dict(value)
        if isinstance(value, list) and all(isinstance(key, str) for key, _ in value) and len(dict(value)) == len(value)
        else value
        for value in values
    ]
