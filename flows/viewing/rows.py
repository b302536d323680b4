"""The rows of a release for its viewer: found by filters and words, a page at a time, in DuckDB.

The rows are copied once, in the background, into a database in a temporary
folder, with one more column that holds the row's words: so a search goes
through these alone. Until the copy is whole, the first page comes from the
Parquet files. Nothing is ever written to the release.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
from errata.compare.row_fingerprints import find_key
from errata.release.find import Release

from flows.report.statistics.examples import TEXTS
from schemas.errors import ApplicationError
from tasks import list_labels

PAGE = 20
"""Rows of a page."""
BATCH = 500
"""Rows that are taken from the database at once for a download."""
MEMORY = "1GB"
FILTERS = ("type", "model", "set", "step", "id")
_NUMBER, _WORDS = "errata_number", "errata_words"


class ViewError(ApplicationError):
    """The rows of a release cannot be viewed."""

    exit_code = 2


class ViewedRows:
    """The rows of one view of a release."""

    def __init__(self, release: Release, view: str | None = None) -> None:
        self.view = view or release.views[0]
        files = release.files(self.view)
        self.paths = [str(release.path(file)) for file in files]
        self.total = sum(int(file["rows"]) for file in files)
        columns = [str(column["name"]) for column in release.manifest["columns"][self.view]]
        key = find_key(release, self.view)
        if key is None:
            raise ViewError(
                f"{release.name}: its view {self.view} has no key, by which rows are told apart; name another with --view"
            )
        self.key = key
        self.by = _find_columns(key, columns)
        self.words = [name for name in dict.fromkeys((key, *TEXTS)) if name in columns]
        self.folder = tempfile.TemporaryDirectory(prefix="errata-view-")
        self.copied = threading.Event()
        self.failure: str | None = None
        self.database: duckdb.DuckDBPyConnection | None = None
        threading.Thread(target=self._copy, daemon=True).start()

    def _copy(self) -> None:
        """Copy the rows, with a number and their words."""
        try:
            database = duckdb.connect(
                str(Path(self.folder.name, "rows.duckdb")),
                config={"memory_limit": MEMORY, "enable_external_access": True},
            )
            words = ", ".join(f"CAST({_quote(name)} AS VARCHAR)" for name in self.words)
            database.execute(
                f"CREATE TABLE rows AS SELECT (row_number() OVER ()) - 1 AS {_NUMBER}, *, lower(concat_ws(' ', {words})) AS {_WORDS} FROM read_parquet(?)",
                [self.paths],
            )
            database.execute("SET enable_external_access = false")
            self.database = database
        except duckdb.Error as error:
            self.failure = str(error)[:300]
        finally:
            self.copied.set()

    def find(self, filters: Mapping[str, str], search: str = "", begin: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """A page of the rows with these values that hold all these words.

        Args:
            filters: Values by filter, of `FILTERS`; `step` counts from 1.
            search: Words, of which a row must hold every one, whatever their case.
            begin: The number of the page's first row, among those found.

        Returns:
            How many there are, and those of the page.

        Raises:
            ViewError: The rows have no such column, or cannot be read.

        """
        clauses, values = self._select(filters, search)
        if not clauses and begin == 0 and not self.copied.is_set():
            with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
                return self.total, _fetch(
                    connection.execute(f"SELECT * FROM read_parquet(?) LIMIT {PAGE}", [self.paths])
                )
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        numbers = f"SELECT {_NUMBER}, count(*) OVER () FROM rows {where} ORDER BY {_NUMBER} LIMIT {PAGE} OFFSET ?"
        with self._connect() as cursor:
            # the words are gone through once: what is found is counted beside
            found = cursor.execute(numbers, [*values, begin]).fetchall()
            if not found:
                (count,) = cursor.execute(f"SELECT count(*) FROM rows {where}", values).fetchall()[0] if begin else (0,)
                return int(count), []
            shown = ", ".join(str(number) for number, _ in found)
            page = f"SELECT * EXCLUDE ({_NUMBER}, {_WORDS}) FROM rows WHERE {_NUMBER} IN ({shown}) ORDER BY {_NUMBER}"
            return int(found[0][1]), _fetch(cursor.execute(page))

    def read(self, filters: Mapping[str, str], search: str = "") -> Iterator[dict[str, Any]]:
        """All rows with these values that hold all these words, in their order."""
        clauses, values = self._select(filters, search)
        where = f"WHERE {' AND '.join(clauses)}" if clauses else ""
        with self._connect() as cursor:
            cursor.execute(f"SELECT * EXCLUDE ({_NUMBER}, {_WORDS}) FROM rows {where} ORDER BY {_NUMBER}", values)
            names = [entry[0] for entry in cursor.description or ()]
            while rows := cursor.fetchmany(BATCH):
                yield from (dict(zip(names, row)) for row in rows)

    def close(self) -> None:
        """Leave nothing behind."""
        self.copied.wait(60)
        if self.database is not None:
            self.database.close()
        self.folder.cleanup()

    def _connect(self) -> duckdb.DuckDBPyConnection:
        self.copied.wait()
        if self.database is None:
            raise ViewError(f"the rows cannot be read: {self.failure}")
        return self.database.cursor()

    def _select(self, filters: Mapping[str, str], search: str) -> tuple[list[str], list[Any]]:
        """What a row must satisfy, as SQL with places for the values."""
        clauses, values = list[str](), list[Any]()
        for name, value in filters.items():
            column = self.by.get(name)
            if column is None:
                raise ViewError(f"these rows cannot be filtered by {name}; they can by {', '.join(self.by)}")
            if name == "step":
                if not value.isdecimal() or len(value) > 9:
                    raise ViewError(f"step is {value[:40]!r}, a number from 1 on is expected")
                clauses.append(f"{_quote(column)} = ?")
                values.append(int(value) - 1)
            else:
                clauses.append(f"{_quote(column)} = ?")
                values.append(value)
        for word in search.lower().split()[:20]:
            clauses.append(f"contains({_WORDS}, ?)")
            values.append(word)
        return clauses, values


def _find_columns(key: str, columns: Sequence[str]) -> dict[str, str]:
    """The column that each filter means, where there is one."""
    kinds, steps = ([label.column for label in list_labels(kind)] for kind in ("type", "step"))
    wanted = {"type": kinds, "model": ["model"], "set": ["set"], "step": steps, "id": [key]}
    found = {name: next((column for column in names if column in columns), None) for name, names in wanted.items()}
    return {name: column for name, column in found.items() if column is not None}


def _fetch(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [entry[0] for entry in result.description or ()]
    return [dict(zip(names, row)) for row in result.fetchall()]


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
