"""What became of answers between two models, or checkpoints: fixed, still wrong, newly wrong, with a few of the last.

Source: MUSCLE (arXiv 2407.09435, section 3): a new model that is better on average
may be wrong where the old one was right; the share of these is the negative flip
rate.
"""

from __future__ import annotations

import heapq
from collections import Counter
from typing import Any

import polars as pl

from flows.report.statistics.verdicts import list_largest
from tasks.evaluation.self_correction import count_shares

SETS = 20
"""Problem sets that are counted one by one; the others together."""
PAIRS = 8
"""Pairs of models beside the commonest that are named."""
EXAMPLES = 8
LONGEST = 600
"""Characters of a question, or an answer, of an example."""
NEWLY_WRONG = "newly wrong"
_SHOWN = ("set", "question", "answer", "old_answer", "new_answer")


class FlipCounts:
    """Counts what became of answers, by set and by problem."""

    wants = ("flip_id", "problem_id", "flip", "old_model", "new_model", "old_verdict", "new_verdict", *_SHOWN)

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, str]] = Counter()
        self.models: Counter[tuple[str, str]] = Counter()
        self._verdicts: list[pl.DataFrame] = []
        self._examples: list[tuple[str, dict[str, Any]]] = []

    def add(self, part: pl.DataFrame) -> None:
        """Count a part."""
        for of_set, flip, n in part.group_by("set", "flip").len().iter_rows():
            self.counts[of_set, flip] += n
        for old, new, n in part.group_by("old_model", "new_model").len().iter_rows():
            self.models[old, new] += n
        keys = ["problem_id", "old_verdict", "new_verdict"]
        decided = part.filter(pl.col("flip") != "undecided")
        self._verdicts.append(decided.group_by(keys).len())
        broken = part.filter(pl.col("flip") == NEWLY_WRONG).sort("flip_id").unique("problem_id", keep="first")
        rows = ((row["flip_id"], {name: (row[name] or "")[:LONGEST] for name in _SHOWN}) for row in broken.to_dicts())
        # ids are hashes: the smallest are a random few, the same whenever they are built; a problem lies in one part
        self._examples = heapq.nsmallest(EXAMPLES, [*self._examples, *rows], key=lambda pair: pair[0])

    def summarize(self, table: str) -> dict[str, Any] | None:
        """The counts by set, accuracies and negative flips with their intervals, and examples; None of nothing."""
        if not self.counts:
            return None
        sets = list_largest(self.counts, 0, SETS)
        cells: Counter[tuple[str, str]] = Counter()
        for (of_set, flip), n in self.counts.items():
            cells[sets.get(of_set, "others"), flip] += n
        ((old, new), _), *others = sorted(self.models.items(), key=lambda item: (-item[1], item[0]))
        return {
            "table": table, "old": old, "new": new, "rows": self.counts.total(),
            # of a name without a revision there may be another one of other problems
            "others": [[*pair, n] for pair, n in others[:PAIRS]], "left_out": len(others[PAIRS:]),
            "by": [[*key, n] for key, n in sorted(cells.items())], **self._measure(),
            "examples": [example for _, example in self._examples],
        }  # fmt: skip

    def _measure(self) -> dict[str, Any]:
        """Right answers before and after, and negative flips, each problem counting once."""
        verdicts = pl.concat(self._verdicts).group_by("problem_id", "old_verdict", "new_verdict").sum()
        pairs = {(a, b): 2 * (a == "wrong") + (b == "wrong") for a in ("right", "wrong") for b in ("right", "wrong")}
        counts: dict[str, list[int]] = {}
        for problem, old, new, n in verdicts.sort("problem_id").iter_rows():
            counts.setdefault(problem, [0, 0, 0, 0])[pairs[old, new]] += n
        transitions = count_shares(list(counts.values()))
        if transitions is None:
            return {"problems": 0, "accuracy_before": None, "accuracy_after": None, "negative_flips": None}
        intervals = transitions.measure_intervals()
        figures = {
            "accuracy_before": (transitions.accuracy_before, intervals["Acc1"]), "accuracy_after": (transitions.accuracy_after, intervals["Acc2"]),
            "negative_flips": (transitions.negative_flips, intervals["NFR"]),
        }  # fmt: skip
        shares = {
            name: {"share": round(share, 4), "interval": [round(end, 4) for end in interval or (0.0, 1.0)]}
            for name, (share, interval) in figures.items()
        }
        return {"problems": len(counts), **shares}
