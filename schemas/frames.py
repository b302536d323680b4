"""What a contract looks like to Polars, Arrow and a reader, and the check of rows against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import polars as pl
import pyarrow as pa

from schemas.contract import DETAIL, REASON, Column, Contract, ContractError

POLARS: dict[str, pl.DataType] = {
    "string": pl.String(),
    "integer": pl.Int64(),
    "number": pl.Float64(),
    "boolean": pl.Boolean(),
    "strings": pl.List(pl.String()),
    "integers": pl.List(pl.Int64()),
    "numbers": pl.List(pl.Float64()),
    "booleans": pl.List(pl.Boolean()),
}
# plain types: `datasets` casts large ones only since 3.0, and what a release writes is read for years
ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "strings": pa.list_(pa.string()),
    "integers": pa.list_(pa.int64()),
    "numbers": pa.list_(pa.float64()),
    "booleans": pa.list_(pa.bool_()),
}
WHOLE = ("strings", "booleans", "records")
"""Lists without a null in them."""
FOUND_CHARACTERS = 80
"""Of a value that breaks its contract, shown in the error."""
Why = tuple[str, str | None]
"""The reason and detail of a row that is rejected."""


def to_polars_type(column: Column) -> pl.DataType:
    """The Polars type of a column's values."""
    if column.kind in POLARS:
        return POLARS[column.kind]
    record = pl.Struct({field.name: to_polars_type(field) for field in column.fields})
    return pl.List(record) if column.kind == "records" else record


def to_arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column's values."""
    if column.kind in ARROW:
        return ARROW[column.kind]
    record = pa.struct([pa.field(field.name, to_arrow_type(field)) for field in column.fields])
    return pa.list_(record) if column.kind == "records" else record


def to_polars_schema(contract: Contract) -> pl.Schema:
    """Column names and Polars types, in the contract's order."""
    return pl.Schema({column.name: to_polars_type(column) for column in contract.columns})


def describe_columns(schema: Mapping[str, pl.DataType]) -> tuple[Column, ...]:
    """Columns of these Polars types, of which nothing else is known."""
    return tuple(_describe_column(name, kind) for name, kind in schema.items())


def _describe_column(name: str, kind: pl.DataType) -> Column:
    known = next((own for own, other in POLARS.items() if other == kind), None)
    if known is not None:
        return Column(name, known, "", nullable=True)  # type: ignore[arg-type]
    record = kind.inner if isinstance(kind, pl.List) else kind
    if not isinstance(record, pl.Struct):
        return Column(name, "string", "", nullable=True)
    fields = describe_columns({field.name: field.dtype for field in record.fields})  # type: ignore[misc]
    return Column(name, "records" if isinstance(kind, pl.List) else "record", "", nullable=True, fields=fields)


def to_arrow_schema(contract: Contract) -> pa.Schema:
    """The Arrow schema; each field's metadata carries its meaning."""
    return pa.schema(
        pa.field(c.name, to_arrow_type(c), nullable=c.nullable, metadata={"meaning": c.meaning})
        for c in contract.columns
    )


@dataclass(frozen=True)
class ColumnRule:
    """What a contract asks of the values of one column."""

    column: str
    expected: str
    """What a value is to be, in the words of an error."""
    holds: pl.Expr
    """Whether the value of each row is so; null where a row has no value, which passes: nullability is a rule of its own."""


@lru_cache(maxsize=256)
def list_rules(contract: Contract) -> tuple[ColumnRule, ...]:
    """All rules of a contract for a frame that has its columns and types, in the order of its columns."""
    rules: list[ColumnRule] = []
    for column in contract.columns:
        value = pl.col(column.name)
        pairs = [] if column.nullable else [("a value", value.is_not_null())]
        if column.name == contract.key:
            pairs.append(("a value of no other row", value.is_unique()))
        if column.one_of:
            pairs.append((f"one of {', '.join(column.one_of)}", value.is_in(column.one_of)))
        if column.pattern:
            pairs.append((f"text like {column.pattern}", value.str.contains(f"^(?:{column.pattern})$")))
        if column.kind in WHOLE:
            pairs.append(("a list without nulls", ~value.list.eval(pl.element().is_null()).list.any()))
        rules += [ColumnRule(column.name, expected, holds) for expected, holds in (*pairs, *_bounds(column))]
    return tuple(rules)


def _bounds(column: Column) -> list[tuple[str, pl.Expr]]:
    """What is expected of a column's numbers, items or lengths, and whether it holds."""
    value, low, high = pl.col(column.name), column.at_least, column.at_most
    subject, smallest, largest = "", value, value
    if column.kind in ("integers", "numbers"):
        subject, smallest, largest = "items of ", value.list.min(), value.list.max()
    elif column.kind in WHOLE:
        subject, smallest, high = "a length of ", value.list.len(), None
    elif column.kind not in ("integer", "number"):
        return []
    bounds = [] if low is None else [(f"{subject}at least {low:g}", smallest.ge(low))]
    return bounds if high is None else [*bounds, (f"{subject}at most {high:g}", largest.le(high))]


