"""Rows that change their place: who has them writes them by destination, who wants them reads those for it alone.

A file has the rows of one sender, a row group or more for each destination. So
there are as many files as senders, and what is read of one is what is wanted of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from catalog.parts import ParquetFile
from catalog.storage import StoreError
from catalog.tables import AGAIN, TableFolder

DESTINATION = "_destination"
PLACE = "_partition"
"""In rows that are sent away: the number of the partition that they are from."""
GROUP_ROWS = 65_536
"""Rows of a row group, at most."""
ROWS_OF_A_SHARE, MOST_SHARES = 500_000, 256
"""Rows, about, that are looked at together, and shares, at most: of more rows each is larger."""


def count_shares(rows: int) -> int:
    """The shares that so many rows are sent to."""
    return max(1, min(MOST_SHARES, -(-rows // ROWS_OF_A_SHARE)))


def find_share(groups: NDArray[np.uint64], shares: int) -> pl.Series:
    """The share of each group's number, as the destination of its rows."""
    return pl.Series(DESTINATION, (groups % np.uint64(shares)).astype(np.int32))


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
    with _open(folder, file) as rows:
        at = _find_destination(rows)
        groups = [
            group
            for group in range(rows.num_row_groups)
            if rows.metadata.row_group(group).column(at).statistics.min == number
        ]
        return pl.DataFrame(rows.read_row_groups(groups).drop_columns(DESTINATION))


@contextmanager
def _open(folder: TableFolder, file: ParquetFile) -> Iterator[pq.ParquetFile]:
    store, path = folder.store, folder.store.full(f"{folder.path}/{file.path}")
    try:
        source = pa.OSFile(path) if store.local else store.fs.open(path, "rb", cache_type="none")
        with source, pq.ParquetFile(source, pre_buffer=not store.local) as rows:
            yield rows
    except FileNotFoundError:
        raise StoreError(f"{store.link(f'{folder.path}/{file.path}')}: is missing; {AGAIN}") from None


def count_received(folder: TableFolder, file: ParquetFile) -> Counter[int]:
    """How many rows a file has for each destination, from its metadata."""
    counts = Counter[int]()
    with _open(folder, file) as rows:
        at = _find_destination(rows)
        for number in range(rows.num_row_groups):
            group = rows.metadata.row_group(number)
            counts[int(group.column(at).statistics.min)] += group.num_rows
    return counts


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


def _find_destination(rows: pq.ParquetFile) -> int:
    """The number of the column `DESTINATION` among the leaves of a file: lists and records have others."""
    return [rows.schema.column(i).path for i in range(len(rows.schema))].index(DESTINATION)
