"""The rows of each class whose hashes are smallest, so many of each, found by counts: no process sees all rows.

Hashes spread evenly. So it is counted first how many rows of each class there
are in each of some ranges of hashes; then only those are looked at that are in
the range in which the last of the wanted rows lies.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

import polars as pl

from schemas.frames import batch_frames
from schemas.task import P, Rows
from schemas.whole_table import Aggregate
from tasks.sources.content_ids import digest

RANGES = 1024
"""Ranges of hashes in which rows are counted."""
MOST_ROWS = 1_000_000
"""Rows of counts that are added up together."""
NONE, ALL = "", "g"
"""Ranks before and behind those of all rows, which are hexadecimal."""


@dataclass(frozen=True)
class SmallestHashes(Generic[P]):
    """Chooses the rows of each class whose hashes are smallest."""

    salt: str
    """What is hashed with the key."""
    classes: dict[str, pl.DataType]
    """The columns that tell classes apart."""
    read: Callable[[pl.DataFrame, P], pl.DataFrame]
    """The classes of some rows; null of those that are of none."""
    limit: Callable[[pl.DataFrame, P], pl.DataFrame]
    """From the classes and how many rows of each there are (`n`) to the same with `limit`, the most that are wanted, and further columns."""

    def list_aggregates(self) -> tuple[Aggregate[P], Aggregate[P]]:
        """How many rows there are, and where the last wanted one lies."""
        return Aggregate(self._count, self._add_counts), Aggregate(self._list_candidates, self._find_last)

    def choose(self, part: pl.DataFrame, parameters: P, last: pl.DataFrame) -> pl.DataFrame:
        """The rows of a part: `key`, the classes, what `limit` says of them, and whether each is `wanted`; null of those of no class."""
        rows = self._rank(part, parameters).join(last, on=list(self.classes), how="left", maintain_order="left")
        before = (pl.col("rank") < pl.col("last_rank")) | (
            (pl.col("rank") == pl.col("last_rank")) & (pl.col("key") <= pl.col("last_key"))
        )
        return rows.with_columns(wanted=before)

    def _rank(self, part: pl.DataFrame, parameters: P) -> pl.DataFrame:
        keys = part.to_series(0)
        ranks = pl.Series("rank", [digest(self.salt, str(key)) for key in keys], dtype=pl.String)
        return self.read(part, parameters).with_columns(keys.alias("key"), ranks, _number_range(ranks))

    def _count(self, table: Rows, parameters: P, _: Sequence[pl.DataFrame]) -> pl.DataFrame:
        by = [*self.classes, "range"]
        empty = pl.DataFrame(schema={**self.classes, "range": pl.Int32(), "n": pl.Int64()})
        counts = (self._rank(part, parameters).drop_nulls().group_by(by).agg(n=pl.len()) for part in table)
        return add_up([empty, *counts], by)

    def _add_counts(self, summaries: Rows, parameters: P, _: Sequence[pl.DataFrame]) -> pl.DataFrame:
        counts = add_up(summaries, [*self.classes, "range"])
        limits = self.limit(counts.group_by(*self.classes).agg(pl.col("n").sum()).sort(*self.classes), parameters)
        place = pl.col("n").cum_sum().over(list(self.classes), order_by="range")
        counts = counts.join(limits.drop("n"), on=list(self.classes)).with_columns(before=place - pl.col("n"))
        # all rows of ranges before the last one are wanted, and none behind it
        last = counts.filter(pl.col("before") < pl.col("limit"), place >= pl.col("limit"))
        return limits.join(last.select(*self.classes, "range", "before"), on=list(self.classes), how="left")

    def _list_candidates(self, table: Rows, parameters: P, known: Sequence[pl.DataFrame]) -> pl.DataFrame:
        wanted = known[0].select(*self.classes, "range").drop_nulls()
        schema = {**self.classes, "rank": pl.String(), "key": pl.String()}
        rows = [self._rank(part, parameters).join(wanted, on=wanted.columns, how="semi") for part in table]
        return pl.concat([pl.DataFrame(schema=schema), *(some.select(list(schema)) for some in rows)])

    def _find_last(self, summaries: Rows, _: P, known: Sequence[pl.DataFrame]) -> pl.DataFrame:
        by, (limits,) = list(self.classes), known
        rows = pl.concat(summaries).sort(*by, "rank", "key").join(limits, on=by, maintain_order="left")
        place = pl.int_range(1, pl.len() + 1).over(by)
        last = rows.filter(place + pl.col("before") == pl.col("limit"))
        last = last.select(*by, last_rank="rank", last_key="key")
        beyond = pl.when(pl.col("limit") < 1).then(pl.lit(NONE)).otherwise(pl.lit(ALL))
        return limits.join(last, on=by, how="left").with_columns(
            pl.col("last_rank").fill_null(beyond), pl.col("last_key").fill_null("")
        )


def _number_range(ranks: pl.Series) -> pl.Series:
    bits = ranks.str.slice(0, 3).str.to_integer(base=16, dtype=pl.Int32) * RANGES // 16**3
    return bits.alias("range")


def add_up(counts: Rows, by: Sequence[str]) -> pl.DataFrame:
    """Counts (`n`) of the same classes added up, frame by frame so that few are in memory; sorted by class."""
    total: list[pl.DataFrame] = []
    for frame in batch_frames((frame.with_columns(pl.col("n").cast(pl.Int64)) for frame in counts), MOST_ROWS):
        total = [pl.concat([*total, frame]).group_by(*by).agg(pl.col("n").sum())]
    return total[0].sort(*by)
