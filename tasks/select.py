"""`select`: keeps the rows for which a SQL condition is true, as DuckDB understands it."""

from __future__ import annotations

import duckdb
import polars as pl
from pydantic import Field

from schemas.contract import DETAIL, REASON, Contract
from schemas.forms import polars_schema
from schemas.task import Outcome, Parameters, PerPart


class SelectParameters(Parameters):
    """What `select` is told."""

    where: str = Field(min_length=1, description="A SQL condition over the table's columns.")
    because: str | None = Field(None, description="A column whose value says why a row was not selected.")


def _connection() -> duckdb.DuckDBPyConnection:
    """A database in memory that reads no file and loads no extension, whatever the condition says."""
    connection = duckdb.connect(":memory:", config={"threads": 1})
    connection.execute("SET autoload_known_extensions = false; SET enable_external_access = false")
    return connection


def _holds(part: pl.DataFrame, where: str) -> pl.Series:
    """For each row whether the condition is true; null where it is neither true nor false."""
    with _connection() as connection:
        connection.register("part", part.to_arrow())
        found = connection.sql(f"SELECT CAST(({where}) AS BOOLEAN) AS holds FROM part").to_arrow_table()
    return pl.Series("holds", found.column("holds"), dtype=pl.Boolean)


def select(part: pl.DataFrame, parameters: SelectParameters) -> Outcome:
    """Keeps the rows that meet the condition."""
    holds = _holds(part, parameters.where)
    kept = holds.fill_null(False)
    why = pl.lit("not selected")
    if parameters.because:
        column = parameters.because
        why = pl.concat_str(pl.lit(f"{column}: "), pl.col(column).cast(pl.String).fill_null("none"))
    unknown = pl.when(holds.filter(~kept).is_null()).then(pl.lit("the condition is null for this row")).otherwise(None)
    rejected = part.filter(~kept).with_columns(why.alias(REASON.name), unknown.cast(pl.String).alias(DETAIL.name))
    return Outcome(part.filter(kept), rejected)


def _faults(parameters: SelectParameters, contract: Contract) -> list[str]:
    """What DuckDB says of the condition, tried on a table without rows."""
    found = []
    if parameters.because is not None and parameters.because not in contract.names():
        found.append(
            f"because: the table has no column '{parameters.because}'; there are {', '.join(contract.names())}"
        )
    try:
        _holds(pl.DataFrame(schema=polars_schema(contract)), parameters.where)
    except duckdb.Error as error:
        found.append(f"where: DuckDB refuses the condition ({str(error).splitlines()[0]}); mend it")
    return found


SELECT = PerPart(
    name="select",
    summary="Keeps the rows for which a SQL condition (DuckDB) is true.",
    version="1",
    parameters=SelectParameters,
    needs=("source",),
    check=_faults,
    run=select,
)
