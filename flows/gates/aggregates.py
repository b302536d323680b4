"""What only all rows together say: uniqueness across parts, sums and means, different values; in DuckDB, on disk.

Nothing is averaged over parts: each question is one query over the narrow
columns that it needs. Of texts that are only compared, 128 bits are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from flows.gates.result import EXAMPLES, make_example
from flows.running.key_table import KeyTable
from schemas.recipe.expectations import Expected

MANY = 100_000
"""Different values that are compared with a set, at most."""
_GROUPS = "(SELECT {0}, count(*) AS n FROM narrow WHERE {0} IS NOT NULL GROUP BY {0})"
_NUMBERS = {
    "expect_column_min_to_be_between": "min({0}) FROM narrow",
    "expect_column_max_to_be_between": "max({0}) FROM narrow",
    "expect_column_sum_to_be_between": "coalesce(fsum({0}), 0) FROM narrow",
    "expect_column_mean_to_be_between": "favg({0}) FROM narrow",
    "expect_column_median_to_be_between": "CAST(median({0}) AS DOUBLE) FROM narrow",
    "expect_column_stdev_to_be_between": "stddev_samp({0}) FROM narrow",
    "expect_column_unique_value_count_to_be_between": f"count(*) FROM {_GROUPS}",
    "expect_column_proportion_of_unique_values_to_be_between": f"count(*) / nullif(sum(n), 0) FROM {_GROUPS}",
    "expect_column_proportion_of_non_null_values_to_be_between": "count({0}) / nullif(count(*), 0) FROM narrow",
    "expect_table_row_count_to_be_between": "count(*) FROM narrow",
}
"""How each number is made, in one query over all rows."""


class Aggregates:
    """The narrow columns of a table that questions about all its rows need."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.select: dict[str, str] = {"key": _quote(key)}
        self.needed = {key}
        self.table = KeyTable()

    def __enter__(self) -> Aggregates:
        self.table.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.table.__exit__()

    def _column(self, expression: str, needed: Sequence[str]) -> str:
        """The name of a column of the narrow table; to be asked for before rows are added."""
        self.needed.update(needed)
        for name, known in self.select.items():
            if known == expression:
                return name
        self.select[name := f"c{len(self.select)}"] = expression
        return name

    def value(self, column: str) -> str:
        """A column as it is."""
        return self._column(_quote(column), [column])

    def digest(self, columns: Sequence[str], nulls: bool) -> str:
        """What stands for the values of some columns; null where one of them is, unless nulls count as values."""
        names = [_quote(column) for column in columns]
        digest = f"md5_number(CAST(to_json([{', '.join(f'to_json({name})' for name in names)}]) AS VARCHAR))"
        present = " AND ".join(f"{name} IS NOT NULL" for name in names)
        return self._column(digest if nulls else f"CASE WHEN {present} THEN {digest} END", columns)

    def presence(self, column: str) -> str:
        """Whether a value is there."""
        return self._column(f"CASE WHEN {_quote(column)} IS NOT NULL THEN true END", [column])

    def add(self, rows: pl.DataFrame) -> None:
        """Keep what the questions need of some rows."""
        self.table.add(rows, ", ".join(f"{expression} AS {name}" for name, expression in self.select.items()))

    def repeated(self, digest: str) -> tuple[int, int, int, list[dict[str, Any]]]:
        """Rows that have the digest, those of them that share it, those that repeat another, and some of them."""
        if not self.table.rows:
            return 0, 0, 0, []
        shared = f"SELECT {digest}, count(*) AS n FROM narrow WHERE {digest} IS NOT NULL GROUP BY {digest} HAVING n > 1"
        ((rows,),) = self.table.query(f"SELECT count({digest}) FROM narrow")
        ((sharing, repeating),) = self.table.query(
            f"SELECT coalesce(sum(n), 0), coalesce(sum(n - 1), 0) FROM ({shared})"
        )
        examples = self.table.query(
            f"SELECT DISTINCT key, n FROM narrow JOIN ({shared}) USING ({digest}) ORDER BY key LIMIT {EXAMPLES}"
        )
        return rows, int(sharing), int(repeating), [make_example(key, f"{n} rows are so") for key, n in examples]

    def number(self, type: str, column: str) -> Any:
        """The number that an expectation is about; None where there is none."""
        if not self.table.rows:
            return 0 if "count" in type else None
        ((value,),) = self.table.query(f"SELECT {_NUMBERS[type].format(column)}")
        return value

    def list_distinct(self, column: str) -> list[Any] | None:
        """The different values of a column, sorted; None where there are too many."""
        if not self.table.rows:
            return []
        query = f"SELECT {column} FROM narrow WHERE {column} IS NOT NULL GROUP BY {column} ORDER BY {column}"
        rows = self.table.query(f"{query} LIMIT {MANY + 1}")
        return None if len(rows) > MANY else [value for (value,) in rows]


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def add_number(aggregates: Aggregates, expected: Expected, kind: str | None) -> str:
    """The narrow column that a number is made from: texts are told apart by digests, of others the values."""
    if not expected.columns:
        return "key"
    if expected.type.endswith("non_null_values_to_be_between"):
        return aggregates.presence(expected.columns[0])
    if kind == "string":
        return aggregates.digest(expected.columns, nulls=False)
    return aggregates.value(expected.columns[0])
