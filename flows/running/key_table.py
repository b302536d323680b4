"""The narrow table of a decision: what a task must see of all rows at once, in DuckDB, on disk, bounded in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import groupby
from typing import Any

import polars as pl

from catalog.storage import Store
from flows.running.work_folder import open_work_folder
from tasks.database import open_database

DUCKDB_MEMORY = 1024
"""MiB."""
BATCH = 50_000


class KeyTable:
    """A DuckDB database on disk, bounded in memory, that holds keys and what was decided of their rows.

    Args:
        store: Beside whose tables it lies, where these are on a disk of this machine.

    """

    def __init__(self, store: Store | None = None) -> None:
        self.store, self.rows = store, 0
        self._end = ExitStack()

    def __enter__(self) -> KeyTable:
        with ExitStack() as end:
            place = end.enter_context(open_work_folder(self.store))
            self.file = str(place / "rows.duckdb")
            self._connection = open_database(place, DUCKDB_MEMORY)
            end.callback(self._connection.close)
            self._end = end.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.close()

    def add(self, rows: pl.DataFrame, select: str = "*") -> None:
        """Append rows, or what a list of SQL expressions makes of them; the first ones make the table."""
        self._connection.register("added", rows.to_arrow())
        if rows.height:
            verb = "INSERT INTO narrow" if self.rows else "CREATE TABLE narrow AS"
            self._connection.execute(f"{verb} SELECT {select} FROM added")
        self._connection.unregister("added")
        self.rows += rows.height

    def query(self, query: str) -> list[tuple[Any, ...]]:
        """The rows of a query's result, which must be few."""
        rows: list[tuple[Any, ...]] = self._connection.execute(query).fetchall()
        return rows

    def by_partition(self, query: str, other: KeyTable | None = None) -> Iterator[tuple[int, pl.DataFrame]]:
        """Go through the rows of a query partition by partition.

        They are sorted once and gone through once, so that many partitions cost
        no more than few.

        Args:
            query: SQL whose rows have the columns `key` and `unit`, the number of a partition.
            other: Another's table that the query may speak of, as `other.narrow`.

        Yields:
            Each number that has rows, and these, ordered by key.

        """
        if other is not None:
            other._connection.close()
            file = other.file.replace("'", "''")
            self._connection.execute(f"ATTACH '{file}' AS other (READ_ONLY)")
        batches = self._connection.sql(f"{query} ORDER BY unit, key").to_arrow_reader(BATCH)
        pieces = (piece for batch in batches for piece in pl.DataFrame(batch).partition_by("unit", maintain_order=True))
        for unit, some in groupby(pieces, key=lambda rows: int(rows["unit"][0])):
            yield unit, pl.concat(some).drop("unit")
        if other is not None:
            self._connection.execute("DETACH other")
