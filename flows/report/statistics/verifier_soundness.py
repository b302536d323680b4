"""How sound and how complete the verifier is, where gold says whether a step is wrong."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.score import NONE, wilson


class Soundness:
    """Holds verdicts against gold: whether a solution has a wrong step."""

    wants = ("verdict", GOLD_STEP)

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, part: pl.DataFrame) -> None:
        """Look at a part."""
        if not set(self.wants) <= set(part.columns):
            return
        truth = pl.when(pl.col(GOLD_STEP) == NONE).then(pl.lit("right")).otherwise(pl.lit("wrong"))
        known = part.drop_nulls(GOLD_STEP).group_by("verdict", truth=truth).len()
        self.counts.update({(verdict, truth): n for verdict, truth, n in known.iter_rows()})

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
        return summary


def _share(part: int, whole: int) -> dict[str, Any]:
    low, high = wilson(part, whole) if whole else (0.0, 1.0)
    return {
        "of": whole,
        "n": part,
        "share": round(part / whole, 4) if whole else None,
        "interval": [round(low, 4), round(high, 4)],
    }
