"""The rows of a release for its viewer: found by filters and words, a page at a time, in DuckDB.

The rows are copied once, in the background, with more columns: one that holds
the row's words, so that a search goes through these alone, and what the page
shows of each value that it filters by. Until the copy is whole, the first page
comes from the Parquet files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import duckdb
from errata.compare.row_fingerprints import find_key
from errata.release.find import Release

from flows.report.statistics.examples import NAME, TEXTS
from flows.viewing.database import (
    MEMORY,
    NUMBER,
    PAGE,
    WORDS,
    ViewDatabase,
    ViewError,
    fetch_rows,
    join_clauses,
    match_words,
    quote_name,
    show_value,
)
from tasks import list_labels

BATCH = 500
"""Rows that are taken from the database at once for a download."""
FILTERS = ("type", "model", "set", "step", "id")
WHOLES = {"rationale": ("text",), "steps": ("text", "rationale")}
"""Columns whose words mostly stand in another, too, where a search need not read them again."""
_SHOWN = "errata_shown_"


class ViewedRows:
    """The rows of one view of a release, in a table of their own."""

    def __init__(
        self, release: Release, view: str | None = None, database: ViewDatabase | None = None, table: str = "rows"
    ) -> None:
        self.view, self.table = view or release.views[0], table
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
        # where a key is text, its column is read first, and the others where it fits alone
        kind = next(
            column.get("type", "string") for column in release.manifest["columns"][self.view] if column["name"] == key
        )
        self._key = quote_name(key) if kind == "string" else f"CAST({quote_name(key)} AS VARCHAR)"
        self.by = _find_columns(key, columns)
        self.database = database or ViewDatabase()
        names = [name for name in dict.fromkeys((key, *TEXTS)) if name in columns]
        words = ", ".join(select_words(name, names) for name in names)
        shown = {f"{_SHOWN}{name}": show_value(column, NAME) for name, column in self.by.items() if name != "step"}
        values = "".join(f", {value} AS {name}" for name, value in shown.items())
        self._wanted = f"(row_number() OVER ()) - 1 AS {NUMBER}, *, lower(concat_ws(' ', {words})) AS {WORDS}{values}"
        self._selected = f"* EXCLUDE ({', '.join((NUMBER, WORDS, *shown))})"
        if database is None:
            self.copy()
            self.database.seal()

    def copy(self) -> None:
        """Copy the rows in the background; who gives a database begins it."""
        self.database.copy(self.table, f"SELECT {self._wanted} FROM read_parquet(?)", [self.paths])

    def find(self, filters: Mapping[str, str], search: str = "", begin: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """A page of the rows with these values that hold all these words.

        Args:
            filters: Values by filter, of `FILTERS`, as the page shows them; `step` counts from 1.
            search: Words, of which a row must hold every one, whatever their case.
            begin: The number of the page's first row, among those found.

        Returns:
            How many there are, and those of the page.

        Raises:
            ViewError: The rows have no such column, or cannot be read.

        """
        clauses, values = self._select(filters, search)
        if not clauses and begin == 0 and not self.database.has(self.table):
            return self.total, self._read_files(f"LIMIT {PAGE}", [])
        count, numbers = self.database.find(self.table, clauses, values, begin)
        return count, self.database.fetch(self.table, numbers, self._selected)

    def fetch(self, rows: Mapping[int, str]) -> dict[int, dict[str, Any]]:
        """Rows by their numbers, of which each has a key; by these from the files as long as the rows are not copied."""
        if not rows:
            return {}
        if self.database.has(self.table):
            wide = self.database.fetch(self.table, rows, self._selected)
        else:
            wide = self._read_files(f"WHERE {self._key} IN ({', '.join('?' * len(rows))})", list(rows.values()))
        by_key = {str(row[self.key]): row for row in wide}
        return {number: by_key[key] for number, key in rows.items()}

    def read(self, filters: Mapping[str, str], search: str = "") -> Iterator[dict[str, Any]]:
        """All rows with these values that hold all these words, in their order."""
        clauses, values = self._select(filters, search)
        with self.database.connect(self.table) as cursor:
            cursor.execute(
                f"SELECT {self._selected} FROM {self.table} {join_clauses(clauses)} ORDER BY {NUMBER}", values
            )
            names = [entry[0] for entry in cursor.description or ()]
            while rows := cursor.fetchmany(BATCH):
                yield from (dict(zip(names, row)) for row in rows)

    def close(self) -> None:
        """Leave nothing behind."""
        self.database.close()

    def _read_files(self, rest: str, values: Sequence[str]) -> list[dict[str, Any]]:
        with duckdb.connect(config={"memory_limit": MEMORY}) as connection:
            return fetch_rows(connection.execute(f"SELECT * FROM read_parquet(?) {rest}", [self.paths, *values]))

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
                clauses.append(f"{quote_name(column)} = ?")
                values.append(int(value) - 1)
            else:
                clauses.append(f"{_SHOWN}{name} = ?")
                values.append(value)
        words = match_words(WORDS, search)
        return [*clauses, *words[0]], [*values, *words[1]]


def select_words(name: str, names: Sequence[str]) -> str:
    """SQL for what is searched of a column: nothing of what another says whole, as a reply says its rationale and steps."""
    column = f"CAST({quote_name(name)} AS VARCHAR)"
    wholes = [f"CAST({quote_name(whole)} AS VARCHAR)" for whole in WHOLES.get(name, ()) if whole in names]
    if not wholes:
        return column
    parts = f"coalesce(TRY_CAST({quote_name(name)} AS VARCHAR[]), [{column}])"
    said = (f"list_bool_and(list_transform({parts}, lambda part: contains({whole}, part)))" for whole in wholes)
    return f"CASE WHEN {' OR '.join(said)} THEN NULL ELSE {column} END"


def _find_columns(key: str, columns: Sequence[str]) -> dict[str, str]:
    """The column that each filter means, where there is one."""
    kinds, steps = ([label.column for label in list_labels(kind)] for kind in ("type", "step"))
    wanted = {"type": kinds, "model": ["model"], "set": ["set"], "step": steps, "id": [key]}
    found = {name: next((column for column in names if column in columns), None) for name, names in wanted.items()}
    return {name: column for name, column in found.items() if column is not None}
