"""Digests of a view for a comparison: for each row its key and a hash for each column, within little memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ..release.find import Release

FEW = 100
"""A column with so many different values, at most, is one of labels: its values are counted and shown."""
ROWS = 50_000
SPLIT = "split"
_KEYS = ("solution_id", "id", "pair_id", "request_id", "problem_id")


@dataclass
class ColumnSummary:
    """What is known of a column after all rows have passed."""

    kind: str
    """Its type, as people read it."""
    labels: dict[int, str] | None = field(default_factory=dict)
    """The value behind each number; None where there are too many to be labels."""
    counts: Counter[str] = field(default_factory=Counter)
    """How often each label is there."""
    lengths: Counter[str] = field(default_factory=Counter)
    """How long its values are: items of lists, bytes of texts (the power of two that they reach)."""


@dataclass
class ViewDigest:
    """The digest of a view."""

    key: str | None
    """The column whose values are the rows' ids; None where rows are known by their content alone."""
    columns: dict[str, ColumnSummary]
    rows: Any
    """A Polars frame: `key`, and for each column and the split a 64-bit hash of the value."""


def find_key(release: Release, view: str) -> str | None:
    """The column of a view that names its rows: as the manifest says, else by the names ids have."""
    declared = release.manifest.get("keys", {}).get(view)
    names = [column["name"] for column in release.manifest["columns"][view]]
    return declared if declared in names else next((name for name in _KEYS if name in names), None)


def read_frames(release: Release, view: str) -> Iterator[tuple[str, Any]]:
    """The rows of a view as Polars frames, each with its split."""
    import polars as pl
    import pyarrow.parquet as pq

    for file in release.files(view):
        local = release.local(file)
        if local:  # Polars reads it without copying it out of Arrow
            for at in range(0, file["rows"], ROWS):
                yield file["split"], pl.scan_parquet(local).slice(at, ROWS).collect()
            continue
        with release.open(file) as opened:
            for batch in pq.ParquetFile(opened).iter_batches(ROWS, use_threads=False):
                yield file["split"], pl.DataFrame(pl.from_arrow(batch))


def digest_rows(rows: Iterable[tuple[str, Any]], key: str | None) -> ViewDigest:
    """Digest rows; `rows` are Polars frames, each with its split."""
    import polars as pl

    columns: dict[str, ColumnSummary] = {SPLIT: ColumnSummary("string")}
    parts = []
    for split, frame in rows:
        whole = frame.with_columns(pl.lit(split).alias(SPLIT))
        hashes = whole.select(pl.all().hash(0))
        names = pl.Series("key", whole[key]).cast(pl.String) if key else hashes.drop(SPLIT).hash_rows().cast(pl.String)
        parts.append(hashes.with_columns(names.alias("\0key")))
        for name in whole.columns:
            column = columns.setdefault(name, ColumnSummary(_name_type(whole.schema[name])))
            _count(column, whole[name], hashes[name], labels=name != key)
    if not parts:
        return ViewDigest(key, columns, pl.DataFrame(schema={"\0key": pl.String, SPLIT: pl.UInt64}))
    return ViewDigest(key, columns, pl.concat(parts))


def _name_type(kind: Any) -> str:
    """A type's name; texts are texts however Arrow lays them out."""
    return str(kind).replace("String", "string").replace("Int64", "integer").replace("Float64", "number").lower()


def _count(column: ColumnSummary, values: Any, hashes: Any, labels: bool) -> None:
    """Add a batch to what is known of a column."""
    import polars as pl

    labels = labels and not isinstance(values.dtype, pl.Float64 | pl.Float32)
    if column.labels is not None and labels:
        distinct = pl.DataFrame({"v": values, "h": hashes}).group_by("h").agg(pl.col("v").first(), pl.len())
        new = [row for row in distinct.iter_rows() if row[0] not in column.labels] if distinct.height <= FEW else None
        if new is None or len(new) + len(column.labels) > FEW:
            column.labels = None
            column.counts.clear()
        else:
            column.labels |= {number: _show_value(value) for number, value, _ in new}
            for number, _, count in distinct.iter_rows():
                column.counts[column.labels[number]] += count
    elif not labels:
        column.labels = None
    if isinstance(values.dtype, pl.List):
        sizes = values.list.len().cast(pl.String)
    elif values.dtype == pl.String and column.labels is None and labels:
        power = values.str.len_bytes().cast(pl.Float64).log(2).floor()  # bytes are known, characters are counted
        sizes = (2**power).cast(pl.Int64, strict=False).fill_null(0).cast(pl.String)
    else:
        return
    for size, count in sizes.value_counts().iter_rows():
        column.lengths["null" if size is None else size] += count


def _show_value(value: Any) -> str:
    text = (
        str(value)
        if not isinstance(value, bool) and value is not None
        else {None: "null", True: "true", False: "false"}[value]
    )
    return text if len(text) <= 80 else f"{text[:79]}…"
