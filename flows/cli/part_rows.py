"""The rows of a table's part for the browser: as those of one Parquet file, though its columns may lie in several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl
import pyarrow as pa

from catalog.parts import GROUP_ROWS, ParquetFile
from catalog.storage import StoreError
from catalog.tables import TableFolder


class PartRows:
    """A part that is read like `pyarrow.parquet.ParquetFile`, some rows and columns at a time."""

    def __init__(self, folder: TableFolder, part: ParquetFile) -> None:
        self.folder = folder
        self.pieces = part.cut(GROUP_ROWS)
        self.heights = [piece.rows for piece in self.pieces]

    @property
    def num_row_groups(self) -> int:
        """How many pieces can be read by themselves."""
        return len(self.pieces)

    @property
    def schema_arrow(self) -> pa.Schema:
        """Columns and their types."""
        return _to_arrow(self._read(self.pieces[0].slice(0, 1), None)).schema

    def iter_batches(self, size: int, groups: Sequence[int], columns: list[str] | None, **_: Any) -> Iterator[Any]:
        """Some columns of some pieces, so many rows at a time."""
        for group in groups:
            yield from _to_arrow(self._read(self.pieces[group], columns)).to_batches(size)

    def _read(self, piece: ParquetFile, columns: list[str] | None) -> pl.DataFrame:
        try:
            return self.folder.read(piece, columns)
        except StoreError as error:
            raise OSError(str(error)) from None

    def close(self, force: bool = False) -> None:
        """Nothing is held open."""


def _to_arrow(rows: pl.DataFrame) -> Any:
    return rows.to_arrow(compat_level=pl.CompatLevel.oldest())
