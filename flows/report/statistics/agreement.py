"""How labellers agree with each other, and how the values of Monte-Carlo estimation are spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from flows.report.statistics.rows import sample_rows
from schemas.labels import Label
from tasks.evaluation.agreement import Agreement, round_interval
from tasks.localize.raters import build_frame, list_rating_columns, split_dependent

BINS = 10
LATEST = 9
"""First wrong steps from this one on are counted together, in the matrix of a pair."""
LOOKED_AT = 60_000
"""Solutions, about, whose labels are held against each other; the kappas of all are in the manifest."""
PAIRS = 3
"""Pairs of labellers whose matrix is reported."""
SIDES = ("before the first wrong step", "from the first wrong step on", "no first wrong step named")


class RaterAgreement:
    """Counts which steps the labellers of the same solutions name."""

    def __init__(self, rows: int, labels: Sequence[Label]) -> None:
        self.rows, self.labels = rows, labels
        self.wants = ("problem_id", *list_rating_columns(labels), *(label.method for label in labels if label.method))
        self.agreement = Agreement()
        self.mixed = False

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        try:
            independent, _ = split_dependent(part, self.labels)
            self.agreement.add(build_frame(sample_rows(part, self.rows, LOOKED_AT), independent))
        except ValueError:  # labellers that differ from part to part have no agreement in common
            self.mixed = True

    def summarize(self, table: str) -> dict[str, Any] | None:
        """Each pair with its kappa, and the matrices of the first; None where there are not two labellers."""
        if self.mixed or not self.agreement.pairs:
            return None
        pairs: list[dict[str, Any]] = [
            {
                "labellers": list(names),
                "rows": pair.rows,
                "same": pair.same,
                "share": round(pair.same / pair.rows, 4) if pair.rows else None,
                "cohen": _round(pair.kappa),
                "interval": round_interval(pair.interval),
            }
            for names, pair in self.agreement.pairs.items()
        ]
        for summary, pair in list(zip(pairs, self.agreement.pairs.values()))[:PAIRS]:
            cells = Counter[tuple[int, int]]()
            for (step, other), n in pair.counts.items():
                cells[min(step, LATEST), min(other, LATEST)] += n
            summary["matrix"] = [[*key, n] for key, n in sorted(cells.items())]
        part = self.rows > LOOKED_AT
        return {
            "table": table,
            "sample": part,
            "pairs": pairs,
            "fleiss": _round(self.agreement.fleiss),
            "fleiss_interval": round_interval(self.agreement.fleiss_interval),
            "all": self.agreement.rows,
        }


class RolloutValues:
    """Counts the share of rollouts that succeed, by where the prefix ends."""

    def __init__(self, label: Label) -> None:
        self.label = label
        self.wants = tuple(name for name in (label.values, label.column, label.method) if name)
        self.counts: Counter[tuple[str, int]] = Counter()
        self.how = ""
        self.untried = 0

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        if self.label.values not in part.columns:
            return
        if self.label.method in part.columns:
            self.how = self.how or next(iter(part[self.label.method].drop_nulls()), "")
        values = pl.col(self.label.values)
        rows = part.select(soft=values, label=self.label.column, at=pl.int_ranges(values.list.len())).explode(
            "soft", "at", empty_as_null=False
        )
        self.untried += rows["soft"].null_count()
        first = pl.col("label")
        side = pl.when(first.is_null()).then(2).when((first < 0) | (pl.col("at") < first)).then(0).otherwise(1)
        # 1.0 belongs to the last bin
        place = (pl.col("soft") * BINS).floor().clip(0, BINS - 1).cast(pl.Int64)
        for which, bin_, n in rows.drop_nulls("soft").group_by(side=side, bin=place).len().iter_rows():
            self.counts[SIDES[which], bin_] += n

    def summarize(self, table: str) -> dict[str, Any] | None:
        """Prefixes by side and bin; None where no rollout was made."""
        if not self.counts:
            return None
        bins = [[*key, n] for key, n in sorted(self.counts.items())]
        return {"table": table, "how": self.how, "bins": bins, "prefixes": self.counts.total(), "untried": self.untried}


def _round(kappa: float | None) -> float | None:
    return None if kappa is None else round(kappa, 4)
