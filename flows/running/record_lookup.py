"""Rows that are joined to records by key: kept on disk while a table's files are read, so that there may be many."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

from schemas.task import Record, RecordJoin, UnreadableValue

_TABLE = "CREATE TABLE row (key TEXT PRIMARY KEY, value TEXT, used INTEGER DEFAULT 0) WITHOUT ROWID"
# another row of the same key makes it ambiguous; the same row again does not
_ADD = """
    INSERT INTO row (key, value) VALUES (?, ?)
    ON CONFLICT (key) DO UPDATE SET value = CASE WHEN value = excluded.value THEN value END
"""
_SOUGHT = 500
"""Keys of one query."""


class RecordLookup:
    """The rows of a join, by key, in a file of its own.

    Args:
        join: By what they are joined.

    """

    def __init__(self, join: RecordJoin) -> None:
        self.join = join
        self._folder = tempfile.TemporaryDirectory(prefix="errata-")
        self._rows = sqlite3.connect(Path(self._folder.name) / "rows.db", check_same_thread=False)
        self._rows.execute("PRAGMA journal_mode = OFF")
        self._rows.execute("PRAGMA synchronous = OFF")
        self._rows.execute(_TABLE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._rows.close()
        self._folder.cleanup()

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows; those without a key cannot be joined."""
        keyed = ((self.join.key(row), row) for row in rows)
        self._rows.executemany(_ADD, ((key, json.dumps(row, default=_write)) for key, row in keyed if key is not None))

    def attach(self, records: Sequence[Record]) -> list[Record]:
        """Records with the row of their key beside them, or with why there is none."""
        keys = [self.join.on(record.fields()) if record.value is not None else None for record in records]
        rows = dict(self._find(sorted({key for key in keys if key is not None})))
        return [
            record
            if record.value is None
            else replace(record, context={**record.context, self.join.name: self._choose(key, rows)})
            for record, key in zip(records, keys)
        ]

    def _choose(self, key: str | None, rows: Mapping[str, str | None]) -> Any:
        if key is None:
            return UnreadableValue(self.join.missing, f"the record has no key to be joined by to {self.join.place}")
        if key not in rows:
            return UnreadableValue(self.join.missing, f"'{key[:80]}' is in none of the rows of {self.join.place}")
        value = rows[key]
        if value is None:
            return UnreadableValue("ambiguous key", f"'{key[:80]}' is that of several rows of {self.join.place}")
        return json.loads(value)

    def _find(self, keys: Sequence[str]) -> Iterator[tuple[str, str | None]]:
        for start in range(0, len(keys), _SOUGHT):
            some = keys[start : start + _SOUGHT]
            marks = ", ".join("?" * len(some))
            yield from self._rows.execute(f"SELECT key, value FROM row WHERE key IN ({marks})", some)

    def note_used(self, records: Sequence[Record]) -> None:
        """Remember the rows to which one of these records belongs."""
        keys = {self.join.on(record.fields()) for record in records if record.value is not None} - {None}
        self._rows.executemany("UPDATE row SET used = 1 WHERE key = ?", ((key,) for key in keys))

    def is_used(self, row: Mapping[str, Any]) -> bool:
        """Whether one of the records noted belongs to a row."""
        found = self._rows.execute("SELECT used FROM row WHERE key = ?", (self.join.key(row),)).fetchone()
        return bool(found and found[0])


def _write(value: Any) -> Any:
    """A value that JSON has no form for as text; one that cannot be read as null."""
    return None if isinstance(value, UnreadableValue) else str(value)
