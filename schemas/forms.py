"""What a contract looks like to Polars, Arrow, pandera and a reader."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import polars as pl
import pyarrow as pa

from schemas.contract import Column, Contract, ContractError

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
ARROW: dict[str, pa.DataType] = {
    "string": pa.large_string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
    "strings": pa.large_list(pa.large_string()),
    "integers": pa.large_list(pa.int64()),
    "numbers": pa.large_list(pa.float64()),
    "booleans": pa.large_list(pa.bool_()),
}
WHOLE = ("strings", "booleans", "records")
"""Lists without a null in them."""


def polars_type(column: Column) -> pl.DataType:
    """The Polars type of a column's values."""
    if column.kind in POLARS:
        return POLARS[column.kind]
    record = pl.Struct({field.name: polars_type(field) for field in column.fields})
    return pl.List(record) if column.kind == "records" else record


def arrow_type(column: Column) -> pa.DataType:
    """The Arrow type of a column's values."""
    if column.kind in ARROW:
        return ARROW[column.kind]
    record = pa.struct([pa.field(field.name, arrow_type(field)) for field in column.fields])
    return pa.large_list(record) if column.kind == "records" else record


def polars_schema(contract: Contract) -> pl.Schema:
    """Column names and Polars types, in the contract's order."""
    return pl.Schema({column.name: polars_type(column) for column in contract.columns})


def arrow_schema(contract: Contract) -> pa.Schema:
    """The Arrow schema; each field's metadata carries its meaning."""
    return pa.schema(
        pa.field(c.name, arrow_type(c), nullable=c.nullable, metadata={"meaning": c.meaning}) for c in contract.columns
    )


@lru_cache(maxsize=256)
def pandera_schema(contract: Contract) -> Any:
    """The pandera schema of a table: types, nulls, ranges, allowed values, the key unique."""
    import pandera.polars as pan  # a second to import: only builds pay for it

    def checks(column: Column) -> list[Any]:
        limits: list[Any] = []
        if column.kind in ("integer", "number"):
            if column.at_least is not None:
                limits.append(pan.Check.greater_than_or_equal_to(column.at_least))
            if column.at_most is not None:
                limits.append(pan.Check.less_than_or_equal_to(column.at_most))
        if column.one_of:
            limits.append(pan.Check.isin(list(column.one_of)))
        if column.pattern:
            limits.append(pan.Check.str_matches(f"^(?:{column.pattern})$"))
        if column.kind in WHOLE:
            limits.append(pan.Check(_no_null_items(column.at_least or 0), name="items"))
        if column.kind in ("integers", "numbers") and (column.at_least, column.at_most) != (None, None):
            limits.append(pan.Check(_items_between(column.at_least, column.at_most), name="items"))
        return limits

    columns = {
        column.name: pan.Column(
            polars_type(column), checks=checks(column), nullable=column.nullable, unique=column.name == contract.key
        )
        for column in contract.columns
    }
    return pan.DataFrameSchema(columns, strict=True, ordered=True, name=contract.name)


def _no_null_items(shortest: float) -> Any:
    """A check that lists hold no null and are at least so long (a null list passes: nullability is apart)."""

    def holds(data: Any) -> pl.LazyFrame:
        items = pl.col(data.key)
        fine = items.list.len().ge(int(shortest)) & ~items.list.eval(pl.element().is_null()).list.any()
        checked: pl.LazyFrame = data.lazyframe.select(fine.fill_null(True))
        return checked

    return holds


def _items_between(least: float | None, most: float | None) -> Any:
    """A check that the numbers in lists lie within the bounds; null items pass."""

    def holds(data: Any) -> pl.LazyFrame:
        items = pl.col(data.key).list
        low = pl.lit(True) if least is None else items.min().ge(least).fill_null(True)
        high = pl.lit(True) if most is None else items.max().le(most).fill_null(True)
        checked: pl.LazyFrame = data.lazyframe.select(low & high)
        return checked

    return holds


def check(frame: pl.DataFrame, contract: Contract, where: str) -> None:
    """Check a collected table against its contract; raise `ContractError` naming column, rule and first bad values.

    Only for collected frames: pandera skips the checks of data on lazy ones.
    """
    import pandera.errors
    from pandera.config import ValidationDepth, config_context

    try:
        # whatever the environment says of pandera: here data are always checked
        with config_context(validation_enabled=True, validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            pandera_schema(contract).validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as error:
        raise ContractError(_told(error, contract, where)) from None


def _told(error: Any, contract: Contract, where: str) -> str:
    """All that a frame breaks of its contract, one line a column and rule."""
    found: dict[tuple[str, str], list[str]] = {}
    for case in error.failure_cases.to_dicts():
        rule = (str(case.get("column") or contract.name), str(case.get("check")))
        found.setdefault(rule, []).append(str(case.get("failure_case"))[:80])
    lines = [
        f"{where}: {column}: breaks {rule} of contract '{contract.name}' in {len(values)} row(s), "
        f"first: {', '.join(values[:3])}"
        for (column, rule), values in found.items()
    ]
    return "\n".join(sorted(lines))


def markdown(contract: Contract, filled: Mapping[str, str] | None = None) -> str:
    """The contract as a Markdown table, for cards and documentation; `filled` says how often each column is."""
    shares = filled is not None
    lines = [f"| column | type | null |{' filled |' if shares else ''} meaning |", f"|---|---|---|{'---:|' if shares else ''}---|"]  # fmt: skip
    for column in contract.columns:
        kind = f"list of {column.kind}" if column.kind.endswith("s") else column.kind
        allowed = f" One of: {', '.join(f'`{value}`' for value in column.one_of)}." if column.one_of else ""
        null = "yes" if column.nullable else "no"
        share = f" {filled.get(column.name, '')} |" if filled is not None else ""
        lines.append(f"| `{column.name}` | {kind} | {null} |{share} {column.meaning}{allowed} |")
    return "\n".join(lines)
