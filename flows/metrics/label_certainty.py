"""How certain a table's labels are, and how often they are wrong: by length, by depth and by type of the mistake."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from schemas.columns.gold import GOLD_STEP, GOLD_TYPE
from tasks.evaluation.discrimination import BINS
from tasks.evaluation.score import LENGTHS, NONE, wilson

DEPTHS = (
    (0, 0, "first step"),
    (1, 1, "second"),
    (2, 2, "third"),
    (3, 4, "fourth, fifth"),
    (5, None, "sixth and later"),
)
"""Places of the named step that are taken together, both ends included, from 0."""
MANY = 40
"""Types that are told apart, the commonest."""
KINDS = ("length", "depth", "type")


@dataclass
class LabelCertainty:
    """Counts of the labels that name a step: how many are right where gold is known, and how many should be."""

    groups: dict[str, dict[str, Counter[str]]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    bins: dict[int, Counter[str]] = field(default_factory=dict)
    expected: float = 0.0
    counted: int = 0

    def add(self, part: pl.DataFrame, column: str, probability: str | None) -> None:
        """Count a part."""
        if column not in part.columns:
            return
        rows = part.filter(pl.col(column).is_not_null() & (pl.col(column) != NONE)).select(
            _column(part, column, pl.Int64).alias("label"), _column(part, GOLD_STEP, pl.Int64).alias("gold"),
            _column(part, GOLD_TYPE, pl.String).alias("type"), _column(part, probability, pl.Float64).alias("sure"),
            _count_steps(part).alias("steps"),
        )  # fmt: skip
        for label, gold, kind, sure, steps in rows.iter_rows():
            self._count(label, gold, kind, sure, steps)

    def _count(self, label: int, gold: int | None, kind: str | None, sure: float | None, steps: int | None) -> None:
        known = {} if gold is None else {"known": 1, "wrong": int(label != gold)}
        counts = Counter(named=1, **known)
        if sure is not None:
            self.expected, self.counted = self.expected + sure, self.counted + 1
            if gold is not None:
                mine = self.bins.setdefault(min(int(sure * BINS), BINS - 1), Counter())
                mine.update(known)
                mine["sure"] += sure  # type: ignore[assignment]  # a sum of shares
        names = {"length": _name_length(steps), "depth": _name_depth(label), "type": kind}
        for group, name in names.items():
            if name is not None:
                mine = self.groups[group].setdefault(name, Counter())
                mine.update(counts)
                mine["doubt"] += 0.0 if sure is None else 1 - sure  # type: ignore[assignment]

    def summarize(self) -> dict[str, Any]:
        """What is expected, what is measured by group, and the calibration error; without what nobody knows."""
        summary: dict[str, Any] = {}
        if self.counted:
            summary["expected"] = round(self.expected / self.counted, 4)
        known = sum(counts["known"] for counts in self.bins.values())
        if known:
            apart = sum(abs(counts["sure"] - counts["known"] + counts["wrong"]) for counts in self.bins.values())
            summary["ece"] = round(apart / known, 4)
            summary["reliability"] = [self._summarize_bin(at) for at in sorted(self.bins)]
        noise = {kind: self._summarize_groups(kind) for kind in sorted(KINDS)}  # as a manifest has them
        if any(noise.values()):
            summary["noise"] = {kind: groups for kind, groups in noise.items() if groups}
        return summary

    def _summarize_bin(self, at: int) -> dict[str, Any]:
        """Labels that are about as sure: how many, how sure on average, how many are right."""
        counts = self.bins[at]
        right, known = counts["known"] - counts["wrong"], counts["known"]
        low, high = wilson(right, known)
        return {
            "from": at / BINS, "known": known, "expected": round(counts["sure"] / known, 4), "right": right,
            "interval": [round(low, 4), round(high, 4)],
        }  # fmt: skip

    def _summarize_groups(self, kind: str) -> list[dict[str, Any]]:
        """Each group with its wrong labels where gold is known, or with those that are expected."""
        groups = sorted(self.groups[kind].items(), key=lambda item: _make_sort_key(kind, item[0], item[1]["named"]))[
            :MANY
        ]
        result = []
        for name, counts in groups:
            entry: dict[str, Any] = {"name": name, "named": counts["named"]}
            if counts["known"]:
                low, high = wilson(counts["wrong"], counts["known"])
                entry |= {
                    "known": counts["known"],
                    "wrong": counts["wrong"],
                    "interval": [round(low, 4), round(high, 4)],
                }
            if self.counted:
                entry["expected"] = round(counts["doubt"] / counts["named"], 4)
            if len(entry) > 2:
                result.append(entry)
        return result


def _column(part: pl.DataFrame, name: str | None, kind: type[pl.DataType]) -> pl.Expr:
    return pl.col(name).cast(kind) if name in part.columns and name else pl.lit(None, kind)


def _count_steps(part: pl.DataFrame) -> pl.Expr:
    return pl.col("steps").list.len() if "steps" in part.columns else pl.lit(None, pl.UInt32)


def _name_length(steps: int | None) -> str | None:
    if not steps:
        return None
    low, high = next((low, high) for low, high in LENGTHS if steps <= (high or steps))
    return f"{low}+ steps" if high is None else "1 step" if high == 1 else f"{low}-{high} steps"


def _name_depth(label: int) -> str:
    return next(name for low, high, name in DEPTHS if low <= label and (high is None or label <= high))


def _make_sort_key(kind: str, name: str, count: int) -> tuple[int, str]:
    """Lengths and depths in their order, types by how many there are."""
    if kind == "length":
        return int(name.partition("-")[0].partition("+")[0].partition(" ")[0]), name
    return ([depth[2] for depth in DEPTHS].index(name) if kind == "depth" else -count, name)
