"""How well and how cheaply first wrong steps are found: `python -m tests.benchmarks.localisation`.

Abacus solves problems of its world, judges its wrong solutions and completes
their prefixes; the world knows the truth. All methods look at the same
solutions and share their rollouts (a rollout has the same id whichever method
asks for it), so that every difference is the method's. Exits non-zero where a
figure is missed.

Long solutions are those of 8 to 20 steps to problems that Abacus solves at
least twice in eight tries: of a problem that a completer cannot solve, rollouts
say nothing (SCAN, arXiv 2509.16548, keeps questions solved in 3 of 4).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table

from catalog.ledger import Ledger
from catalog.storage import Store
from schemas.model_id import ModelId
from schemas.recipe.models import Abacus
from schemas.request import Completion, Reply, Request
from schemas.task import Asking, Conversation, Task
from tasks import TASKS
from tasks.engines.abacus.engine import AbacusEngine
from tasks.evaluation.score import wilson
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

NAMES = {"abacus": ModelId("abacus", "benchmark")}
PROMPTS: dict[str, Any] = {"prompt": "abacus-solve", "max_tokens": 600}
ROLLOUTS = (1, 2, 4, 8)
CHECKED = 8
"""The rollouts at which the figures are compared."""


class Asker:
    """Abacus behind a ledger: what was asked once is known."""

    def __init__(self, folder: str) -> None:
        self.ledger = Ledger(Store(folder))
        self.engine = AbacusEngine(Abacus(engine="abacus"))

    def replies(self, requests: Sequence[Request]) -> Mapping[str, Reply]:
        """A reply to each request."""
        wanted = {request.id: request for request in requests}
        values: dict[str, Reply] = dict(self.ledger.find(list(wanted.values())))
        missing = [request for id_, request in wanted.items() if id_ not in values]
        if missing:
            with self.ledger.writer("benchmark", "localisation") as writer:
                for reply in self.engine.answer(missing):
                    values[reply.request] = reply
                    if isinstance(reply, Completion):
                        writer.append(wanted[reply.request], reply)
        return values

    def carried(self, conversation: Conversation) -> pl.DataFrame:
        """The rows that a conversation ends with."""
        try:
            requests = next(conversation)
            while True:
                requests = conversation.send(self.replies(requests))
        except StopIteration as end:
            kept: pl.DataFrame = end.value.kept
            return kept

    def made(self, name: str, given: pl.DataFrame, **parameters: Any) -> pl.DataFrame:
        """What a task makes of rows."""
        task: Task[Any] = TASKS[name]
        rules = task.parameters.model_validate(parameters)
        if isinstance(task, Asking):
            return self.carried(task.ask(given, rules, NAMES))
        kept: pl.DataFrame = task.run(given, rules).kept  # type: ignore[attr-defined]
        return kept


def solved(asker: Asker, level: int, count: int, samples: int) -> pl.DataFrame:
    """Verified solutions of problems of a level, with the truth and how many of the problem's are right."""
    world: Any = TASKS["world"]
    problems = world.run(range(count), world.parameters(count=count, level=level, seed=5)).kept
    sampling = [{"temperature": 1.0, "samples": samples}]
    rows = asker.made("generate", problems, models=["abacus"], sampling=sampling, **PROMPTS)
    rows = asker.made("verify", asker.made("split", rows))
    truth = [
        find_truth(load_program(program), steps).first_error
        for program, steps in rows.select("program", "steps").iter_rows()
    ]
    right = (pl.col("verdict") == "right").sum().over("problem_id").alias("solved")
    return rows.with_columns(right, pl.Series("truth", truth))


def solutions(asker: Asker, quick: bool) -> dict[str, pl.DataFrame]:
    """The judged wrong solutions: of the default dial, the short and the long ones."""
    default = solved(asker, 3, 40 if quick else 700, 4).filter(pl.col("verdict") == "wrong")
    hard = solved(asker, 5, 30 if quick else 420, 8)
    length = pl.col("steps").list.len()
    long = hard.filter((pl.col("verdict") == "wrong") & (pl.col("solved") >= 2) & length.is_between(8, 20))
    rules = {"models": ["abacus"], "prompt": "abacus-judge", "max_tokens": 1200}
    default, long = (asker.made("judge", rows, **rules) for rows in (default, long))
    length = pl.col("steps").list.len()
    return {"default": default, "short": default.filter(length.is_between(2, 5)), "long": long}


@dataclass(frozen=True)
class Line:
    """One method on some solutions."""

    name: str
    rows: int
    rollouts: int
    tokens: int
    named: int
    """Labels of the rollouts alone that name a step, all of them of wrong solutions,"""
    exact: int
    """and those of them that name the true one."""
    kept: int
    """Solutions where judge and rollouts name the same step,"""
    right: int
    """and those of them where it is the true one."""

    @property
    def precision(self) -> float:
        """Of the consensus."""
        return self.right / max(1, self.kept)

    @property
    def retention(self) -> float:
        """The share of solutions that the consensus keeps."""
        return self.kept / self.rows

    @property
    def cost(self) -> float:
        """Rollouts for each right row of the consensus."""
        return self.rollouts / max(1, self.right)

    def cells(self) -> list[str]:
        """As the table has them."""
        low, high = wilson(self.right, self.kept) if self.kept else (0.0, 1.0)
        return [
            self.name, f"{self.rollouts / self.rows:.1f}", f"{self.tokens / self.rows:,.0f}",
            f"{100 * self.exact / max(1, self.named):.1f}", f"{100 * self.exact / self.rows:.1f}",
            f"{100 * self.retention:.1f}", f"{100 * self.precision:.1f} ({100 * low:.1f}-{100 * high:.1f})",
            f"{100 * self.right / self.rows:.1f}", f"{self.cost:.1f}",
        ]  # fmt: skip


