"""`commonest`: the types of mistakes that a model makes most often on a problem set, for error-aware prompts.

After the idea of MWPES-300K (arXiv 2501.15581), whose prompts name a model's
common errors. They are counted on other problems than the row's own, so that
no prompt knows of the mistake on the very problem that it asks about.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import cast

import polars as pl
from pydantic import Field

from schemas.columns.pairs import COMMONEST_COLUMNS
from schemas.contract import Contract
from schemas.task import Files, Parameters, Records, Rows
from schemas.whole_table import Aggregate, Cut, WholeTable
from tasks.database import open_database
from tasks.dedup.text_hashes import hash_texts

BATCH = 100_000
NEEDS = ("solution_id", "problem_id", "model", "set", "error_type")


class CommonestParameters(Parameters):
    """Parameters of `commonest`."""

    most: int = Field(3, ge=1, le=100, description="Types of a model and set, at most.")


def count_frequent_errors(
    table: Rows, beside: Sequence[Rows | Records | Files], parameters: CommonestParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The columns of `COMMONEST_COLUMNS`, of all rows; equally common types stand in the order of their names.

    Args:
        table: The key and the columns that the task reads, part by part.
        beside: How often each type of mistake is in the whole table.
        parameters: How many types are named.
        folder: An empty folder, for what does not fit the memory.

    Yields:
        Frames of `key` and the columns; each row of the table is in one of them.

    """
    (whole,) = cast(Rows, beside[-1])
    with open_database(folder) as database:
        database.register("whole", whole.to_arrow())
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


def _count_types(table: Rows, _: CommonestParameters, __: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """How often each type is among the mistakes of a model and set, and its definition, the first of several."""
    parts = (_narrow(part).with_columns(n=pl.lit(1, pl.Int64)) for part in table)
    return _add_types([pl.DataFrame(schema=_TYPES), *(_add_types([part.select(list(_TYPES))]) for part in parts)])


def _add_types(frames: Rows) -> pl.DataFrame:
    rows = pl.concat(frames).filter(pl.col("type").is_not_null())
    return rows.group_by(*_OF).agg(pl.col("definition").min(), pl.col("n").sum()).sort(*_OF)


def _sum_types(summaries: Rows, _: CommonestParameters, __: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return _add_types(summaries).with_columns(pl.col("definition").fill_null(""))


_OF = ("model", "of", "type")
_TYPES = {**dict.fromkeys((*_OF, "definition"), pl.String()), "n": pl.Int64()}
_QUERY = """
    WITH own AS (
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
    aggregates=lambda _: [Aggregate(_count_types, _sum_types)],
    cut=lambda _: Cut(lambda rows, _, __: hash_texts(rows["problem_id"])),
    reads=_reads,
    decide=count_frequent_errors,
)
