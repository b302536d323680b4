"""What rules alone and all together say of mistakes' types: `python -m tests.benchmarks.classification`.

On the mistakes of Abacus on whose first wrong step the labellers agree (the
table `typed` of a built catalog/recipes/abacus.yaml), where the truth is known: rules
with the right solution, rules without it, and the type as the corpus has it. On
PRMBench and verify-then-generate (`--data`), the rules alone, as they are: how
many mistakes they decide, and how often the type, in the set's own classes, is
that of its annotators. Exits non-zero where a figure on Abacus' mistakes is missed.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from catalog import taxonomies
from flows.metrics.evaluate import find_rows
from tasks.classify.rules import RULE_TAXONOMY, apply_rules
from tasks.evaluation.score import wilson
from tasks.evaluation.types import Confusion
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

Said = Callable[[dict[str, Any]], str | None]


def rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of gzipped JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def verify_then_generate(folder: Path) -> Iterator[dict[str, Any]]:
    """Its wrong solutions, with the answer that the reference ends with."""
    for row in rows(folder / "verify-then-generate" / "dataset.jsonl.gz"):
        reference = row["reference_solution"]
        yield {
            "question": row["problem"], "steps": row["student_incorrect_solution"], "reference": reference,
            "answer": reference.strip().split("\n")[-1].strip(), "first_error": row["incorrect_index"],
            "gold": row["error_category"],
        }  # fmt: skip


def prmbench(folder: Path) -> Iterator[dict[str, Any]]:
    """Its changed solutions; the solution before the change is the right one, and no answer is given apart."""
    for path in sorted((folder / "prmbench").glob("*.jsonl.gz")):
        for row in rows(path):
            steps, at = row["modified_process"], min(row["error_steps"], default=0) - 1
            if 0 <= at < len(steps):
                yield {
                    "question": row["modified_question"], "steps": steps, "answer": None,
                    "reference": "\n".join(row["original_process"]), "first_error": at, "gold": row["classification"],
                }  # fmt: skip


def without_reference(row: dict[str, Any]) -> str | None:
    """What rules say without the right solution; they know the right answer."""
    return with_reference(row | {"reference": None})


def with_reference(row: dict[str, Any]) -> str | None:
    """What rules say."""
    rules = apply_rules(row, row["first_error"])
    return rules.kind if rules else None


def on_abacus(given: Iterable[dict[str, Any]]) -> dict[str, Confusion]:
    """How each way of naming types compares with the truth."""
    ways: dict[str, Said] = {
        "rules, right solution known": with_reference,
        "rules, only the answer known": without_reference,
        "the corpus' type (rules, then judge)": lambda row: row["error_type"],
    }
    confusions = {name: Confusion() for name in ways}
    for row in given:
        truth = find_truth(load_program(row["program"]), row["steps"]).kind
        for name, way in ways.items():
            if truth:
                confusions[name].add(truth, way(row))
    return confusions


def on_others(name: str, given: Iterable[dict[str, Any]]) -> tuple[Confusion, Counter[str]]:
    """Rules' types in a set's own classes beside those of its annotators; and what rules say in their own words."""
    taxonomy = taxonomies.find_shipped(name)
    confusion, kinds = Confusion(), Counter[str]()
    for row in given:
        gold, kind = taxonomy.named(row["gold"]), with_reference(row)
        kinds[kind or "nothing"] += 1
        confusion.add(gold or "unknown", taxonomy.translated(RULE_TAXONOMY, kind) if kind else None)
    return confusion, kinds


def cells(name: str, confusion: Confusion) -> list[str]:
    """A line of the table."""
    low, high = wilson(confusion.exact, confusion.decided) if confusion.decided else (0.0, 1.0)
    precision = (
        f"{100 * confusion.exact / confusion.decided:.1f} ({100 * low:.1f}-{100 * high:.1f})"
        if confusion.decided
        else "-"
    )
    accuracy = f"{100 * confusion.exact / max(1, confusion.rows):.1f}"
    return [name, f"{confusion.rows:,}", f"{100 * confusion.decided / max(1, confusion.rows):.1f}", precision, accuracy, f"{confusion.macro_f1():.3f}"]  # fmt: skip


def main() -> int:
    """Measure and print; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", default="store", help="where catalog/recipes/abacus.yaml was built (make corpus)")
    parser.add_argument(
        "--data", help="the folder of prmbench/ and verify-then-generate/; without it they are left out"
    )
    given = parser.parse_args()
    console = Console(width=120)
    table = Table(title="types of mistakes", title_justify="left")
    table.add_column("", no_wrap=True)
    for head in ("mistakes", "decided, %", "precision, % (95 %)", "accuracy, %", "macro-F1"):
        table.add_column(head, justify="right", no_wrap=True)
    typed = find_rows("catalog/recipes/abacus.yaml:typed", None, given.store)
    abacus = on_abacus(record.value for record in typed.records() if record.value is not None)
    for name, item in abacus.items():
        table.add_row(*cells(name, item))
    texts: list[str] = []
    if given.data:
        for name, load_ in (("verify-then-generate", verify_then_generate), ("prmbench", prmbench)):
            result, kinds = on_others(name, load_(Path(given.data)))
            table.add_row(*cells(f"{name}: rules", result))
            texts.append(f"{name}, in the rules' own words: {', '.join(f'{k} {n}' for k, n in kinds.most_common())}")
    console.print(table)
    console.print(*texts, sep="\n", highlight=False)
    ruled, whole = abacus["rules, right solution known"], abacus["the corpus' type (rules, then judge)"]
    figures = [
        ("rules: precision >= 0.98", ruled.exact / max(1, ruled.decided), 0.98),
        ("type accuracy >= 0.9 on consensus rows", whole.exact / max(1, whole.rows), 0.9),
    ]
    for demanded, measured, least in figures:
        console.print(f"{'met   ' if measured >= least else 'MISSED'}  {demanded}: {measured:.3f}")
    return int(any(measured < least for _, measured, least in figures))


if __name__ == "__main__":
    sys.exit(main())