@lru_cache(maxsize=256)
def _all_rules(contract: Contract) -> pl.Expr:
    """Whether a table of the right types keeps its contract, as one value."""
    return pl.all_horizontal([rule.holds.all() for rule in list_rules(contract)])


def keeps_contract(frame: pl.DataFrame, contract: Contract) -> bool:
    """Whether a collected table keeps its contract."""
    return frame.schema == to_polars_schema(contract) and bool(frame.select(_all_rules(contract)).item())


def check(frame: pl.DataFrame, contract: Contract, where: str) -> None:
    """Check a collected table against its contract.

    Args:
        frame: The rows to check.
        contract: What they are to be.
        where: What the rows are, for the error: table and partition.

    Raises:
        ContractError: One line for each rule that is broken: the column, what was expected, what was found, and in which
            row (counted from 0) first.
    """
    if keeps_contract(frame, contract):
        return
    faults = _list_schema_faults(frame.schema, contract) or [
        fault for rule in list_rules(contract) if (fault := _describe_fault(frame, contract, rule))
    ]
    raise ContractError("\n".join(f"{where}: {fault}" for fault in faults))


def _list_schema_faults(schema: pl.Schema, contract: Contract) -> list[str]:
    """How columns and types differ from the contract's."""
    expected = to_polars_schema(contract)
    faults = [f"{name}: the column is missing" for name in expected if name not in schema]
    for name, kind in schema.items():
        if name not in expected:
            faults.append(f"{name}: the contract '{contract.name}' has no such column")
        elif kind != expected[name]:
            faults.append(f"{name}: expected the type {expected[name]}, found {kind}")
    if not faults and list(schema) != list(expected):
        faults.append(f"expected the columns in the order {', '.join(expected)}, found {', '.join(schema)}")
    return faults


def _describe_fault(frame: pl.DataFrame, contract: Contract, rule: ColumnRule) -> str | None:
    """What breaks a rule; None where nothing does."""
    rows = frame.select((~rule.holds).fill_null(False).arg_true()).to_series()
    if not len(rows):
        return None
    row = frame.row(rows[0], named=True)
    key = f" ({contract.key} {row[contract.key]})" if contract.key in row and contract.key != rule.column else ""
    more = f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    value = "null" if row[rule.column] is None else repr(row[rule.column])[:FOUND_CHARACTERS]
    return f"{rule.column}: expected {rule.expected}, found {value} in row {rows[0]}{key}{more}"


def reject_rows(part: pl.DataFrame, why: Iterable[Why | None]) -> pl.DataFrame:
    """The rows that a task rejects, with reason and detail.

    Args:
        part: Rows of a task's input.
        why: Of each its reason and detail; None where it is kept.

    Returns:
        The rows that have a reason.

    """
    schema = {REASON.name: pl.String, DETAIL.name: pl.String}
    reasons = pl.DataFrame([reason or (None, None) for reason in why], schema=schema, orient="row")
    return part.hstack(reasons).filter(pl.col(REASON.name).is_not_null())


def batch_frames(frames: Iterable[pl.DataFrame], rows: int, size: int | None = None) -> Iterator[pl.DataFrame]:
    """Frames put together until they have so many rows, or so many bytes; the last batch may be smaller."""
    waiting: list[pl.DataFrame] = []
    height, estimated = 0, 0
    for frame in frames:
        waiting.append(frame)
        height += frame.height
        estimated += int(frame.estimated_size()) if size else 0
        if height >= rows or (size and estimated >= size):
            yield pl.concat(waiting)
            waiting, height, estimated = [], 0, 0
    if waiting:
        yield pl.concat(waiting)


def to_markdown(contract: Contract, filled: Mapping[str, str] | None = None) -> str:
    """The contract as a Markdown table, for cards and documentation.

    Args:
        contract: The columns.
        filled: How often each column is filled, as text; without it the table does not say so.

    Returns:
        A line for each column.

    """
    shares = filled is not None
    lines = [f"| column | type | null |{' filled |' if shares else ''} meaning |", f"|---|---|---|{'---:|' if shares else ''}---|"]  # fmt: skip
    for column in contract.columns:
        kind = f"list of {column.kind}" if column.kind.endswith("s") else column.kind
        allowed = f" One of: {', '.join(f'`{value}`' for value in column.one_of)}." if column.one_of else ""
        null = "yes" if column.nullable else "no"
        share = f" {filled.get(column.name, '')} |" if filled is not None else ""
        lines.append(f"| `{column.name}` | {kind} | {null} |{share} {column.meaning}{allowed} |")
    return "\n".join(lines)
