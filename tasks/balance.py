"""`balance`: keeps as many solutions without a wrong step as with one, of each length or of all together.

A process reward model that is trained on mistakes alone learns that the last
step is wrong, and one that sees few of them that none is; where right solutions
are the shorter ones it learns lengths. Which rows stay depends on their ids
alone.
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
    table: Rows, beside: Sequence[Rows | Records | Files], parameters: BalanceParameters, _: Path
) -> Iterable[pl.DataFrame]:
    """The rows to reject: those of the side that has more, the ones whose hash is largest, and those that are of neither.

    Args:
        table: The key and the columns that tell sides and lengths, part by part.
        beside: Of each side and length how many rows there are, and the last that stays.
        parameters: The sides, and whether lengths are told apart.

    Yields:
        Frames of `key`, `reason` and `detail`.

    """
    (last,) = cast(Rows, beside[-1])
    undecided, (sound, wrong) = pl.lit(UNDECIDED[parameters.by]), map(pl.lit, MORE[parameters.by])
    length = pl.when(pl.col("length") > 0).then(pl.format("of {} steps: ", "length")).otherwise(pl.lit(""))
    with_none, with_some = SIDES[parameters.by]
    counts = pl.format(f"{{}}{{}} {with_none}, {{}} {with_some}", length, "with_none", "with_some")
    for part in table:
        rows = _SURPLUS.choose(part, parameters, last).filter(~pl.col("wanted").fill_null(False))
        reason = pl.when(pl.col("sound").is_null()).then(undecided).when("sound").then(sound).otherwise(wrong)
        yield rows.select("key", reason=reason, detail=pl.when(pl.col("sound").is_not_null()).then(counts))


def _read_classes(part: pl.DataFrame, parameters: BalanceParameters) -> pl.DataFrame:
    """The length of each row, and whether it is of the first side; null of neither."""
    label = pl.col(COLUMNS[parameters.by])
    sound = label < 0 if parameters.by == "steps" else label == "right"
    known = label.is_not_null() if parameters.by == "steps" else label.is_in(["right", "wrong"])
    length = pl.col("steps").list.len().cast(pl.Int64) if parameters.per == "length" else pl.lit(0, pl.Int64)
    return part.select(length=length, sound=pl.when(known).then(sound))


def _limit(counts: pl.DataFrame, parameters: BalanceParameters) -> pl.DataFrame:
    """Of both sides as many as of the smaller one; `TaskError` where one side has rows and the other has none."""
    _check_sides(counts, parameters)
    sides = counts.group_by("length").agg(
        with_none=pl.col("n").filter("sound").sum(), with_some=pl.col("n").filter(~pl.col("sound")).sum()
    )
    limit = pl.min_horizontal("with_none", "with_some")
    return counts.join(sides, on="length", maintain_order="left").with_columns(limit=limit)


def _check_sides(counts: pl.DataFrame, parameters: BalanceParameters) -> None:
    """Raise `TaskError` where one side has rows and the other has none: all would be left out."""
    sides = [counts.filter(pl.col("sound") == sound)["n"].sum() for sound in (True, False)]
    if any(sides) and not all(sides):
        (there, has), (missing, _) = sorted(zip(SIDES[parameters.by], sides), key=lambda side: -side[1])
        advice = {"steps": "judge right and wrong solutions, and label them together", "verdict": "select none before"}
        raise TaskError(
            f"by: the table has {has:,} solutions {there} and none {missing}, so nothing can be balanced; "
            f"{advice[parameters.by]}, or leave `balance` out"
        )


_SURPLUS = SmallestHashes("balance", {"length": pl.Int64(), "sound": pl.Boolean()}, _read_classes, _limit)


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
    aggregates=lambda _: _SURPLUS.list_aggregates(),
    cut=lambda _: Cut(),
    decide=reject_surplus,
)
