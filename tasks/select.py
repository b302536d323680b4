"""`select`: keeps the rows for which a SQL condition is true, as DuckDB understands it."""

from __future__ import annotations

import re

import duckdb
import polars as pl
from pydantic import Field

from schemas.contract import DETAIL, REASON, Contract
from schemas.frames import to_polars_schema
from schemas.task import OneOrMore, Outcome, Parameters, PerRow, TaskError

# the same table must come of the same rows at any time and in any parts
_CHANGING = re.compile(
    r"\b(?:select|random|setseed|uuid\w*|gen_random_uuid|now|age|today|nextval|txid_current|\w*current_\w+|localtime\w*)\b",
    re.IGNORECASE,
)


# a name nobody guesses: a condition that looked at the other rows of its part would depend on the layout
_ROWS = "rows_of_one_part_a1b2c3"


class SelectParameters(Parameters):
    """Parameters of `select`."""

    where: str = Field(min_length=1, description="A SQL condition over the table's columns.")
    because: OneOrMore[str] = Field(
        [], description="A column, or several, whose values say why a row was not selected."
    )


def _connection() -> duckdb.DuckDBPyConnection:
    """A database in memory that reads no file and loads no extension, whatever the condition says."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("SET autoload_known_extensions = false; SET enable_external_access = false")
    return connection


def _holds(part: pl.DataFrame, where: str) -> pl.Series:
    """For each row whether the condition is true; null where it is neither true nor false."""
    with _connection() as connection:
        connection.register(_ROWS, part.to_arrow())
        connection.sql(
            f"SELECT 1 FROM {_ROWS} WHERE ({where})"
        )  # refuses what looks at other rows: aggregates, windows
        table = connection.sql(f"SELECT CAST(({where}) AS BOOLEAN) AS holds FROM {_ROWS}").to_arrow_table()
    return pl.Series("holds", table.column("holds"), dtype=pl.Boolean)


def evaluate_condition(part: pl.DataFrame, where: str, parameter: str) -> pl.Series:
    """For each row whether a condition is true, null where it is neither; `TaskError` where DuckDB cannot compute it."""
    try:
        return _holds(part, where)
    except duckdb.Error as error:
        reason = str(error).splitlines()[0]
        message = f"{parameter}: DuckDB cannot compute the condition on the data ({reason}); mend it (TRY_CAST?)"
        raise TaskError(message) from None


def select(part: pl.DataFrame, parameters: SelectParameters) -> Outcome:
    """Keeps the rows that meet the condition.

    Args:
        part: Rows of any table.
        parameters: The condition, and the columns that name the reason.

    Returns:
        The rows for which the condition is true; the others are rejected, also where it is null.

    Raises:
        TaskError: DuckDB cannot compute the condition on the data.

    """
    holds = evaluate_condition(part, parameters.where, "where")
    kept = holds.fill_null(False)
    why = pl.lit("not selected")
    if parameters.because:
        values = [pl.col(name).cast(pl.String) for name in parameters.because]
        labels = pl.concat_str(values, separator=": ", ignore_nulls=True)
        labels = labels.str.slice(0, 80).str.replace_all(r"[\p{C}\s]+", " ")  # it is counted and shown
        why = pl.when(labels.str.len_chars() > 0).then(labels).otherwise(why)
    unknown = pl.when(holds.filter(~kept).is_null()).then(pl.lit("the condition is null for this row")).otherwise(None)
    rejected = part.filter(~kept).with_columns(why.alias(REASON.name), unknown.cast(pl.String).alias(DETAIL.name))
    return Outcome(part.filter(kept), rejected)


def _faults(parameters: SelectParameters, contract: Contract) -> list[str]:
    """The errors of DuckDB about the condition, tried on a table without rows."""
    faults = []
    kinds = {column.name: column.kind for column in contract.columns}
    for name in parameters.because:
        if name not in kinds:
            faults.append(f"because: the table has no column '{name}'; there are {', '.join(kinds)}")
        elif kinds[name] == "strings":
            faults.append(f"because: column '{name}' holds lists; name one of texts or numbers")
    return [*faults, *(f"where: {fault}" for fault in find_condition_faults(parameters.where, contract))]


def find_condition_faults(where: str, contract: Contract) -> list[str]:
    """What DuckDB refuses of a condition over a table's columns, and what of it changes from one time to the next."""
    try:
        _holds(pl.DataFrame(schema=to_polars_schema(contract)), where)
    except duckdb.Error as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        hint = f", {lines[1]}" if len(lines) > 1 and lines[1].startswith("Candidate") else ""
        return [f"DuckDB refuses the condition ({lines[0]}{hint}); mend it"]
    changing = _CHANGING.search(re.sub(r"'[^']*'", "", where))
    return [f"'{changing[0]}' depends on more than the row; use its columns alone"] if changing else []


SELECT = PerRow(
    name="select",
    summary="Keeps the rows for which a SQL condition (DuckDB) is true.",
    version="1",
    parameters=SelectParameters,
    needs=("source",),  # which every table has: any will do
    check=_faults,
    run=select,
)
