"""Columns of every kind that a Parquet file may hold, three values each."""

from __future__ import annotations

import datetime
import io
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

_TEXTS = ["What is 1 + 1?", None, "2"]
COLUMNS: dict[str, Any] = {
    "text": pa.array(_TEXTS),
    "huge text": pa.array(["x" * 3_000_000, "", "y"]),
    "large text": pa.array(_TEXTS, pa.large_string()),
    "text that is no UTF-8": pa.Array.from_buffers(
        pa.string(), 3, pa.array([b"\xff\xfe", b"a", b"b"], pa.binary()).buffers()
    ),
    "bytes": pa.array([b"\xff", None, b"2"], pa.binary()),
    "fixed bytes": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
    "dictionary": pa.array(_TEXTS).dictionary_encode(),
    "decimal": pa.array([Decimal("1.50"), None, Decimal("99999999999999999999.99")], pa.decimal128(38, 2)),
    "decimal of 256 bits": pa.array([Decimal("1.5"), None, Decimal(10) ** 60], pa.decimal256(76, 1)),
    "nanoseconds": pa.array([1, None, 2**62], pa.timestamp("ns")),
    "milliseconds of nobody's year": pa.array([2**62, None, -(2**62)], pa.timestamp("ms")),
    "an unknown zone": pa.array([1, None, 2], pa.timestamp("us", tz="Nowhere/At_All")),
    "date": pa.array([datetime.date(2020, 1, 1), None, datetime.date(9999, 12, 31)]),
    "date of nobody's year": pa.array([2**31 - 1, None, -(2**31)], pa.date32()),
    "time": pa.array([1, None, 2], pa.time64("us")),
    "duration": pa.array([1, None, 2**60], pa.duration("us")),
    "null": pa.nulls(3),
    "flag": pa.array([True, None, False]),
    "whole numbers": pa.array([2**64 - 1, None, 0], pa.uint64()),
    "floats": pa.array([float("nan"), float("inf"), None]),
    "half floats": pa.array([1, None, 2], pa.float16()),
    "list": pa.array([["a"], None, []]),
    "list of lists": pa.array([[["a"], None], None, [[]]]),
    "mapping": pa.array([[("k", 1)], None, [("k", 1), ("k", 2)]], pa.map_(pa.string(), pa.int64())),
    "record": pa.array([{"a": {"b": [1]}}, None, {"a": None}]),
}


def write_columns(kinds: Mapping[str, str]) -> bytes:
    """A Parquet file of columns, each of a kind."""
    buffer = io.BytesIO()
    pq.write_table(pa.table({name: COLUMNS[kind] for name, kind in kinds.items()}), buffer)
    return buffer.getvalue()
