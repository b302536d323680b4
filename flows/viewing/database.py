"""What a viewer looks rows up in: a DuckDB database in a temporary folder, into which tables are copied in the background.

A table is there when its copy is whole; who needs one waits for it. Rows have
numbers, by which an index finds those of a page: a scan would unpack all columns
of a hundred thousand rows for each of them. Nothing is ever written to a release.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from schemas.errors import ApplicationError

MEMORY = "1GB"
PAGE = 20
"""Rows of a page."""
NUMBER, WORDS = "errata_number", "errata_words"
"""The column of each table that numbers its rows, and the one of those that are searched that holds a row's words."""


class ViewError(ApplicationError):
    """The rows of a release cannot be viewed."""

    exit_code = 2


class ViewDatabase:
    """Tables of a viewer, each copied once, one after the other."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="errata-view-")
        config: dict[str, Any] = {"memory_limit": MEMORY, "enable_external_access": True}
        self._database = duckdb.connect(str(Path(self.folder.name, "rows.duckdb")), config=config)
        self._tables: dict[str, Future[None]] = {}
        self._copying = ThreadPoolExecutor(1)
        self._running: duckdb.DuckDBPyConnection | None = None

    def copy(self, table: str, select: str, values: Sequence[Any] = ()) -> None:
        """Copy what a query selects into a table, behind those that are copied already."""
        self._tables[table] = self._copying.submit(self._copy, table, select, values)

    def add(self, table: str, rows: pl.DataFrame) -> None:
        """Put rows into a table at once."""
        with self._database.cursor() as cursor:
            cursor.register("given", rows.to_arrow())
            cursor.execute(f"CREATE TABLE {table} AS SELECT * FROM given")
            cursor.execute(_index_rows(table))
        self._tables[table] = Future()
        self._tables[table].set_result(None)

    def seal(self) -> None:
        """Read no file any more, once what is copied is there."""
        self._copying.submit(self._execute, "SET enable_external_access = false")

    def find(self, table: str, clauses: Sequence[str], values: Sequence[Any], begin: int) -> tuple[int, list[int]]:
        """A page of the rows of a table.

        Args:
            table: The table.
            clauses: What a row must satisfy, as SQL with places for the values.
            values: The values.
            begin: The number of the page's first row, among those found.

        Returns:
            How many there are, and the numbers of those of the page, in their order.

        Raises:
            ViewError: The table could not be copied.

        """
        # the rows are gone through once, by all threads: a window that counts beside would take one
        found = f"WITH found AS MATERIALIZED (SELECT {NUMBER} FROM {table} {join_clauses(clauses)})"
        page = f"SELECT {NUMBER} FROM found ORDER BY {NUMBER} LIMIT {PAGE} OFFSET ?"
        with self.connect(table) as cursor:
            result = cursor.execute(f"{found} SELECT (SELECT count(*) FROM found), ARRAY({page})", [*values, begin])
            count, numbers = result.fetchall()[0]
        return int(count), sorted(numbers)

    def fetch(self, table: str, numbers: Collection[int], columns: str = "*") -> list[dict[str, Any]]:
        """Rows of a table by their numbers, in the order of these numbers; `ViewError` where it could not be copied."""
        if not numbers:
            return []
        with self.connect(table) as cursor:
            return fetch_rows(cursor.execute(select_numbers(table, numbers, columns)))

    def has(self, table: str) -> bool:
        """Whether a table is there."""
        return table in self._tables and self._tables[table].done()

    def connect(self, table: str) -> duckdb.DuckDBPyConnection:
        """A cursor, once a table is there; `ViewError` where it could not be copied."""
        try:
            self._tables[table].result()
        except duckdb.Error as error:
            raise ViewError(f"the rows cannot be read: {str(error)[:300]}") from None
        return self._database.cursor()

    def close(self) -> None:
        """Leave nothing behind, and finish no copy."""
        running = self._running
        if running is not None:
            with suppress(duckdb.ConnectionException):  # the copy has ended meanwhile
                running.interrupt()
        self._copying.shutdown(cancel_futures=True)
        self._database.close()
        self.folder.cleanup()

    def _copy(self, table: str, select: str, values: Sequence[Any]) -> None:
        self._execute(f"CREATE TABLE {table} AS {select}", values)
        self._execute(_index_rows(table))

    def _execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        with self._database.cursor() as self._running:
            self._running.execute(statement, values)
        self._running = None


def _index_rows(table: str) -> str:
    return f"CREATE UNIQUE INDEX {table}_numbers ON {table} ({NUMBER})"


def fetch_rows(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """All rows of a result."""
    names = [entry[0] for entry in result.description or ()]
    return [dict(zip(names, row)) for row in result.fetchall()]


def quote_name(name: str) -> str:
    """A column's name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def show_value(column: str, most: int) -> str:
    """SQL for a column's value as pages show it: `shorten` of the examples, by which people filter."""
    text = f"CAST({quote_name(column)} AS VARCHAR)"
    plain = f"regexp_replace(left({text}, {most}), '[\\x00-\\x08\\x0b-\\x1f\\x7f]', '\ufffd', 'g')"
    more = f"'… (' || format('{{:,}}', length({text}) - {most}) || ' characters more)'"
    return f"CASE WHEN length({text}) > {most} THEN {plain} || {more} ELSE {plain} END"


def join_clauses(clauses: Sequence[str]) -> str:
    """What rows must satisfy, as SQL; nothing where all are wanted."""
    return f"WHERE {' AND '.join(clauses)}" if clauses else ""


def select_numbers(table: str, numbers: Collection[int], columns: str = "*") -> str:
    """SQL for rows by their numbers, which the index finds."""
    return f"SELECT {columns} FROM {table} WHERE {NUMBER} IN ({', '.join(map(str, numbers))}) ORDER BY {NUMBER}"


def match_words(column: str, search: str) -> tuple[list[str], list[str]]:
    """SQL for rows that hold all words, and the words."""
    words = search.lower().split()[:20]
    return [f"contains({column}, ?)"] * len(words), words