def measured(name: str, frame: pl.DataFrame) -> Line:
    """A method's line from the rows it labelled."""
    label, judged, truth = pl.col("estimate_first_error"), pl.col("judge_first_error"), pl.col("truth")
    agreed = (label == judged) & (label >= 0)
    row = frame.select(
        rows=pl.len(), rollouts=pl.col("rollouts").sum(), tokens=pl.col("rollout_tokens").sum(),
        named=(label >= 0).sum(), exact=(label == truth).sum(),
        kept=agreed.sum(), right=(agreed & (label == truth)).sum(),
    ).row(0, named=True)  # fmt: skip
    return Line(name, **row)


def methods(quick: bool) -> dict[str, dict[str, Any]]:
    """The parameters of each method, by the name it has in the table."""
    row: dict[str, dict[str, Any]] = {}
    for rollouts in ROLLOUTS[:2] if quick else ROLLOUTS:
        row[f"every-step, soft, {rollouts}"] = {"method": "every-step", "label": "soft", "rollouts": rollouts}
        for method in ("every-step", "sequential", "binary", "witness"):
            row[f"{method}, {rollouts}"] = {"method": method, "rollouts": rollouts}
    for precision in (0.95, 0.98):
        row[f"witness, auto {precision}"] = {"method": "witness", "rollouts": "auto", "precision": precision}
    return row


def lines(asker: Asker, rows: pl.DataFrame, quick: bool) -> dict[str, Line]:
    """All methods on the same solutions; none reuses solutions, so that each row counts what it asks."""
    console = Console(stderr=True)
    values = {}
    for name, given in methods(quick).items():
        began = time.monotonic()
        result = asker.made("estimate", rows, model="abacus", reuse=False, **PROMPTS, **given)
        values[name] = measured(name, result)
        console.print(f"  {name}: {time.monotonic() - began:.0f} s")
    return values


def table(title: str, row: Mapping[str, Line], rows: pl.DataFrame) -> Table:
    """The lines as a table, shares in percent."""
    exact = (rows["judge_first_error"] == rows["truth"]).sum()
    head = f"{title}: {rows.height:,} wrong solutions, {rows['steps'].explode().len() / rows.height:.1f} steps; judge alone {100 * exact / rows.height:.1f} % exact"
    result = Table(title=head, title_justify="left")
    result.add_column("method, rollouts")
    for name in ("rollouts", "tokens", "MC prec.", "MC recall", "kept", "precision (95 %)", "recall", "cost"):
        result.add_column(name, justify="right", no_wrap=True)
    for line in row.values():
        result.add_row(*line.cells())
    return result


def figures(by_length: Mapping[str, Mapping[str, Line]]) -> list[tuple[str, str, bool]]:
    """What is demanded, what was measured, and whether it is met."""
    long, default = by_length["long"], by_length["default"]
    every, step, near = (long[f"{name}, {CHECKED}"] for name in ("every-step, soft", "sequential", "witness"))
    best = max(
        (line for line in default.values() if line.retention >= 0.6), key=lambda value: value.precision, default=None
    )
    text = "no method keeps 60 %" if best is None else f"{best.precision:.3f} at {best.retention:.2f} by {best.name}"
    return [
        ("long: witness / every-step, cost <= 1/8", f"{near.cost / every.cost:.3f}", near.cost <= every.cost / 8),
        ("long: witness / sequential, cost <= 2/3", f"{near.cost / step.cost:.3f}", near.cost <= step.cost * 2 / 3),
        (
            "long: witness' precision, at most 0.01 below every-step's",
            f"{near.precision:.3f} and {every.precision:.3f}",
            near.precision >= every.precision - 0.01,
        ),
        ("default: precision >= 0.97 at >= 0.6 kept", text, best is not None and best.precision >= 0.97),
    ]


def main() -> int:
    """Measure and print; 1 where a figure is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ledger", help="a folder that keeps the completions, so that a second run asks nothing")
    parser.add_argument("--quick", action="store_true", help="a few solutions, to see it run; the figures mean nothing")
    given = parser.parse_args()
    console = Console(width=120)
    with TemporaryDirectory() as scratch:
        asker = Asker(given.ledger or scratch)
        groups = solutions(asker, given.quick)
        wrong = groups["default"].height + groups["long"].height
        console.print(
            f"{wrong:,} wrong solutions, Abacus as completer and judge; cost: rollouts for each right row kept\n"
        )
        by_length = {name: lines(asker, rows, given.quick) for name, rows in groups.items()}
    for name, item in by_length.items():
        console.print(table(name, item, groups[name]), "")
    if given.quick:
        return 0
    missed = wrong < 1000
    for demanded, measured_, met in figures(by_length):
        console.print(f"{'met   ' if met else 'MISSED'}  {demanded}: {measured_}")
        missed |= not met
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
