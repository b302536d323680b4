"""Rows that change their place: who has them writes them by destination, who wants them reads those for it alone.

A file has the rows of one sender, a row group or more for each destination. So
there are as many files as senders, and what is read of one is what is wanted of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from catalog.parts import ParquetFile
from catalog.storage import StoreError
from catalog.tables import AGAIN, TableFolder

DESTINATION = "_destination"
GROUP_ROWS = 65_536
"""Rows of a row group, at most."""


def send_rows(folder: TableFolder, path: str, rows: pl.DataFrame) -> ParquetFile:
    """Write rows by their column `DESTINATION`, a number from 0 on; those for one keep their order."""
    table = rows.sort(DESTINATION, maintain_order=True).to_arrow(compat_level=pl.CompatLevel.oldest())
    numbers = table[DESTINATION].to_numpy()
    begins = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(
        sink, table.schema, compression="zstd", compression_level=1, write_statistics=[DESTINATION], store_schema=True
    ) as file:
        for begin, end in zip(begins, [*begins[1:], len(numbers)]):
            file.write_table(table.slice(begin, end - begin), row_group_size=GROUP_ROWS)
    data = sink.getvalue()
    folder.store.write(f"{folder.path}/{path}", data.to_pybytes())
    return ParquetFile(path, rows.height, "")


def read_sent(folder: TableFolder, file: ParquetFile, number: int) -> pl.DataFrame:
    """The rows of a file that are for a destination, without the column that says so; `StoreError` where it is missing."""
    try:
        return pl.DataFrame(_read_groups(folder, file, number))
    except FileNotFoundError:
        link = folder.store.link(f"{folder.path}/{file.path}")
        raise StoreError(f"{link}: is missing; {AGAIN}") from None


def _read_groups(folder: TableFolder, file: ParquetFile, number: int) -> pa.Table:
    store, path = folder.store, folder.store.full(f"{folder.path}/{file.path}")
    source = pa.OSFile(path) if store.local else store.fs.open(path, "rb", cache_type="none")
    with source, pq.ParquetFile(source, pre_buffer=not store.local) as rows:
        at = rows.schema_arrow.get_field_index(DESTINATION)
        groups = [
            group
            for group in range(rows.num_row_groups)
            if rows.metadata.row_group(group).column(_count_leaves(rows, at)).statistics.min == number
        ]
        return rows.read_row_groups(groups).drop_columns(DESTINATION)


def read_received(folder: TableFolder, files: Sequence[ParquetFile], number: int) -> Iterator[pl.DataFrame]:
    """The rows of several files that are for a destination, file by file; files without any are left out."""
    for file in files:
        rows = read_sent(folder, file, number)
        if rows.height:
            yield rows


def remove_sent(folder: TableFolder, files: Sequence[ParquetFile]) -> None:
    """Remove files whose rows are where they were sent; another build of the same table may have done so."""
    for file in files:
        with suppress(FileNotFoundError):
            folder.store.fs.rm_file(folder.store.full(f"{folder.path}/{file.path}"))


def _count_leaves(rows: pq.ParquetFile, at: int) -> int:
    """The number of a plain column among the leaves of a file: lists and records have others."""
    names = [rows.schema.column(i).path for i in range(len(rows.schema))]
    return names.index(rows.schema_arrow.names[at])
