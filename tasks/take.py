"""`take`: so many rows of each value of a column, exactly, and what is missing where there are fewer.

A corpus of mistakes wants as many of each type; which rows stay depends on
their ids alone, so that a larger table only adds to the choice.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal, cast

import polars as pl
from pydantic import Field

from schemas.contract import Contract
from schemas.task import Files, Parameters, Records, Rows, TaskError
from schemas.whole_table import Cut, WholeTable
from tasks.smallest_hashes import SmallestHashes

ALL = "all"
"""What rows are counted under where no column tells them apart."""


class Want(Parameters):
    """How many rows are wanted, and of what."""

    rows: int = Field(ge=1, description="The number of rows.")
    per: str | None = Field(
        None, description="The column of whose values so many each are wanted; without it so many in all."
    )
    of: list[str] = Field([], description="The values that are wanted; without it those that occur.")


class TakeParameters(Parameters):
    """Parameters of `take`."""

    want: Want = Field(description="The number of rows, and `per` which column: `{rows: 100, per: error_type}`.")
    short: Literal["warn", "fail"] = Field(
        "warn",
        description="What becomes of a table that has too few: warn keeps what there is, and plan and build say what is missing; "
        "fail ends the build.",
    )


def reject_rest(
    table: Rows, beside: Sequence[Rows | Records | Files], parameters: TakeParameters, _: Path
) -> Iterable[pl.DataFrame]:
    """The rows to reject: those beyond the wanted number, the ones whose hash is largest, and those of no wanted value.

    Args:
        table: The key and the column that tells rows apart, part by part.
        beside: Of each value how many rows there are, and the last that stays.
        parameters: How many are wanted, and of what.

    Yields:
        Frames of `key`, `reason` and `detail`.

    """
    (last,) = cast(Rows, beside[-1])
    of = pl.lit(f"of no wanted {parameters.want.per}")
    for part in table:
        rows = _REST.choose(part, parameters, last).filter(~pl.col("wanted").fill_null(False))
        yield rows.select(
            "key",
            reason=pl.when(pl.col("value").is_null()).then(of).otherwise(pl.lit("more than wanted")),
            detail=pl.format(f"{{}}: {parameters.want.rows} of {{}}", "value", "n"),
        )


def _limit(counts: pl.DataFrame, parameters: TakeParameters) -> pl.DataFrame:
    """As many of each value as are wanted; `TaskError` where there are too few, and that is to fail."""
    if parameters.short == "fail" and (missing := describe_missing(parameters, dict(counts.iter_rows()))):
        raise TaskError(f"want: {'; '.join(missing)}; make more, or take what there is (`short: warn`)")
    return counts.with_columns(limit=pl.lit(parameters.want.rows, pl.Int64))


def _read_values(parameters: TakeParameters) -> pl.Expr:
    """What each row counts as; null where that is not wanted."""
    want = parameters.want
    if want.per is None:
        return pl.lit(ALL)
    value = pl.col(want.per).cast(pl.String)
    return pl.when(value.is_in(want.of)).then(value) if want.of else value


_REST = SmallestHashes(
    "take",
    {"value": pl.String()},
    lambda part, parameters: part.with_columns(value=_read_values(parameters)).select("value"),
    _limit,
)


def describe_missing(parameters: TakeParameters, counts: dict[str, int]) -> list[str]:
    """What is missing, a text for each value of which there are too few.

    Args:
        parameters: How many are wanted.
        counts: How many there are of each value.

    Returns:
        Texts such as "38 of 50 rows of error_type 'unit' are missing".

    """
    want = parameters.want
    values = want.of or sorted(counts) or ([ALL] if want.per is None else [])
    texts = []
    for value in values:
        lacking = want.rows - counts.get(value, 0)
        of = f" of {want.per} '{value}'" if want.per else ""
        if lacking > 0:
            texts.append(f"{lacking:,} of {want.rows:,} rows{of} are missing")
    return texts if values else [f"no row has a {want.per}"]


def find_shortfall(parameters: TakeParameters, rows: pl.DataFrame, times: float) -> list[str]:
    """What is missing of a table, given some of its rows and how many times as many it has."""
    values = rows.select(value=_read_values(parameters)).drop_nulls().to_series()
    if parameters.want.per is None:
        values = pl.Series([ALL] * rows.height, dtype=pl.String)
    counts = {value: round(count * times) for value, count in values.value_counts().iter_rows()}
    return describe_missing(parameters, counts)


def _check(parameters: TakeParameters, given: Contract) -> list[str]:
    """A column that is not there, or that nobody can count by."""
    want = parameters.want
    columns = {column.name: column for column in given.columns}
    if want.per is None:
        return ["want.of: names values of no column; add `per`"] if want.of else []
    if want.per not in columns:
        return [f"want.per: the table has no column '{want.per}'; it has {', '.join(columns)}"]
    column = columns[want.per]
    if column.kind not in ("string", "integer", "boolean"):
        return [
            f"want.per: '{want.per}' holds {column.kind}; rows are counted by texts, whole numbers and truth values"
        ]
    wrong = [value for value in want.of if column.one_of and value not in column.one_of]
    return [f"want.of: '{value}' is no {want.per}; there are {', '.join(column.one_of)}" for value in wrong]


TAKE = WholeTable(
    name="take",
    summary="Takes an exact number of rows of each value of a column, as of each type of mistake, and says what is missing.",
    version="1",
    parameters=TakeParameters,
    needs=("problem_id",),
    check=_check,
    reads=lambda parameters, _: [parameters.want.per] if parameters.want.per else [],
    aggregates=lambda _: _REST.list_aggregates(),
    cut=lambda _: Cut(),
    decide=reject_rest,
    shortfall=find_shortfall,
)
