"""Rows of files for the browser: Parquet where it lies, other formats read whole and held as Parquet in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from catalog.hub import open_file
from catalog.sources import Source, SourceError
from flows.cli.row_reader import RowFile, RowReader
from flows.metrics.evaluate import read_records
from schemas.request import replace_surrogates

GROUP_ROWS = 1024
"""Rows of a row group: what is decoded to show one of them."""


def read_files(name: str, sources: Sequence[Source]) -> RowReader:
    """The rows of files; a record that cannot be read is a row that says why.

    Args:
        name: What the rows are called.
        sources: The files, in the order of their rows.

    Returns:
        A reader of Parquet files where they lie; other formats are read whole.

    Raises:
        SourceError: A file cannot be read at all, or Parquet files have different columns.

    """
    if all(source.url.endswith(".parquet") for source in sources):
        return RowReader(name, list(_open_parquet(sources)))
    records = chain.from_iterable(read_records(source) for source in sources)
    rows = [
        dict(record.value) if record.value is not None else _describe_fault(record.source, *(record.fault or ("", "")))
        for record in records
    ]
    sink = pa.BufferOutputStream()
    pq.write_table(make_table(rows), sink, row_group_size=GROUP_ROWS)
    buffer = sink.getvalue()
    return RowReader(name, [RowFile(name, len(rows), lambda: pa.BufferReader(buffer))])


def _open_parquet(sources: Sequence[Source]) -> Iterator[RowFile]:
    columns: list[str] | None = None
    for source in sources:
        try:
            with open_file(source.url) as file, pq.ParquetFile(file) as parquet:
                rows, names = parquet.metadata.num_rows, parquet.schema_arrow.names
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{source.name}: cannot be read as Parquet ({str(error)[:200]})") from None
        if columns is not None and names != columns:
            raise SourceError(f"{source.name}: has other columns than {sources[0].name}; look at each by itself")
        columns = names
        yield RowFile(source.name, rows, lambda url=source.url: open_file(url))  # type: ignore[misc]


def _describe_fault(source: str, reason: str, detail: str) -> dict[str, Any]:
    return {"source": source, "reason": reason, "detail": detail}


def make_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows as a table with all their columns, null where a row lacks one; mixed and nested values become JSON."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: _make_column([_plain(row.get(name)) for row in rows]) for name in names})


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str):
        return replace_surrogates(value)
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _make_column(values: list[Any]) -> pa.Array:
    """A column of texts, numbers or lists of them; of JSON where values are of other or of several kinds."""
    try:
        column = pa.array(values)
        if _is_flat(column.type) or (pa.types.is_list(column.type) and _is_flat(column.type.value_type)):
            return column
    except (pa.ArrowException, OverflowError, UnicodeEncodeError, TypeError):
        pass
    return pa.array([None if value is None else _to_json(value) for value in values], pa.string())


def _to_json(value: Any) -> str:
    return replace_surrogates(json.dumps(value, ensure_ascii=False, default=str))


def _is_flat(kind: pa.DataType) -> bool:
    return not pa.types.is_nested(kind)
