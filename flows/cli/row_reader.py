"""The rows of a table or a release, read where they are looked at and nowhere else.

Of 600,000 rows one window is held, of a few rows; a filter goes through its
own columns alone, no further than to the row that is asked for.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import errata
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from catalog.parts import ParquetFile
from catalog.sources import SourceError
from flows.cli.part_rows import PartRows
from flows.planning.plan import TableJob
from schemas.columns.gold import GOLD_TYPE
from tasks import list_labels
from tasks.evaluation.fields import EvaluationError

WINDOW = 32
"""Rows read at a time to be shown."""
STRIDE = 256
"""Rows a filter looks at, at a time: between two strides it can be interrupted."""


@dataclass(frozen=True)
class RowFile:
    """One Parquet file of the rows."""

    name: str
    rows: int
    open: Callable[[], Any]
    """Opens it for reading, or gives the rows of a table's part; the caller closes it."""
    more: dict[str, str] = field(default_factory=dict)
    """What is so of all its rows and stands in no column, such as the split."""


class RowReader:
    """Rows by their number, counted from 0, over all pieces."""

    def __init__(self, name: str, pieces: Sequence[RowFile]) -> None:
        self.name = name
        self.pieces = [piece for piece in pieces if piece.rows]
        self.starts = [0, *accumulate(piece.rows for piece in self.pieces)]
        self.opened: tuple[int, Any] | None = None
        self.window: tuple[int, list[dict[str, Any]]] = (0, [])

    def __len__(self) -> int:
        return self.starts[-1]

    def schema(self) -> pa.Schema:
        """The columns; none where there are no rows."""
        return self._file(0).schema_arrow if self.pieces else pa.schema([])

    def close(self) -> None:
        """Close the piece that is open."""
        if self.opened is not None:
            with suppress(OSError):
                self.opened[1].close(force=True)
            self.opened = None

    def __getitem__(self, number: int) -> dict[str, Any]:
        start, rows = self.window
        if not start <= number < start + len(rows):
            start, rows = self.window = self._window(number)
        return rows[number - start]

    def _window(self, number: int) -> tuple[int, list[dict[str, Any]]]:
        """The rows about one, and the number of their first."""
        i = bisect_right(self.starts, number) - 1
        file, at = self._file(i), self.starts[i]
        for group in range(file.num_row_groups):
            height = file.heights[group] if isinstance(file, PartRows) else file.metadata.row_group(group).num_rows
            if number < at + height:
                for batch in self._batches(i, file, WINDOW, [group], None):
                    if number < at + batch.num_rows:
                        return at, [{**row, **self.pieces[i].more} for row in batch.to_pylist()]
                    at += batch.num_rows
            at += height
        raise SourceError(f"{self.pieces[i].name}: holds fewer rows than its manifest says")

    def scan(self, columns: list[str]) -> Generator[tuple[int, pa.RecordBatch], None, None]:
        """Some columns of all rows, in strides, each with the number of its first row."""
        for i, start in enumerate(self.starts[:-1]):
            file = self._opened(i)
            try:
                for batch in self._batches(i, file, STRIDE, list(range(file.num_row_groups)), columns):
                    yield start, batch
                    start += batch.num_rows
            finally:
                file.close(force=True)

    def _batches(self, i: int, file: Any, size: int, groups: list[int], columns: list[str] | None) -> Iterator[Any]:
        try:
            yield from file.iter_batches(size, groups, columns, use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise SourceError(f"{self.pieces[i].name}: cannot be read as Parquet ({str(error)[:200]})") from None

    def _file(self, i: int) -> Any:
        """A piece, kept open as long as its rows are looked at."""
        if self.opened is None or self.opened[0] != i:
            self.close()
            self.opened = (i, self._opened(i))
        return self.opened[1]

    def _opened(self, i: int) -> Any:
        opened = None
        try:
            opened = self.pieces[i].open()
            return opened if isinstance(opened, PartRows) else pq.ParquetFile(opened)
        except (OSError, pa.ArrowException) as error:
            if opened is not None:
                opened.close()
            raise SourceError(f"{self.pieces[i].name}: cannot be read as Parquet ({str(error)[:200]})") from None


def read_release(release: errata.Release, view: str | None, split: str | None) -> RowReader:
    """The rows of a release's view."""
    chosen = view or release.views[0]
    files = release.files(chosen, split)

    def piece(file: dict[str, Any]) -> RowFile:
        return RowFile(
            f"{release.name}/{file['path']}", file["rows"], lambda: release.open(file), {"split": file["split"]}
        )

    pieces = [piece(file) for file in files]
    return RowReader(f"{release.name} {chosen}" if len(release.views) > 1 else release.name, pieces)


def read_table(name: str, work: TableJob, parts: Sequence[ParquetFile]) -> RowReader:
    """The rows of some parts of a table."""
    folder = work.folder()

    def opened(part: ParquetFile) -> Callable[[], Any]:
        return lambda: PartRows(folder, part)

    link = folder.store.link(folder.path)
    return RowReader(name, [RowFile(f"{link}/{part.path}", part.rows, opened(part)) for part in parts])


@dataclass
class Selection:
    """The rows that match filters, found as far as they were asked for."""

    rows: RowReader
    filters: dict[str, str] = field(default_factory=dict)
    """Values by filter; `search` is a text that some column holds."""
    matches: array[int] = field(default_factory=lambda: array("q"))
    whole: bool = False
    """Whether all rows were looked at."""

    def __post_init__(self) -> None:
        schema = self.rows.schema()
        self.by = {name: _column(name, schema.names) for name in self.filters if name != "search" and len(self.rows)}
        asked = list(self.by.values())
        if "search" in self.filters:
            asked += [column.name for column in schema if _is_text(column.type)]
        self.strides = self.rows.scan(list(dict.fromkeys(asked)))
        self.looked = 0
        self.whole = not self.filters or not len(self.rows)

    def __len__(self) -> int:
        """Those found so far."""
        return len(self.matches) if self.filters else len(self.rows)

    def close(self) -> None:
        """Look no further."""
        self.strides.close()

    def number(self, k: int) -> int | None:
        """The number of the k-th match; None where so many were not found yet."""
        if not self.filters:
            return k if 0 <= k < len(self.rows) else None
        return self.matches[k] if 0 <= k < len(self.matches) else None

    def look_on(self) -> bool:
        """Look at one stride more; whether there was one."""
        if self.whole:
            return False
        try:
            start, batch = next(self.strides)
        except StopIteration:
            self.whole = True
            return False
        self.looked = start + batch.num_rows
        self.matches.extend(start + i for i in pc.indices_nonzero(self._matches(batch)).to_pylist())
        return True

    def _matches(self, batch: pa.RecordBatch) -> Any:
        """Which rows of a stride match all filters."""
        all_of = pa.array([True] * batch.num_rows)
        for name, value in self.filters.items():
            if name == "search":
                hit = _holding(batch, value)
            else:
                values = batch[self.by[name]].cast(pa.large_string())
                hit = pc.match_like(values, _like(value)) if "*" in value else pc.equal(values, value)
            all_of = pc.and_(all_of, pc.fill_null(hit, False))
        return all_of


def _like(pattern: str) -> str:
    """A pattern with `*` as SQL's LIKE has it."""
    for sign in ("\\", "%", "_"):
        pattern = pattern.replace(sign, f"\\{sign}")
    return pattern.replace("*", "%")


def list_filters() -> dict[str, tuple[str, ...]]:
    """The columns that each filter can mean, the first that is there being it."""
    kinds = [label.column for label in list_labels("type")]
    kinds += [label.error for label in list_labels("step") if label.error]
    verdicts = tuple(label.column for label in list_labels("verdict"))
    return {"type": (*kinds, "injected_type", GOLD_TYPE), "model": ("model",), "set": ("set",), "verdict": verdicts}


def _column(name: str, columns: Sequence[str]) -> str:
    filters = list_filters()
    result = next((column for column in filters[name] if column in columns), None)
    if result is None:
        available = [each for each, names in filters.items() if set(names) & set(columns)]
        raise EvaluationError(
            f"--{name}: these rows have no column {' or '.join(filters[name])}; they can be filtered by "
            f"{', '.join([*available, 'search'])}"
        )
    return result


def _is_text(kind: Any) -> bool:
    item = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
    return bool(pa.types.is_string(item) or pa.types.is_large_string(item) or pa.types.is_string_view(item))


def _holding(batch: pa.RecordBatch, text: str) -> Any:
    """Which rows hold a text in one of their columns of text, whatever the case."""
    any_of = pa.array([False] * batch.num_rows)
    for name in batch.schema.names:
        column = batch[name]
        if not _is_text(column.type):
            continue
        if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
            items = pc.list_flatten(column)
            parents = pc.filter(pc.list_parent_indices(column), _has(items, text))
            hit = pc.is_in(pa.array(range(batch.num_rows), pa.int64()), value_set=parents.cast(pa.int64()))
        else:
            hit = _has(column, text)
        any_of = pc.or_(any_of, hit)
    return any_of


def _has(values: Any, text: str) -> Any:
    return pc.fill_null(pc.match_substring(values.cast(pa.large_string()), text, ignore_case=True), False)
