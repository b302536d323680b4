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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.metrics.evaluate import find_rows
from tasks.classify.rules import apply_rules
from tasks.evaluation.score import wilson
from tasks.evaluation.types import Confusion
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

Said = Callable[[dict[str, Any]], str | None]
Figures = list[tuple[str, str, bool]]
"""What is demanded, what was measured, whether it is met."""


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


ALLOWED: dict[str, dict[str, frozenset[str]]] = {
    "verify-then-generate": {
        "Calculation error easily solved by a calculator": frozenset({"calculation", "miscopied result"}),
        "Unit conversion error": frozenset({"unit", "wrong operation", "wrong operand", "misread quantity"}),
        "Extra quantity or Missing quantity": frozenset({"missing step", "extra step", "wrong operand"}),
        "Misunderstanding of a question": frozenset(
            {"wrong operation", "wrong operand", "misread quantity", "missing step", "extra step"}
        ),
        "Missing / Wrong factual knowledge": frozenset({"wrong operation", "wrong operand", "misread quantity"}),
        "Reached correct solution but proceeded further": frozenset({"extra step", "final answer"}),
    },
    "prmbench": {
        "redundency": frozenset({"extra step"}),
        "circular": frozenset({"extra step"}),
        "counterfactual": frozenset({"calculation", "misread quantity", "wrong operation"}),
        "step_contradiction": frozenset({"miscopied result", "wrong operand", "final answer"}),
        "domain_inconsistency": frozenset({"wrong operation"}),
        "confidence": frozenset({"calculation", "misread quantity", "miscopied result"}),
        "missing_condition": frozenset({"missing step"}),
        "deception": frozenset({"calculation", "misread quantity", "miscopied result", "wrong operand"}),
    },
}
"""By set and category the types that a mistake of that category may have, by the two definitions and nothing else. Categories
that are not here ("None of the above") say nothing of the type."""


KNOWING: dict[str, Said] = {
    "neither": lambda row: name_type(row | {"reference": None, "answer": None}),
    "the right answer": lambda row: name_type(row | {"reference": None}),
    "answer and right solution": lambda row: name_type(row),
}
"""What rules may know beside the solution and the place of its mistake, from the least to the most."""


def name_type(row: dict[str, Any]) -> str | None:
    """What rules say."""
    rules = apply_rules(row, row["first_error"])
    return rules.kind if rules else None


def on_abacus(given: Iterable[dict[str, Any]]) -> dict[str, Confusion]:
    """How each way of naming types compares with the truth."""
    ways: dict[str, Said] = {
        **{f"rules, knowing {what}": way for what, way in KNOWING.items()},
        "the corpus' type (rules, then judge)": lambda row: row["error_type"],
    }
    confusions = {name: Confusion() for name in ways}
    for row in given:
        truth = find_truth(load_program(row["program"]), row["steps"]).kind
        for name, way in ways.items():
            if truth:
                confusions[name].add(truth, way(row))
    return confusions


@dataclass(frozen=True)
class Beside:
    """Rules' types beside the categories of a set's annotators."""

    pairs: list[tuple[str, str | None]]
    """The category and the type of each mistake whose category says something of it."""
    allowed: dict[str, frozenset[str]]

    @property
    def decided(self) -> list[tuple[str, str]]:
        """Those that rules decide."""
        return [(category, kind) for category, kind in self.pairs if kind]

    @property
    def fitting(self) -> int:
        """Those whose type is one that the category allows."""
        return sum(kind in self.allowed[category] for category, kind in self.decided)

    @property
    def by_chance(self) -> float:
        """The share that would fit if types were dealt to these mistakes at random."""
        categories, kinds = zip(*self.decided)
        fits = sum(kind in self.allowed[category] for category in categories for kind in kinds)
        return fits / len(categories) ** 2

    def cells(self, name: str) -> list[str]:
        """A line of the table."""
        count = len(self.decided)
        low, high = wilson(self.fitting, count) if count else (0.0, 1.0)
        share = f"{100 * self.fitting / count:.1f} ({100 * low:.1f}-{100 * high:.1f})" if count else "-"
        chance = f"{100 * self.by_chance:.1f}" if count else "-"
        return [name, f"{len(self.pairs):,}", f"{100 * count / max(1, len(self.pairs)):.1f}", share, chance]


def stand_beside(name: str, given: Iterable[dict[str, Any]], way: Said) -> Beside:
    """Rules' types beside a set's categories."""
    allowed = ALLOWED[name]
    return Beside([(row["gold"], way(row)) for row in given if row["gold"] in allowed], allowed)


