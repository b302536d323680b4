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
            limits.append(pan.Check(_of(_whole_items(column)), name="items"))
        if column.kind in ("integers", "numbers") and (column.at_least, column.at_most) != (None, None):
            limits.append(pan.Check(_of(_items_between(column)), name="items"))
        return limits

    columns = {
        column.name: pan.Column(
            polars_type(column), checks=checks(column), nullable=column.nullable, unique=column.name == contract.key
        )
        for column in contract.columns
    }
    return pan.DataFrameSchema(columns, strict=True, ordered=True, name=contract.name)


def _of(rule: pl.Expr) -> Any:
    """A rule as a check of pandera."""

    def holds(data: Any) -> pl.LazyFrame:
        checked: pl.LazyFrame = data.lazyframe.select(rule)
        return checked

    return holds


def _whole_items(column: Column) -> pl.Expr:
    """Whether lists hold no null and are at least so long (a null list passes: nullability is apart)."""
    items = pl.col(column.name)
    fine = items.list.len().ge(int(column.at_least or 0)) & ~items.list.eval(pl.element().is_null()).list.any()
    return fine.fill_null(True)


def _items_between(column: Column) -> pl.Expr:
    """Whether the numbers in lists lie within the bounds; null items pass."""
    items = pl.col(column.name).list
    low = pl.lit(True) if column.at_least is None else items.min().ge(column.at_least).fill_null(True)
    high = pl.lit(True) if column.at_most is None else items.max().le(column.at_most).fill_null(True)
    return low & high


@lru_cache(maxsize=256)
def _sound(contract: Contract) -> pl.Expr:
    """Whether a table of the right types keeps its contract, as one value."""
    holds = []
    for column in contract.columns:
        value = pl.col(column.name)
        if column.name == contract.key:
            holds.append(value.n_unique() == pl.len())
        if not column.nullable:
            holds.append(value.null_count() == 0)
        if column.kind in ("integer", "number"):
            holds += [value.ge(column.at_least).all()] if column.at_least is not None else []
            holds += [value.le(column.at_most).all()] if column.at_most is not None else []
        if column.one_of:
            holds.append(value.is_in(column.one_of).all())
        if column.pattern:
            holds.append(value.str.contains(f"^(?:{column.pattern})$").all())
        if column.kind in WHOLE:
            holds.append(_whole_items(column).all())
        if column.kind in ("integers", "numbers"):
            holds.append(_items_between(column).all())
    return pl.all_horizontal(holds)


def sound(frame: pl.DataFrame, contract: Contract) -> bool:
    """Whether a collected table keeps its contract: what `check` finds nothing wrong with, in a tenth of its time."""
    return frame.schema == polars_schema(contract) and bool(frame.select(_sound(contract)).item())


def check(frame: pl.DataFrame, contract: Contract, where: str) -> None:
    """Check a collected table against its contract; raise `ContractError` naming column, rule and first bad values.

    Only for collected frames: pandera skips the checks of data on lazy ones.
    It is asked what is wrong only where something is: that takes it 50 ms a part.
    """
    if sound(frame, contract):
        return
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
