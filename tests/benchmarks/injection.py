"""Mistakes made by rules, edit by edit: `python -m tests.benchmarks.injection`.

On the right solutions of Abacus (the table `verified` of a built
catalog/recipes/abacus.yaml): in how many each edit can be made, how often the truth of
the world finds first wrong step and type as they are said, and how far looks
alone tell the wrong ones from right ones (half of the solutions that an edit
fits stay right). Exits non-zero where a figure is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.metrics.evaluate import find_rows
from tasks.evaluation.artifact_baseline import measure_artifacts
from tasks.evaluation.score import wilson
from tasks.inject.edits import NAMES, TYPES_OF_EDITS, Name
from tasks.inject.filters import LEAKS, find_rejection
from tasks.inject.propagate import inject_mistake
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

TYPES = {name: TYPES_OF_EDITS[name]["abacus"] for name in NAMES}
MOST = 0.4
"""The share of characters that may change, as `inject` has it by default."""


@dataclass
class Made:
    """What came of one edit, or of all."""

    tried: int = 0
    same: int = 0
    rows: list[tuple[str, bool, str]] = field(default_factory=list)
    wrong: int = 0

    def add(self, row: Mapping[str, Any], types: Mapping[Name, str], seed: int) -> None:
        """Try a solution; of those that can be made wrong every other one stays right."""
        self.tried += 1
        random = Random(f"{seed} {row['solution_id']}")
        stays = random.random() < 0.5
        result = inject_mistake(row["question"], row["steps"], Fraction(row["answer"]), types, random)
        if result is None or find_rejection(row["steps"], result.steps, result.at, MOST):
            return
        truth = find_truth(load_program(row["program"]), result.steps)
        self.wrong += 1
        self.same += (truth.first_error, truth.kind) == (result.at, result.type)
        self.rows.append(("\n".join(row["steps"] if stays else result.steps), not stays, row["problem_id"]))

    def cells(self, name: str) -> list[str]:
        """A line of the table."""
        artifacts = measure_artifacts(self.rows)
        low, high = wilson(self.same, self.wrong) if self.wrong else (0.0, 1.0)
        same = f"{100 * self.same / self.wrong:.1f} ({100 * low:.1f}-{100 * high:.1f})" if self.wrong else "–"
        areas = (
            [f"{artifacts.looks:.2f}", f"{artifacts.ngrams:.2f}", f"{2 * artifacts.error:.2f}"]
            if artifacts
            else ["–"] * 3
        )
        return [name, f"{self.wrong:,}", f"{100 * self.wrong / max(1, self.tried):.1f}", same, *areas]


def right(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The right solutions that say nothing of mistakes, each text once for a problem."""
    rows = {(row["problem_id"], row["text"]): row for row in records if row["verdict"] == "right"}
    return [row for row in rows.values() if not LEAKS.search(row["text"]) and row["answer"].isdecimal()]


def main() -> int:
    """Measure and print; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="store", help="where it was built (make corpus)")
    parser.add_argument(
        "--table", default="catalog/recipes/abacus.yaml:verified", help="RECIPE.yaml:TABLE of verified solutions"
    )
    parser.add_argument("--most", type=int, default=2_000, help="solutions, at most; those with the smallest ids")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    console = Console(width=120)
    rows = right(
        [record.value for record in find_rows(given.table, None, given.store).records() if record.value is not None]
    )
    rows = sorted(rows, key=lambda row: str(row["solution_id"]))[: given.most]
    table = Table(title=f"mistakes made in {len(rows):,} right solutions", title_justify="left")
    table.add_column("", no_wrap=True)
    for head in ("made", "made, %", "place and type, % (95 %)", "AUC looks", "AUC n-grams", "chance 0.5 ±"):
        table.add_column(head, justify="right", no_wrap=True)
    all_, each = Made(), {name: Made() for name in NAMES}
    for row in rows:
        all_.add(row, TYPES, given.seed)
        for name, item in each.items():
            item.add(row, {name: TYPES[name]}, given.seed)
    for entry, item in [*each.items(), ("all", all_)]:
        table.add_row(*item.cells(entry))
    console.print(table)
    looks = measure_artifacts(all_.rows)
    figures = [
        ("place and type as said, all edits: >= 0.98", all_.same / max(1, all_.wrong), 0.98, True),
        ("AUC by lengths and signs, all edits: <= 0.58", looks.looks if looks else 1.0, 0.58, False),
        ("AUC by character n-grams, all edits: <= 0.58", looks.ngrams if looks else 1.0, 0.58, False),
    ]
    met = [measured >= limit if least else measured <= limit for _, measured, limit, least in figures]
    for good, (demanded, measured, _, _) in zip(met, figures):
        console.print(f"{'met   ' if good else 'MISSED'}  {demanded}: {measured:.3f}")
    return int(not all(met))


if __name__ == "__main__":
    sys.exit(main())
