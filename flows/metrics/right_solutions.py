"""What labels say of solutions without a wrong step, and of right answers that have one: counts, and F1 as ProcessBench has it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.score import NONE, Share, compute_f1, wilson

VERDICT = "verdict"


@dataclass
class RightSolutions:
    """Counts of labels of solutions whose truth is known; a row without a label is not exact."""

    counts: Counter[str] = field(default_factory=Counter)
    expected: float = 0.0
    """The sum of the probabilities of labels that say none,"""
    sure: int = 0
    """and how many have one."""

    def add(self, part: pl.DataFrame, labels: pl.Series, probability: str | None) -> None:
        """Count a part, given the labels of its rows."""
        nothing = pl.Series([None] * part.height, dtype=pl.Float64)
        none = (labels == NONE).fill_null(False)
        sure = part.get_column(probability or "", default=nothing).filter(none).drop_nulls()
        self.expected, self.sure = self.expected + float(sure.sum()), self.sure + sure.len()
        if GOLD_STEP not in part.columns:
            return
        rows = pl.DataFrame({"gold": part[GOLD_STEP], "label": labels, "right": _find_right(part)})
        exact, wrong = pl.col("gold") == pl.col("label"), pl.col("gold") != NONE
        named, right = pl.col("label") != NONE, pl.col("right")
        sums = {
            "wrong": wrong, "exact wrong": wrong & exact, "right": ~wrong, "exact right": ~wrong & exact,
            "none": ~named, "flawed": right & wrong, "named flawed": right & named, "exact flawed": right & named & exact,
        }  # fmt: skip
        known = rows.filter(pl.col("gold").is_not_null())
        self.counts.update(known.select(**{name: value.sum() for name, value in sums.items()}).row(0, named=True))

    def summarize(self) -> dict[str, Any]:
        """F1, what is said of solutions without a wrong step, and of right answers with one; nothing where there are none."""
        n = self.counts
        if not n["right"]:
            return {}
        summary: dict[str, Any] = {}
        wrong, right = Share(n["exact wrong"], n["wrong"]), Share(n["exact right"], n["right"])
        f1 = compute_f1(wrong, right)
        if f1 is not None:
            summary["f1"] = {"f1": round(f1, 4), "right": [right.hits, right.of], "wrong": [wrong.hits, wrong.of]}
        if n["none"]:
            none: dict[str, Any] = {
                "labels": n["none"],
                "exact": n["exact right"],
                "interval": _round(n["exact right"], n["none"]),
            }
            summary["none"] = none | ({"expected": round(self.expected / self.sure, 4)} if self.sure else {})
        if n["flawed"] or n["named flawed"]:
            flawed = {"rows": n["flawed"], "named": n["named flawed"], "exact": n["exact flawed"]}
            interval = {"interval": _round(n["exact flawed"], n["named flawed"])} if n["named flawed"] else {}
            summary["flawed"] = flawed | interval
        return summary


def _find_right(part: pl.DataFrame) -> pl.Series:
    """Whether a solution's answer is right."""
    nothing = pl.Series([None] * part.height, dtype=pl.String)
    return part.get_column(VERDICT, default=nothing).fill_null("") == "right"


def _round(hits: int, of: int) -> list[float]:
    return [round(end, 4) for end in wilson(hits, of)]