def print_confusion(console: Console, name: str, beside: Beside) -> None:
    """How many mistakes of each category are of each type; what is not allowed is in brackets."""
    kinds = sorted({kind for _, kind in beside.decided})
    table = Table(title=f"{name}: categories and types; (not allowed)", title_justify="left")
    table.add_column("", no_wrap=True)
    for kind in [*kinds, "undecided"]:
        table.add_column(kind, justify="right")
    counts = Counter(beside.pairs)
    for category, allowed in beside.allowed.items():
        cells = [str(counts[category, kind]) if kind in allowed else f"({counts[category, kind]})" for kind in kinds]
        table.add_row(category, *(cell.replace("(0)", "") for cell in cells), str(counts[category, None]))
    console.print(table)


def compare_knowledge(
    name: str, given: Sequence[dict[str, Any]], is_right: Callable[[dict[str, Any], str], bool]
) -> Figures:
    """Whether who knows more names no fewer mistakes rightly."""
    counts = [sum((kind := way(row)) is not None and is_right(row, kind) for row in given) for way in KNOWING.values()]
    text = ", ".join(f"{what} {count}" for what, count in zip(KNOWING, counts))
    return [(f"{name}: the more is known, the more is right", text, counts == sorted(counts))]


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


def check_abacus(console: Console, store: str) -> Figures:
    """The figures of Abacus' truth."""
    typed = [
        record.value for record in find_rows("catalog/recipes/abacus.yaml:typed", None, store).records() if record.value
    ]
    confusions = on_abacus(typed)
    table = Table(title="Abacus' mistakes, types", title_justify="left")
    table.add_column("", no_wrap=True)
    for head in ("mistakes", "decided, %", "precision, % (95 %)", "accuracy, %", "macro-F1"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, item in confusions.items():
        table.add_row(*cells(name, item))
    console.print(table)
    ruled, whole = (
        confusions["rules, knowing answer and right solution"],
        confusions["the corpus' type (rules, then judge)"],
    )
    shares = [
        ("rules: precision >= 0.98", ruled.exact / max(1, ruled.decided), 0.98),
        ("type accuracy >= 0.9 on consensus rows", whole.exact / max(1, whole.rows), 0.9),
    ]
    figures = [(demanded, f"{measured:.3f}", measured >= least) for demanded, measured, least in shares]
    truths = {id(row): find_truth(load_program(row["program"]), row["steps"]).kind for row in typed}
    return figures + compare_knowledge("Abacus", typed, lambda row, kind: truths[id(row)] == kind)


def check_others(console: Console, folder: Path) -> Figures:
    """The figures of what people, and whoever made mistakes to order, call them."""
    figures: Figures = []
    table = Table(title="types beside the categories of others", title_justify="left")
    table.add_column("", no_wrap=True)
    for head in ("mistakes", "decided, %", "allowed, % (95 %)", "by chance, %"):
        table.add_column(head, justify="right", no_wrap=True)
    for name, load_ in (("verify-then-generate", verify_then_generate), ("prmbench", prmbench)):
        given = list(load_(folder))
        for what, way in KNOWING.items():
            beside = stand_beside(name, given, way)
            table.add_row(*beside.cells(f"{name}, knowing {what}"))
        print_confusion(console, name, beside)
        known = [row for row in given if row["gold"] in ALLOWED[name]]
        figures += compare_knowledge(name, known, lambda row, kind, name=name: kind in ALLOWED[name][row["gold"]])  # type: ignore[misc]
        share = beside.fitting / max(1, len(beside.decided))
        figures.append(
            (
                f"{name}: types fit more often than dealt at random",
                f"{share:.3f} and {beside.by_chance:.3f}",
                share > beside.by_chance,
            )
        )
    console.print(table)
    return figures


def main() -> int:
    """Measure and print; 1 where a figure is missed, or where there is nothing to measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--store", help="where catalog/recipes/abacus.yaml was built (make corpus)")
    parser.add_argument("--data", type=Path, help="the folder of prmbench/ and verify-then-generate/")
    given = parser.parse_args()
    console = Console(width=140)
    figures = check_abacus(console, given.store) if given.store else []
    figures += check_others(console, given.data) if given.data else []
    for demanded, measured, met in figures:
        console.print(f"{'met   ' if met else 'MISSED'}  {demanded}: {measured}", highlight=False)
    return int(not figures or not all(met for *_, met in figures))


if __name__ == "__main__":
    sys.exit(main())
