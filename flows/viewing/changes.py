"""The rows of two releases side by side for the viewer: found by what became of them and by words, a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from errata.release.find import Release

from flows.comparison.changed_rows import FACT_NAMES, ORDER, make_changed_row
from flows.comparison.changes import Changes, compare_rows
from flows.comparison.narrow_rows import KINDS, choose_view, open_view
from flows.report.build import list_columns
from flows.report.statistics.examples import NAME
from flows.viewing.database import NUMBER, WORDS, ViewDatabase, ViewError, join_clauses, match_words, show_value
from flows.viewing.rows import BATCH, ViewedRows

LABELS = tuple(f"{kind}-{side}" for kind in KINDS for side in ("before", "after"))
FILTERS = ("kind", *LABELS, "model", "set", "id")
_FACTS = {name: fact for fact, name in FACT_NAMES.items()}
_NARROW, _WORDS = "changes", "changes_words"


class ViewedChanges:
    """The rows of two releases: those that changed first."""

    def __init__(self, release: Release, changes: Changes, before: ViewedRows, after: ViewedRows) -> None:
        self.release, self.changes, self.before, self.after = release, changes, before, after
        self.total = changes.rows.height
        rank = pl.coalesce(*(pl.when(pl.col(fact)).then(pl.lit(i)) for i, fact in enumerate(ORDER)))
        self.database = after.database
        self.database.add(_NARROW, changes.rows.sort(rank, "id").with_row_index(NUMBER))
        # the page that everybody asks for first is fetched while nothing is copied yet
        self._first: list[dict[str, Any]] = []
        self._first = self.find({})[1]

    def copy(self) -> None:
        """Copy what is searched; until it is there, rows are found by what became of them alone, and read from the files."""
        self.after.copy()
        self.before.copy()
        # rows that changed in nothing that is searched have their words once
        self.database.copy(
            _WORDS,
            f"""SELECT c.*, {show_value("id", NAME)} AS shown_id,
            concat_ws(' ', a.{WORDS}, CASE WHEN b.{WORDS} IS DISTINCT FROM a.{WORDS} THEN b.{WORDS} END) AS {WORDS}
            FROM {_NARROW} c LEFT JOIN {self.after.table} a ON a.{NUMBER} = c.row_after
            LEFT JOIN {self.before.table} b ON b.{NUMBER} = c.row_before""",
        )

    def find(self, filters: Mapping[str, str], search: str = "", begin: int = 0) -> tuple[int, list[dict[str, Any]]]:
        """A page of the rows that changed so and hold all these words, on one side or the other.

        Args:
            filters: Values by filter, of `FILTERS`, as the page shows them.
            search: Words, of which a row must hold every one, whatever their case.
            begin: The number of the page's first row, among those found.

        Returns:
            How many there are, and those of the page, both sides as examples.

        Raises:
            ViewError: There is no such kind of change, or the rows cannot be read.

        """
        if self._first and not filters and not search and begin == 0:
            return self.total, self._first
        count, numbers = self.database.find(*self._select(filters, search), begin)
        rows = self.database.fetch(_NARROW, numbers)
        return count, [make_changed_row(row, self.changes, *sides) for row, *sides in self._fetch_sides(rows)]

    def read(self, filters: Mapping[str, str], search: str = "") -> Iterator[dict[str, Any]]:
        """All rows that changed so and hold all these words: what became of each, and the columns of both sides."""
        table, clauses, values = self._select(filters, search)
        with self.database.connect(table) as cursor:
            found = f"SELECT {NUMBER} FROM {table} {join_clauses(clauses)}"
            cursor.execute(f"SELECT * FROM {_NARROW} WHERE {NUMBER} IN ({found}) ORDER BY {NUMBER}", values)
            names = [entry[0] for entry in cursor.description or ()]
            while batch := cursor.fetchmany(BATCH):
                for row, before, after in self._fetch_sides([dict(zip(names, row)) for row in batch]):
                    kinds = [name for fact, name in FACT_NAMES.items() if row[fact]]
                    yield {
                        "id": row["id"], "kinds": kinds, "rule": row["rule"], "same_solution": row["same_solution"],
                        **_prefix("before", before, self.changes.before.source.columns),
                        **_prefix("after", after, self.changes.after.source.columns),
                    }  # fmt: skip

    def _fetch_sides(self, rows: list[dict[str, Any]]) -> Iterator[tuple[dict[str, Any], Any, Any]]:
        """Rows with the whole row of either side."""
        sides = [
            viewed.fetch({row[f"row_{name}"]: row[f"{name}_key"] for row in rows if row[f"row_{name}"] is not None})
            for viewed, name in ((self.before, "before"), (self.after, "after"))
        ]
        for row in rows:
            yield row, sides[0].get(row["row_before"]), sides[1].get(row["row_after"])

    def _select(self, filters: Mapping[str, str], search: str) -> tuple[str, list[str], list[str]]:
        """The table that is looked at, what a row must satisfy as SQL, and the values of its places."""
        clauses, values = list[str](), list[str]()
        for name, value in filters.items():
            if name == "kind":
                if value not in _FACTS:
                    raise ViewError(f"kind is {value[:40]!r}; there are {', '.join(_FACTS)}")
                clauses.append(_FACTS[value])
                continue
            clauses.append("shown_id = ?" if name == "id" else f"{name.replace('-', '_')} = ?")
            values.append(value)
        words = match_words(WORDS, search)
        table = _WORDS if words[0] or "id" in filters else _NARROW
        return table, [*clauses, *words[0]], [*values, *words[1]]


def view_changes(release: Release, against: Release, view: str | None = None) -> ViewedChanges:
    """The rows of a release beside those of another, which can both be looked at.

    Args:
        release: The later one.
        against: The earlier one.
        view: Whose rows; else of the views that both have the one of which most is labelled.

    Returns:
        The rows; `after` are those of the later release alone.

    Raises:
        ComparisonError: The releases have no row in common, or no view.
        NotFound: One of them has no such view.

    """
    name = view or choose_view(list_columns(release), against, release.name)
    changes = compare_rows(open_view(against, name), open_view(release, name))
    database = ViewDatabase()
    after, before = ViewedRows(release, name, database), ViewedRows(against, name, database, "rows_before")
    viewed = ViewedChanges(against, changes, before, after)
    viewed.copy()
    database.seal()
    return viewed


def _prefix(side: str, row: Mapping[str, Any] | None, columns: tuple[str, ...]) -> dict[str, Any]:
    """The columns of a side, empty where there is no such row."""
    return {f"{side}_{name}": None if row is None else row[name] for name in columns}
