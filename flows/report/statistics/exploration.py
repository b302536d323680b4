"""Exploration and exploitation as B-STaR (arXiv 2412.17256) measures them: Pass@K-S, Reward@K-S, distinct equations.

Pass@K-S is the share of problems of which at least S of a model's first K
solutions are right and differ in their text. Reward@K-S is the share of those
whose S solutions of the highest reward among the first K are all right. B-STaR
takes the reward from the gold answer and a process reward model; Errata has no
such model, and a reward that knows gold would only repeat Pass. So here it is
what can be had without gold: the share of the K solutions that end in the same
answer, then the mean log-probability of a token. Distinct equations: of the
first K solutions, the share that differ in the equations they write down.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import polars as pl

from flows.report.statistics.rows import sample_rows
from tasks.dedup.mistakes import write_path
from tasks.sources.content_ids import digest

GROUPS = 8
"""Models with their sampling that are reported: those with most solutions."""


@dataclass(frozen=True)
class Solved:
    """What counts of one solution."""

    sample: int
    right: bool
    text: str
    """The hash of what it says."""
    path: str
    """Its equations, or that hash where it writes none."""
    answer: str | None
    logprob: float
    """Of a token on average; 0 where nobody knows."""


class Exploration:
    """Looks at the solutions of a sample of the problems."""

    wants = (
        "problem_id", "model", "sampling", "sample", "verdict", "extracted", "rationale", "text", "logprob", "tokens",
    )  # fmt: skip

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.groups: dict[tuple[str, str], dict[str, list[Solved]]] = defaultdict(lambda: defaultdict(list))

    def add(self, part: pl.DataFrame) -> None:
        """Look at a part."""
        if not {"sample", "verdict", "model", "sampling"} <= set(part.columns):
            return
        for row in sample_rows(part, self.rows).iter_rows(named=True):
            text = row.get("rationale") or row.get("text") or ""
            tokens = row.get("tokens") or 0
            likely = (row.get("logprob") or 0.0) / tokens if tokens else 0.0
            wording = digest("text", " ".join(text.split()))
            path = write_path(text) or wording
            solution = Solved(row["sample"], row["verdict"] == "right", wording, path, row.get("extracted"), likely)
            self.groups[row["model"], row["sampling"]][row["problem_id"]].append(solution)

    def summarize(self) -> dict[str, Any] | None:
        """Curves of the groups that sampled more than once; None where none did."""
        sizes = {key: sum(map(len, problems.values())) for key, problems in self.groups.items()}
        deep = [key for key in sizes if self._find_depth(key) > 1]
        chosen = sorted(deep, key=lambda key: (-sizes[key], key))[:GROUPS]
        if not chosen:
            return None
        groups = [
            {"model": model, "sampling": sampling, "problems": len(self.groups[model, sampling]),
             "points": _measure_points(list(self.groups[model, sampling].values()), self._find_depth((model, sampling)))}
            for model, sampling in chosen
        ]  # fmt: skip
        return {"groups": groups, "more": len(deep) - len(chosen), "solutions": sum(sizes.values())}

    def _find_depth(self, key: tuple[str, str]) -> int:
        return 1 + max(solution.sample for solved in self.groups[key].values() for solution in solved)


def _measure_points(problems: list[list[Solved]], depth: int) -> list[dict[str, Any]]:
    """For K and S = 1, 2, 4, … the three figures."""
    points = []
    sizes = [size for size in (1, 2, 4, 8, 16, 32, 64, 128, 256) if size <= depth]
    for k in sizes:
        first = [[solution for solution in solved if solution.sample < k] for solved in problems]
        solutions = sum(map(len, first))
        distinct = sum(len({solution.path for solution in solved}) for solved in first)
        ranked = [_rank(solved) for solved in first]
        for s in (size for size in sizes if size <= k):
            passed = sum(len({solution.text for solution in solved if solution.right}) >= s for solved in first)
            best = sum(len(solved) >= s and all(solution.right for solution in solved[:s]) for solved in ranked)
            points.append({
                "k": k, "s": s, "pass": round(passed / len(problems), 4), "reward": round(best / len(problems), 4),
                "distinct": round(distinct / solutions, 4) if solutions else None,
            })  # fmt: skip
    return points


def _rank(solved: list[Solved]) -> list[Solved]:
    """By reward, the best first."""
    votes = Counter(solution.answer for solution in solved if solution.answer is not None)

    def key(solution: Solved) -> tuple[float, float, int]:
        return (-votes[solution.answer] if solution.answer is not None else 0, -solution.logprob, solution.sample)

    return sorted(solved, key=key)
