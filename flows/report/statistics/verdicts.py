"""Verdicts by model and set, and from them how difficult each problem is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import polars as pl

MODELS, SETS = 60, 20
"""So many are counted one by one, the largest; the others together."""
OTHERS = "others"
LEVELS = ("never right", "right up to ¼", "right up to ½", "right up to ¾", "right above ¾")
"""Problems by the share of their decided solutions that are right, those of two or more."""
UNKNOWN = "one solution"


class Verdicts:
    """Counts verdicts, and the reasons of those that are undecided."""

    wants = ("model", "set", "verdict", "undecided")

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str, str]] = Counter()
        self.why: Counter[str] = Counter()

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        for model, of_set, verdict, n in part.group_by("model", "set", "verdict").len().iter_rows():
            self.counts[model, of_set, verdict] += n
        self.why.update(dict(part["undecided"].drop_nulls().value_counts().iter_rows()))

    def summarize(self, table: str) -> dict[str, Any] | None:
        """The counts, bounded; None of nothing."""
        if not self.counts:
            return None
        models, sets = (list_largest(self.counts, 0, MODELS), list_largest(self.counts, 1, SETS))
        cells: Counter[tuple[str, str, str]] = Counter()
        for (model, of_set, verdict), n in self.counts.items():
            cells[models.get(model, OTHERS), sets.get(of_set, OTHERS), verdict] += n
        totals = Counter[str]()
        for (_, _, verdict), n in cells.items():
            totals[verdict] += n
        return {
            "table": table,
            "rows": totals.total(),
            "verdicts": dict(sorted(totals.items())),
            "by": [[*key, n] for key, n in sorted(cells.items())],
            # of two that are as frequent the first by name: a part tells them in any order
            "undecided": dict(sorted(self.why.items(), key=lambda item: (-item[1], item[0]))[:20]),
        }


class Difficulty:
    """How often each problem is solved: its level."""

    wants = ("problem_id", "verdict")

    def __init__(self) -> None:
        self._parts: list[pl.DataFrame] = []

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        decided = part.filter(pl.col("verdict") != "undecided").select(
            problem=_number(), right=(pl.col("verdict") == "right").cast(pl.UInt32), all=pl.lit(1, pl.UInt32)
        )
        self._parts.append(decided.group_by("problem").sum())
        if len(self._parts) > 64:
            self._parts = [self._sum_parts()]

    def _sum_parts(self) -> pl.DataFrame:
        return pl.concat(self._parts).group_by("problem").sum()

    def levels(self) -> pl.DataFrame | None:
        """`problem` (as `numbered` gives it) and `level`; None where nothing was counted."""
        if not self._parts:
            return None
        share = pl.col("right") / pl.col("all")
        steps = pl.when(share <= 0).then(0).when(share <= 0.25).then(1).when(share <= 0.5).then(2)
        level = steps.when(share <= 0.75).then(3).otherwise(4)
        name = level.replace_strict(dict(enumerate(LEVELS)), return_dtype=pl.String)
        return self._sum_parts().select(
            "problem", level=pl.when(pl.col("all") > 1).then(name).otherwise(pl.lit(UNKNOWN))
        )

    def summarize(self) -> dict[str, int] | None:
        """Problems by level, those of which it is known in the order of `LEVELS`."""
        levels = self.levels()
        if levels is None:
            return None
        counts = dict(levels["level"].value_counts().iter_rows())
        return {level: counts[level] for level in (*LEVELS, UNKNOWN) if level in counts}


def add_levels(part: pl.DataFrame, levels: pl.DataFrame) -> pl.DataFrame:
    """A part with the column `level` of its problems; null where none is known."""
    return part.with_columns(problem=_number()).join(levels, on="problem", how="left").drop("problem")


def _number() -> pl.Expr:
    return pl.col("problem_id").str.slice(0, 15).str.to_integer(base=16, dtype=pl.Int64)


def list_largest(counts: Mapping[Any, int], at: int, most: int) -> dict[str, str]:
    """The names that are counted by themselves."""
    sums = Counter[str]()
    for key, n in counts.items():
        sums[key[at]] += n
    kept = sorted(sums, key=lambda name: (-sums[name], name))
    return {name: name for name in (kept if len(kept) <= most else kept[: most - 1])}
