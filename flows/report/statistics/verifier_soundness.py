"""How sound and how complete the verifier is, where gold says whether a step is wrong, and what asking again gives with it.

Source: "The Limits of Inference Scaling Through Resampling" (arXiv 2411.17501).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from flows.report.statistics.verdicts import MODELS
from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.resampling import Acceptance, choose_attempts, find_ceiling
from tasks.evaluation.score import NONE, wilson

LOSS = 1.0
"""What a wrong answer that is accepted costs, where a right one is worth 1 and one withheld nothing."""


class Soundness:
    """Holds verdicts against gold: whether a solution has a wrong step."""

    wants = ("verdict", GOLD_STEP, "model", "problem_id")

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self._problems: list[pl.DataFrame] = []

    def add(self, part: pl.DataFrame) -> None:
        """Look at a part."""
        if not {"verdict", GOLD_STEP} <= set(part.columns):
            return
        truth = pl.when(pl.col(GOLD_STEP) == NONE).then(pl.lit("right")).otherwise(pl.lit("wrong"))
        known = part.drop_nulls(GOLD_STEP).group_by("verdict", truth=truth).len()
        self.counts.update({(verdict, truth): n for verdict, truth, n in known.iter_rows()})
        if {"model", "problem_id"} <= set(part.columns):
            right, accepted = pl.col(GOLD_STEP) == NONE, pl.col("verdict") == "right"
            sums = {"right": right, "kept": right & accepted, "alarms": ~right & accepted}
            groups = part.drop_nulls(GOLD_STEP).group_by("model", pl.col("problem_id").hash())
            self._problems.append(groups.agg(n=pl.len(), **{name: column.sum() for name, column in sums.items()}))

    def summarize(self) -> dict[str, Any] | None:
        """The counts of verdict and truth; soundness and completeness of both verdicts with their 95 % intervals."""
        if not self.counts:
            return None
        summary: dict[str, Any] = {
            "rows": self.counts.total(),
            "counts": [[*key, n] for key, n in sorted(self.counts.items())],
        }
        for verdict in ("right", "wrong"):
            both = self.counts[verdict, verdict]
            called = sum(n for (label, _), n in self.counts.items() if label == verdict)
            true = sum(n for (_, truth), n in self.counts.items() if truth == verdict)
            summary[verdict] = {"sound": _share(both, called), "complete": _share(both, true)}
        summary["ceilings"] = self._list_ceilings()
        return summary

    def _list_ceilings(self) -> list[dict[str, Any]]:
        """Of each model, those with most solutions, the accuracy that asking again cannot exceed, and the attempts that are worth most."""
        if not self._problems:
            return []
        problems = pl.concat(self._problems).group_by("model", "problem_id").sum().sort("model", "problem_id")
        models = problems.group_by("model").agg(pl.col("n", "right", "kept", "alarms").sum()).sort("n", "model", descending=[True, False])  # fmt: skip
        return [
            _describe_ceiling(row, problems.filter(pl.col("model") == row["model"]))
            for row in models.head(MODELS).to_dicts()
        ]


def _describe_ceiling(row: dict[str, Any], problems: pl.DataFrame) -> dict[str, Any]:
    """One model's solutions with the verdict `right` as their verifier."""
    n, right, kept, alarms = (row[name] for name in ("n", "right", "kept", "alarms"))
    wrong = n - right
    ceiling = find_ceiling(kept / right if right else 0.0, 1 - alarms / wrong if wrong else 1.0, right / n)
    shares = [(problems[name] / problems["n"]).to_numpy() for name in ("kept", "alarms")]
    attempts, worth = choose_attempts(Acceptance(*shares), LOSS)
    return {
        "model": row["model"], "solutions": n, "rate": _share(right, n), "complete": _share(kept, right), "alarms": _share(alarms, wrong),
        "ceiling": _share(kept, kept + alarms) | {"share": None if ceiling is None else round(ceiling, 4)},
        "attempts": attempts, "worth": round(worth, 4),
    }  # fmt: skip


def _share(part: int, whole: int) -> dict[str, Any]:
    low, high = wilson(part, whole) if whole else (0.0, 1.0)
    return {
        "of": whole,
        "n": part,
        "share": round(part / whole, 4) if whole else None,
        "interval": [round(low, 4), round(high, 4)],
    }
