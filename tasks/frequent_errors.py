"""`commonest`: the types of mistakes that a model makes most often on a problem set, for error-aware prompts.

After the idea of MWPES-300K (arXiv 2501.15581), whose prompts name a model's
common errors. They are counted on other problems than the row's own, so that
no prompt knows of the mistake on the very problem that it asks about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
from pydantic import Field

from schemas.columns.pairs import COMMONEST_COLUMNS
from schemas.contract import Contract
from schemas.task import Files, Parameters, Records, Rows, WholeTable
from tasks.database import open_database

BATCH = 100_000
NEEDS = ("solution_id", "problem_id", "model", "set", "error_type")


class CommonestParameters(Parameters):
    """Parameters of `commonest`."""

    most: int = Field(3, ge=1, le=100, description="Types of a model and set, at most.")


def count_frequent_errors(
    table: Rows, _: Sequence[Rows | Records | Files], parameters: CommonestParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The columns of `COMMONEST_COLUMNS`, of all rows; equally common types stand in the order of their names.

    Args:
        table: The key and the columns that the task reads, part by part.
        parameters: How many types are named.
        folder: An empty folder, for what does not fit the memory.

    Yields:
        Frames of `key` and the columns; each row of the table is in one of them.

    """
    with open_database(folder) as database:
        columns = ("key", "problem", "model", "of", "type", "definition")
        database.execute(f"CREATE TABLE mistake ({', '.join(f'{name} VARCHAR' for name in columns)})")
        for part in table:
            database.register("added", _narrow(part).to_arrow())
            database.execute("INSERT INTO mistake BY NAME SELECT * FROM added")
            database.unregister("added")
        for batch in database.sql(_QUERY, params=[parameters.most]).to_arrow_reader(BATCH):
            yield pl.DataFrame(batch)


def _narrow(part: pl.DataFrame) -> pl.DataFrame:
    definition = pl.col("error_definition") if "error_definition" in part.columns else pl.lit(None, pl.String)
    return part.select(
        key=pl.nth(0), problem="problem_id", model="model", of="set", type="error_type", definition=definition
    )


_QUERY = """
    WITH whole AS (
        SELECT model, "of", type, count(*) AS n, coalesce(min(definition), '') AS definition FROM mistake
        WHERE type IS NOT NULL GROUP BY ALL
    ), own AS (
        SELECT problem, model, "of", type, count(*) AS n FROM mistake WHERE type IS NOT NULL GROUP BY ALL
    ), asked AS (
        SELECT DISTINCT problem, model, "of" FROM mistake
    ), elsewhere AS (
        SELECT a.problem, a.model, a."of", w.type, w.definition, w.n - coalesce(o.n, 0) AS n
        FROM asked a JOIN whole w ON w.model = a.model AND w."of" = a."of"
        LEFT JOIN own o ON o.problem = a.problem AND o.model = a.model AND o."of" = a."of" AND o.type = w.type
    ), ranked AS (
        SELECT *, row_number() OVER (PARTITION BY problem, model, "of" ORDER BY n DESC, type) AS rank
        FROM elsewhere WHERE n > 0
    ), listed AS (
        SELECT problem, model, "of", list(type ORDER BY rank) AS types, list(n ORDER BY rank) AS counts,
               list(definition ORDER BY rank) AS definitions
        FROM ranked WHERE rank <= ? GROUP BY ALL
    )
    SELECT m.key, coalesce(l.types, []) AS common_types, coalesce(l.counts, [])::BIGINT[] AS common_counts,
           coalesce(l.definitions, []) AS common_definitions
    FROM mistake m LEFT JOIN listed l ON l.problem = m.problem AND l.model = m.model AND l."of" = m."of"
"""


def _reads(_: CommonestParameters, given: Contract) -> Sequence[str]:
    return (*NEEDS[1:], *(["error_definition"] if "error_definition" in given.names() else []))


COMMONEST = WholeTable(
    name="commonest",
    summary="Adds to each mistake the types that its model makes most often on its set, counted on other problems.",
    version="1",
    parameters=CommonestParameters,
    needs=NEEDS,
    makes=lambda _, given: given.having(*COMMONEST_COLUMNS),
    reads=_reads,
    run=count_frequent_errors,
)
