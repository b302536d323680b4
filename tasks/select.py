"""`select`: keeps the rows for which a SQL condition is true, as DuckDB understands it."""

from __future__ import annotations

import polars as pl
from pydantic import Field

from schemas.contract import DETAIL, REASON, Contract
from schemas.task import OneOrMore, Outcome, Parameters, PerRow
from tasks.conditions import LONGEST, evaluate_condition, find_condition_faults


class SelectParameters(Parameters):
    """Parameters of `select`."""

    where: str = Field(min_length=1, max_length=LONGEST, description="A SQL condition over the table's columns.")
    because: OneOrMore[str] = Field(
        [], description="A column, or several, whose values say why a row was not selected."
    )


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


SELECT = PerRow(
    name="select",
    summary="Keeps the rows for which a SQL condition (DuckDB) is true.",
    version="1",
    parameters=SelectParameters,
    needs=("source",),  # which every table has: any will do
    check=_faults,
    run=select,
)
