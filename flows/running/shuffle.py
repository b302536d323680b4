"""Shares of a table's problems: all rows of a problem together, for the tasks that need whole problems.

The input is gone through once and each row is appended to the file of its
share, on the disk of the machine; then the shares go to the store one by one.
Where there are many shares, rows go to files of several shares first, and
these are dealt out again: were each batch dealt out to all of them at once,
the pieces would be as many as batches times shares, whose number grows with
the square of the rows.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa

from catalog.parts import ParquetFile
from catalog.tables import TableFolder
from flows.running.work_folder import open_work_folder
from schemas.frames import batch_frames

WAITING = 100_000
"""Rows that are held in memory until they are appended to the files of their shares."""
WIDE = 64
"""Files that rows are dealt out to at a time, at most."""
SHARE = "_share_of_the_problems"


def shuffle_key(count: int) -> pl.Expr:
    """The share, of so many, of a row's problem: by its id, so that it is the same in any order of rows."""
    return pl.col("problem_id").str.slice(0, 8).str.to_integer(base=16, dtype=pl.Int64) % count


def shuffle_by_problem(
    parts: Iterable[pl.DataFrame], count: int, folder: TableFolder, shares: range | None = None
) -> list[ParquetFile]:
    """Put all rows of a problem into one bucket, in their order.

    Args:
        parts: The rows.
        count: Buckets.
        folder: The table.
        shares: The numbers of the buckets that the rows are of; all unless given.

    Returns:
        A file `shares/<partition>.parquet` for each bucket; an empty one has none.

    """
    with open_work_folder(folder.store) as place:
        return [
            folder.write(f"shares/{path.name}.parquet", pl.concat(_read_pieces(path)))
            for path in _deal_out(parts, shares or range(count), count, place)
        ]


def _deal_out(parts: Iterable[pl.DataFrame], shares: range, count: int, place: Path) -> Iterator[Path]:
    """The files of some shares in their order, each until the next is asked for; `parts` are the rows of these shares."""
    width = 1
    while len(shares) > width * WIDE:
        width *= WIDE
    for rows in batch_frames(parts, WAITING):
        first = (shuffle_key(count) - shares.start) // width * width + shares.start
        _append_rows(rows, first, place)
    for path in sorted(place.iterdir(), key=lambda path: int(path.name)):
        if width == 1:
            yield path
        else:
            inside = range(int(path.name), min(int(path.name) + width, shares.stop))
            with tempfile.TemporaryDirectory(dir=place) as below:
                yield from _deal_out(_read_pieces(path), inside, count, Path(below))
        path.unlink()


def _append_rows(rows: pl.DataFrame, file_of: pl.Expr, place: Path) -> None:
    """Append rows to files of shares, each time as an Arrow stream of its own."""
    for (number,), part in rows.with_columns(file_of.alias(SHARE)).partition_by(
        SHARE, maintain_order=True, as_dict=True, include_key=False
    ).items():  # fmt: skip
        table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
        with open(place / f"{number:05d}", "ab") as file, pa.ipc.new_stream(file, table.schema) as stream:
            stream.write_table(table)


def _read_pieces(path: Path) -> Iterator[pl.DataFrame]:
    """What was appended to a file, piece by piece."""
    with open(path, "rb") as file:
        while file.peek(1):
            with pa.ipc.open_stream(file) as stream:
                yield pl.DataFrame(stream.read_all())
