"""Shares of a table's problems: all rows of a problem together, for the tasks that need whole problems.

The input is gone through once and each row is appended to the file of its
share, on the disk of the machine; then the shares go to the store one by one.
To look for the rows of each share in all parts would take time that grows with
the square of the rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import polars as pl
import pyarrow as pa

from catalog.tables import ParquetFile, TableFolder
from schemas.frames import batch_frames

WAITING = 100_000
"""Rows that are held in memory until they are appended to the files of their shares."""
SHARE = "_share_of_the_problems"


def shuffle_key(count: int) -> pl.Expr:
    """The share, of so many, of a row's problem: by its id, so that it is the same in any order of rows."""
    return pl.col("problem_id").str.slice(0, 8).str.to_integer(base=16, dtype=pl.Int64) % count


def shuffle_by_problem(parts: Iterable[pl.DataFrame], count: int, folder: TableFolder) -> list[ParquetFile]:
    """Put all rows of a problem into one bucket, in their order; each bucket is a file `shares/<partition>.parquet`, an empty one has none."""
    with tempfile.TemporaryDirectory(prefix="errata-") as place:
        for rows in batch_frames(parts, WAITING):
            _append_rows(rows, count, Path(place))
        return [
            folder.write(f"shares/{path.name}.parquet", _read_shuffled(path)) for path in sorted(Path(place).iterdir())
        ]


def _append_rows(rows: pl.DataFrame, count: int, place: Path) -> None:
    """Append rows to the files of their shares, each time as an Arrow stream of its own."""
    for (share,), part in rows.with_columns(shuffle_key(count).alias(SHARE)).partition_by(
        SHARE, maintain_order=True, as_dict=True, include_key=False
    ).items():  # fmt: skip
        table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
        with open(place / f"{share:05d}", "ab") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)


def _read_shuffled(path: Path) -> pl.DataFrame:
    """The rows of a share."""
    frames = []
    with open(path, "rb") as file:
        while file.peek(1):
            with pa.ipc.open_stream(file) as stream:
                frames.append(pl.DataFrame(stream.read_all()))
    return pl.concat(frames)
