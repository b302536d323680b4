"""How sound and how complete the verifier is, where the truth of each step is known (Abacus' world)."""

from __future__ import annotations

from collections import Counter
from typing import Any

import polars as pl

from flows.report.statistics.rows import sampled
from tasks.evaluation.score import NONE, wilson
from tasks.synthetic.program import load
from tasks.synthetic.truth import judge

LOOKED_AT = 5_000
"""Solutions, about, whose truth is worked out."""


class Soundness:
    """Holds verdicts against the truth: whether a solution has a wrong step."""

    wants = ("problem_id", "program", "steps", "verdict")

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.counts: Counter[tuple[str, str]] = Counter()

    def add(self, part: pl.DataFrame) -> None:
        """Look at a part."""
        if not {"program", "steps", "verdict"} <= set(part.columns):
            return
        rows = sampled(part, self.rows, LOOKED_AT)
        for program, steps, verdict in zip(rows["program"], rows["steps"].to_list(), rows["verdict"]):
            try:
                truth = judge(load(program), steps).first_error
            except ValueError:  # a column of this name that is no program of Abacus' world
                continue
            self.counts[verdict, "right" if truth == NONE else "wrong"] += 1

    def told(self) -> dict[str, Any] | None:
        """The counts of verdict and truth; soundness and completeness of both verdicts with their 95 % intervals."""
        if not self.counts:
            return None
        found: dict[str, Any] = {
            "rows": self.counts.total(),
            "counts": [[*key, n] for key, n in sorted(self.counts.items())],
        }
        for verdict in ("right", "wrong"):
            both = self.counts[verdict, verdict]
            said = sum(n for (one, _), n in self.counts.items() if one == verdict)
            true = sum(n for (_, one), n in self.counts.items() if one == verdict)
            found[verdict] = {"sound": _share(both, said), "complete": _share(both, true)}
        return found


def _share(part: int, whole: int) -> dict[str, Any]:
    low, high = wilson(part, whole) if whole else (0.0, 1.0)
    return {
        "of": whole,
        "n": part,
        "share": round(part / whole, 4) if whole else None,
        "interval": [round(low, 4), round(high, 4)],
    }
