"""The released mistakes: where they first go wrong against how long they are, and of which type they are, by what."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from flows.report.statistics.verdicts import OTHERS, add_levels
from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.score import wilson

LONGEST = 15
"""Steps from this number on are counted together."""
GROUPS, TYPES = 40, 30
UNDECIDED = "undecided"


class Positions:
    """Counts first wrong steps by the number of steps."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.wants = (column, "steps")
        self.counts: Counter[tuple[int | None, int]] = Counter()

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        if not {self.column, "steps"} <= set(part.columns):
            return
        place = pl.col(self.column).clip(-1, LONGEST - 1)
        long = pl.col("steps").list.len().cast(pl.Int64).clip(upper_bound=LONGEST)
        self.counts.update({(at, steps): n for at, steps, n in part.group_by(place, long).len().iter_rows()})

    def summarize(self, table: str) -> dict[str, Any] | None:
        """Step (counted from 0), steps, rows; None where no step is named."""
        grid = [[at, long, n] for (at, long), n in self.counts.items() if at is not None and at >= 0]
        if not grid:
            return None
        return {
            "table": table,
            "column": self.column,
            "grid": sorted(grid),
            "none": sum(n for (at, _), n in self.counts.items() if at == -1),
            "undecided": sum(n for (at, _), n in self.counts.items() if at is None),
        }


class StepPrecision:
    """Counts first wrong steps that are the true ones, of rows whose truth is known."""

    def __init__(self, column: str) -> None:
        self.column = column
        self.wants = (column, GOLD_STEP)
        self.named, self.exact = 0, 0

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        if {self.column, GOLD_STEP} <= set(part.columns):
            known = part.filter((pl.col(self.column) >= 0) & pl.col(GOLD_STEP).is_not_null())
            self.named += known.height
            self.exact += known.filter(pl.col(self.column) == pl.col(GOLD_STEP)).height

    def summarize(self, table: str) -> dict[str, Any] | None:
        """How many steps are named, how many of them are exact, and the 95 % interval (Wilson); None where no truth is known."""
        if not self.named:
            return None
        interval = [round(bound, 4) for bound in wilson(self.exact, self.named)]
        return {"table": table, "named": self.named, "exact": self.exact, "interval": interval}


class Types:
    """Counts types of mistakes by model, set and difficulty."""

    wants = ("error_type", "model", "set", "problem_id", "taxonomy")

    def __init__(self, levels: pl.DataFrame | None) -> None:
        self.levels = levels
        self.counts: dict[str, Counter[tuple[str, str]]] = {name: Counter() for name in ("model", "set", "level")}
        self.types: Counter[str] = Counter()
        self.taxonomies: set[str] = set()

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        if "error_type" not in part.columns:
            return
        part = part.with_columns(pl.col("error_type").fill_null(UNDECIDED))
        if self.levels is not None and "problem_id" in part.columns:
            part = add_levels(part, self.levels)
        self.types.update(dict(part["error_type"].value_counts().iter_rows()))
        for name, counts in self.counts.items():
            if name in part.columns:
                groups = part.drop_nulls(name).group_by(name, "error_type").len().iter_rows()
                counts.update({(group, kind): n for group, kind, n in groups})
        if "taxonomy" in part.columns:
            self.taxonomies |= set(part["taxonomy"].drop_nulls().unique())

    def summarize(self, table: str) -> dict[str, Any] | None:
        """Types in all and by each; None where there are none."""
        if not self.types:
            return None
        kinds = _list_kept(self.types, TYPES)
        summary: dict[str, Any] = {
            "table": table,
            "taxonomies": sorted(self.taxonomies),
            "types": _fold(self.types, kinds),
        }
        for name, counts in self.counts.items():
            totals = Counter[str]()
            for (group, _), n in counts.items():
                totals[group] += n
            groups = _list_kept(totals, GROUPS)
            cells = Counter[tuple[str, str]]()
            for (group, kind), n in counts.items():
                cells[group if group in groups else OTHERS, kind if kind in kinds else OTHERS] += n
            summary[f"by_{name}"] = [[*key, n] for key, n in sorted(cells.items())]
        return summary


def _list_kept(counts: Counter[str], most: int) -> set[str]:
    names = sorted(counts, key=lambda name: (-counts[name], name))
    return set(names if len(names) <= most else names[: most - 1])


def _fold(counts: Counter[str], kept: set[str]) -> dict[str, int]:
    folded = Counter[str]()
    for name, n in counts.items():
        folded[name if name in kept else OTHERS] += n
    return dict(sorted(folded.items(), key=lambda item: (-item[1], item[0])))
