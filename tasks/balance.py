"""`balance`: keeps as many solutions without a wrong step as with one, of each length or of all together.

A process reward model that is trained on mistakes alone learns that the last
step is wrong, and one that sees few of them that none is; where right solutions
are the shorter ones it learns lengths. Which rows stay depends on their ids
alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

import duckdb
import polars as pl
from pydantic import Field

from schemas.contract import Contract
from schemas.task import Files, Parameters, Records, Rows, TaskError, WholeTable
from tasks.database import open_database
from tasks.sources.content_ids import digest

BATCH = 100_000
COLUMNS = {"steps": "first_error", "verdict": "verdict"}
"""The column that tells the two sides apart."""
UNDECIDED = {"steps": "no label of the first wrong step", "verdict": "verdict undecided"}
SIDES = {"steps": ("without a wrong step", "with a wrong step"), "verdict": ("that are right", "that are wrong")}
MORE = {
    "steps": ("more without a wrong step than with one", "more with a wrong step than without"),
    "verdict": ("more right than wrong", "more wrong than right"),
}
"""Why a row of either side is left out."""


class BalanceParameters(Parameters):
    """Parameters of `balance`."""

    by: Literal["steps", "verdict"] = Field(
        "steps",
        description="The two sides: solutions without a wrong step and with one (right answers with a wrong step are with one), or "
        "right and wrong answers.",
    )
    per: Literal["length", "all"] = Field(
        "length", description="Whether there are as many of each number of steps, or of all together."
    )


def reject_surplus(
    table: Rows, _: Sequence[Rows | Records | Files], parameters: BalanceParameters, folder: Path
) -> Iterable[pl.DataFrame]:
    """The rows to reject: those of the side that has more, the ones whose hash is largest, and those that are of neither.

    Args:
        table: The key and the columns that tell sides and lengths, part by part.
        parameters: The sides, and whether lengths are told apart.
        folder: An empty folder, for what does not fit the memory.

    Yields:
        Frames of `key`, `reason` and `detail`.

    Raises:
        TaskError: One of the two sides has no row at all.

    """
    with open_database(folder) as database:
        database.execute("CREATE TABLE solution (key VARCHAR, rank VARCHAR, length BIGINT, sound BOOLEAN)")
        for part in table:
            database.register("added", _narrow(part, parameters).to_arrow())
            database.execute("INSERT INTO solution BY NAME SELECT * FROM added")
            database.unregister("added")
        _check_sides(database, parameters)
        texts = [UNDECIDED[parameters.by], *MORE[parameters.by], *SIDES[parameters.by]]
        for batch in database.sql(_QUERY, params=texts).to_arrow_reader(BATCH):
            yield pl.DataFrame(batch)


def _narrow(part: pl.DataFrame, parameters: BalanceParameters) -> pl.DataFrame:
    """By row its key, its place in the order of hashes, its length, and whether it is of the first side; null of neither."""
    label = pl.col(COLUMNS[parameters.by])
    sound = label < 0 if parameters.by == "steps" else label == "right"
    known = label.is_not_null() if parameters.by == "steps" else label.is_in(["right", "wrong"])
    keys = part.to_series(0)
    return part.select(
        key=keys,
        rank=pl.Series([digest("balance", str(key)) for key in keys], dtype=pl.String),
        length=pl.col("steps").list.len().cast(pl.Int64) if parameters.per == "length" else pl.lit(0, pl.Int64),
        sound=pl.when(known).then(sound),
    )


def _check_sides(database: duckdb.DuckDBPyConnection, parameters: BalanceParameters) -> None:
    """Raise `TaskError` where one side has rows and the other has none: all would be left out."""
    (counts,) = database.sql("SELECT count(*) FILTER (sound), count(*) FILTER (NOT sound) FROM solution").fetchall()
    if any(counts) and not all(counts):
        (there, has), (missing, _) = sorted(zip(SIDES[parameters.by], counts), key=lambda side: -side[1])
        advice = {"steps": "judge right and wrong solutions, and label them together", "verdict": "select none before"}
        raise TaskError(
            f"by: the table has {has:,} solutions {there} and none {missing}, so nothing can be balanced; "
            f"{advice[parameters.by]}, or leave `balance` out"
        )


_QUERY = """
    WITH placed AS (
        SELECT key, sound, length, row_number() OVER (PARTITION BY length, sound ORDER BY rank, key) AS place,
               count(*) FILTER (sound) OVER (PARTITION BY length) AS with_none,
               count(*) FILTER (NOT sound) OVER (PARTITION BY length) AS with_some
        FROM solution
    )
    SELECT key, CASE WHEN sound IS NULL THEN $1 WHEN sound THEN $2 ELSE $3 END AS reason,
           CASE WHEN sound IS NULL THEN NULL
                ELSE CASE WHEN length > 0 THEN 'of ' || length || ' steps: ' ELSE '' END
                     || with_none || ' ' || $4 || ', ' || with_some || ' ' || $5 END AS detail
    FROM placed WHERE sound IS NULL OR place > least(with_none, with_some)
"""


def _reads(parameters: BalanceParameters, _: Contract) -> Sequence[str]:
    return ("steps", COLUMNS[parameters.by])


def _check(parameters: BalanceParameters, contract: Contract) -> list[str]:
    """Columns that are not there."""
    makers = {"steps": "agree", "verdict": "verify"}
    return [
        f"by: {parameters.by} needs the column '{name}'; put `{makers[parameters.by]}` before"
        for name in [COLUMNS[parameters.by]]
        if name not in contract.names()
    ]


BALANCE = WholeTable(
    name="balance",
    summary="Keeps as many solutions without a wrong step as with one, of each length or in all, for training process reward models.",
    version="1",
    parameters=BalanceParameters,
    needs=("solution_id", "steps"),
    check=_check,
    reads=_reads,
    run=reject_surplus,
)
