"""What `locate` proves, and how much of it is right: `ERRATA_DATA=FOLDER python -m tests.benchmarks.proofs`.

Wrong solutions of four kinds: Abacus' at the default dial, whose truth is known;
pupils' with teachers' labels (verify-then-generate); a 1.5B model's with human
labels (labels-qwen); and those of 42 models on GSM8K (zeroeval), where nobody
labelled a step and only the share that is located can be told. Beside each
stands what equations alone prove, without the right solution. Every location
that is not the label's is listed with its certificate. Exits non-zero where a
figure is missed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from tasks.evaluation.score import wilson
from tasks.localize.locate import locate_first_error
from tasks.split import split_steps
from tests.benchmarks.localisation import Asker, solved

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Goal:
    """What is demanded of a set."""

    located: float
    precision: float | None


GOALS = {
    "abacus": Goal(0.40, 0.99), "verify-then-generate": Goal(0.20, 0.95),
    "labels-qwen": Goal(0.0, 0.95), "zeroeval": Goal(0.20, None),
}  # fmt: skip


def read_rows(path: Path) -> Iterator[Any]:
    """The rows of gzipped JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def list_abacus(folder: str, count: int) -> list[Row]:
    """Abacus' wrong solutions, labelled by its world."""
    rows = solved(Asker(folder), 3, count, 4).filter(pl.col("verdict") == "wrong")
    return [{**row, "label": row["truth"]} for row in rows.to_dicts()]


def list_pupils(data: Path) -> list[Row]:
    """Pupils' wrong solutions; the right answer is the last line of the right solution."""
    return [
        {
            "id": f"{i}", "question": row["problem"], "steps": row["student_incorrect_solution"], "verdict": "wrong",
            "reference": row["reference_solution"], "answer": row["reference_solution"].strip().splitlines()[-1].strip(),
            "label": row["incorrect_index"],
        }
        for i, row in enumerate(read_rows(data / "verify-then-generate" / "dataset.jsonl.gz"))
    ]  # fmt: skip


def list_labelled(data: Path) -> list[Row]:
    """A small model's wrong solutions."""
    return [row for row in read_rows(data / "labels-qwen" / "gsm8k.jsonl.gz") if row["verdict"] == "wrong"]


def list_models(data: Path) -> list[Row]:
    """Wrong solutions of many models, as far as their JSON can be read; the right solutions are GSM8K's."""
    references = {row["question"].strip(): row["answer"] for row in read_rows(data / "gsm8k" / "test.jsonl.gz")}
    rows: list[Row] = []
    for row in read_rows(data / "zeroeval" / "gsm.jsonl.gz"):
        try:
            output = json.loads(row["output"] if isinstance(row["output"], str) else row["output"][0])
            reasoning, answer = (
                str(output["reasoning"]),
                float(re.sub(r"[^\d.-]", "", str(output["answer"])).rstrip(".")),
            )
            gold = row["gold"].replace("#", "").replace(",", "").strip()
            right = answer == float(gold)
        except (ValueError, KeyError, TypeError, IndexError):
            continue
        question = row["problem"].strip()
        if not right and question in references:
            steps = split_steps(reasoning)[0]
            rows.append(
                {
                    "question": question,
                    "steps": steps,
                    "answer": gold,
                    "reference": references[question],
                    "verdict": "wrong",
                }
            )
    return rows  # fmt: skip


@dataclass(frozen=True)
class Line:
    """What was located on a set."""

    rows: int
    located: int
    right: int | None
    """None where nobody labelled the steps."""
    alone: int
    """Located without the right solution."""
    false: Sequence[str]

    @property
    def share(self) -> float:
        """Of all rows."""
        return self.located / max(1, self.rows)

    @property
    def precision(self) -> float | None:
        """Right ones of those located."""
        return None if self.right is None else self.right / max(1, self.located)


def measure(rows: Sequence[Row]) -> Line:
    """Locate in all rows, with the right solution and without."""
    located = right = alone = 0
    labelled = "label" in rows[0]
    false = []
    for row in rows:
        step, rule, certificate, _ = locate_first_error(row)
        alone += locate_first_error({**row, "reference": None})[0] is not None
        if step is None:
            continue
        located += 1
        if labelled and step == row["label"]:
            right += 1
        elif labelled:
            false.append(f"{row.get('id', '')} step {step + 1}, labelled {row['label'] + 1}: {rule}: {certificate}")
    return Line(len(rows), located, right if labelled else None, alone, false)


def is_half_a(row: Row) -> bool:
    """Whether a problem is one of those that the rules were designed on."""
    return int(hashlib.sha256(row["question"].strip().encode()).hexdigest(), 16) % 2 == 0


def count_agreements(rows: Sequence[Row]) -> tuple[int, int]:
    """Of the pairs of labels that the same solution has: those that agree, and all."""
    labels = defaultdict(list)
    for row in rows:
        labels[row["question"], *(step.strip() for step in row["steps"])].append(row["label"])
    pairs = [a == b for several in labels.values() for a, b in combinations(several, 2)]
    return sum(pairs), len(pairs)


def format_share(part: int, whole: int) -> str:
    """A share in percent with its interval."""
    low, high = wilson(part, whole) if whole else (0.0, 1.0)
    return f"{100 * part / max(1, whole):.1f} ({100 * low:.1f}-{100 * high:.1f})"


def main() -> int:
    """Measure and print; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ledger", help="a folder that keeps Abacus' completions, so that a second run asks nothing")
    parser.add_argument("--problems", type=int, default=700, help="problems that Abacus solves, four times each")
    given = parser.parse_args()
    data = Path(os.environ.get("ERRATA_DATA") or sys.exit("ERRATA_DATA: name the folder that holds the sets"))
    console = Console(width=150)
    with TemporaryDirectory() as scratch:
        sets = {
            "abacus": list_abacus(given.ledger or scratch, given.problems), "verify-then-generate": list_pupils(data),
            "labels-qwen": list_labelled(data), "zeroeval": list_models(data),
        }  # fmt: skip
    lines = {name: measure(rows) for name, rows in sets.items()}
    table = Table(title="first wrong steps that arithmetic proves", title_justify="left")
    for name in ("set", "wrong solutions", "located, %", "precision, %", "without the right solution, %"):
        table.add_column(name, justify="left" if name == "set" else "right")
    for name in ("verify-then-generate", "labels-qwen"):
        for half, is_in in (("A", True), ("B", False)):
            lines[f"{name}, half {half}"] = measure([row for row in sets[name] if is_half_a(row) == is_in])
    missed = False
    for name, line in sorted(lines.items()):
        precision = "–" if line.right is None else format_share(line.right, line.located)
        table.add_row(
            name,
            f"{line.rows:,}",
            format_share(line.located, line.rows),
            precision,
            format_share(line.alone, line.rows),
        )
    console.print(table)
    agreed, pairs = count_agreements(sets["verify-then-generate"])
    console.print(f"verify-then-generate: two labels of the same solution agree: {format_share(agreed, pairs)} %")
    for name in sets:
        for false in lines[name].false:
            console.print(f"  {name}: {false}", highlight=False, markup=False)
    for name, goal in GOALS.items():
        line = lines[name]
        met = line.share >= goal.located and (goal.precision is None or (line.precision or 0) >= goal.precision)
        missed |= not met
        precision = "" if goal.precision is None else f", precision {goal.precision}: {line.precision:.3f}"
        console.print(f"{'met   ' if met else 'MISSED'}  {name}: located {goal.located}: {line.share:.3f}{precision}")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
