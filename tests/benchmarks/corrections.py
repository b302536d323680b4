"""How good the rows are that are made from mistakes: `python -m tests.benchmarks.corrections [--store STORE] [--count N]`.

Builds `step_pairs.yaml` and `lemma.yaml` with Abacus, and holds their rows
against the truth of its world, which no table of theirs has looked at: how many
located mistakes get a right continuation, how many pairs have a truly right and
a truly wrong side, how many self-corrections are right without their wrong
piece, and whether the sides of pairs give themselves away. Exits non-zero where
a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from catalog.tables import read_rows
from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from flows.running.watcher import Watcher
from schemas.model_id import ModelId
from schemas.request import Completion, Request
from tasks.corrections.smooth import SMOOTH, SmoothParameters
from tasks.evaluation.artifact_baseline import measure_artifacts
from tasks.evaluation.score import wilson
from tasks.split import split_steps
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

RECIPES = Path(__file__).parents[2] / "catalog/recipes"
AUC = 0.60
WIDEST = 0.05
"""Half of an interval that decides whether an area is above that; a wider one decides where all of it is."""
OPPOSED_MODELS = """\
  teacher: {engine: world, skill: {fixes: 0.8}}
  student: {engine: world, skill: {fixes: 0.3}, seed: 1}
"""
OPPOSED_TABLES = """\
  corrected: {task: correct, from: agreed, teacher: teacher, student: student}
  opposed: {task: step-pairs, from: corrected, by: judged}
"""
"""What `step_pairs.yaml` lacks for judged pairs: both write as often rightly as declared."""


class AskedRequests(Watcher):
    """Counts what each table asks in all of its rounds, and what of it the ledger answers."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.known: Counter[str] = Counter()

    def asked(self, table: str, requests: int, known: int) -> None:
        """Add a round."""
        self.requests[table] += requests
        self.known[table] += known


def build(recipe: str, store: str, count: int) -> dict[str, pl.DataFrame]:
    """The tables of a recipe, built with so many problems."""
    text = re.sub(r"count: \d+", f"count: {count}", (RECIPES / recipe).read_text("utf-8"))
    if recipe == "step_pairs.yaml":
        text = text.replace("\ntables:\n", f"\n{OPPOSED_MODELS}tables:\n", 1).replace(
            "\n  release:", f"\n{OPPOSED_TABLES}  release:", 1
        )
    with TemporaryDirectory() as folder:
        path = Path(folder) / recipe
        path.write_text(text, "utf-8")
        asked = AskedRequests()
        plan = materialize(make_plan(str(path), None, store), watcher=asked)
    for table in ("continued", "corrected"):
        if asked.requests[table]:
            print(
                f"{recipe}, {table}: {asked.requests[table]:,} requests, {asked.known[table]:,} of them in the ledger"
            )
    return {
        work.name: pl.concat(read_rows(work.folder(), work.contract, plan.done[work.name])) for work in plan.jobs[:-1]
    }


def find_first(program: str, steps: list[str]) -> int | None:
    """The first step that is wrong by the world's truth; -1 none."""
    return find_truth(load_program(program), steps).first_error


def check_pairs(pairs: pl.DataFrame, programs: Mapping[str, str]) -> Iterator[tuple[bool, bool]]:
    """For each pair whether its right side is right, and its wrong side wrong."""
    for row in pairs.to_dicts():
        program, number = programs[row["problem_id"]], row["number"]
        # of a solution that breaks off the world cannot say that it is right
        right, wrong = (find_first(program, split_steps(row[f"{side}_whole"])[0]) for side in ("chosen", "rejected"))
        yield right is not None and (right == -1 or right > number), wrong == number


def check_splices(spliced: pl.DataFrame, programs: Mapping[str, str]) -> Iterator[tuple[bool, bool]]:
    """For each self-correction whether it is right without wrong piece and turn, and whether its label is the first error."""
    for row in spliced.to_dicts():
        program, pieces = programs[row["problem_id"]], dict.fromkeys(("attempt", "wrong", "revision"), "")
        for piece in row["segments"]:
            pieces[piece["kind"]] = pieces.get(piece["kind"], "") + piece["text"]
        steps, first = row["steps"], row["first_error"]
        kept = steps[:first] if row["style"] == "fix" else []
        end, _ = split_steps(pieces["revision"])
        clean = find_first(program, [*kept, *end])
        shown = "".join((pieces["attempt"] + pieces["wrong"]).split()) == "".join("".join(steps).split())
        yield clean == -1, shown and find_first(program, steps) == first


def smooth(spliced: pl.DataFrame) -> tuple[pl.DataFrame, int]:
    """Self-corrections smoothed by a script that writes honestly half of the time, and else spoils, solves on or gives away.

    Args:
        spliced: Rows of `splice`.

    Returns:
        The rows that were smoothed, and how many others there are.

    """
    conversation = SMOOTH.ask(spliced, SmoothParameters(model="script"), {"script": ModelId("script", "")})
    requests = next(conversation)
    try:
        conversation.send({request.id: write(request) for request in requests})
    except StopIteration as end:
        rows: pl.DataFrame = end.value.kept
    done = rows.filter(pl.col("smoothed_by").is_not_null())
    return done, rows.height - done.height


def write(request: Request) -> Completion:
    """A reply of the script: which of its habits it follows depends on the request's id."""
    shown = request.messages[-1].content
    turn, end = (re.findall(rf"<{name}-\w+>\n(.*?)\n</{name}-", shown, re.DOTALL)[0] for name in ("turn", "end"))
    habit = int(request.id[:8], 16) % 8
    if habit == 0:  # another number in the first calculation
        end = re.sub(r"= (\d+)", lambda number: f"= {int(number[1]) + 1}", end, count=1)
    elif habit == 1:  # a calculation more
        end = f"1 + 1 = 2\n{end}"
    elif habit == 2:  # one less
        end = "\n".join(end.split("\n")[1:])
    elif habit == 3:
        turn = "The reference solution says otherwise."
    text = json.dumps({"turn": f"Hm. {turn}", "end": end})
    return Completion(request.id, text, "stop", 1024, 10, 5, None, "script", 0.0)


def measure_pairs(pairs: pl.DataFrame) -> tuple[float, float]:
    """How far a pair's sides tell which is which: the greater area under the curve, by looks or by runs of characters; its error."""
    sides = [
        (row[side], side == "rejected", row["problem_id"])
        for row in pairs.to_dicts()
        for side in ("chosen", "rejected")
    ]
    baseline = measure_artifacts(sides)
    return (max(baseline.looks, baseline.ngrams), baseline.error) if baseline else (0.5, 0.5)


def main() -> int:
    """Build, measure, print; whether all figures are met is the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="where tables are kept; without it a folder that is removed")
    parser.add_argument("--count", type=int, default=1000, help="problems of the world")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        store = given.store or folder
        tables = build("step_pairs.yaml", store, given.count) | build("lemma.yaml", store, given.count)
    programs = dict(tables["problems"].select("problem_id", "program").iter_rows())
    lines: list[tuple[str, int, int, float]] = []

    def count(name: str, results: list[bool], least: float) -> None:
        lines.append((name, sum(results), len(results), least))

    continued, agreed = set(tables["continued"]["from_id"]), tables["agreed"]
    consensus = agreed.filter(pl.col("estimate_first_error") == pl.col("first_error"))
    for name, mistakes, least in (("consensus", consensus, 0.97), ("all", agreed, 0.0)):
        count(
            f"{name} mistakes with a right continuation", [key in continued for key in mistakes["solution_id"]], least
        )
    for name, least in (("rectified", 0.95), ("edited", 0.95), ("siblings", 0.0), ("opposed", 0.95)):
        count(f"{name} pairs, both sides true", [a and b for a, b in check_pairs(tables[name], programs)], least)
    tables["smoothed"], left = smooth(pl.concat([tables["fixed"], tables["restarted"]]))
    print(
        f"smoothed by a script that spoils half of what it writes: {tables['smoothed'].height:,}, left as they were {left:,}"
    )
    for name in ("fixed", "restarted", "revised", "smoothed"):
        checked = list(check_splices(tables[name], programs))
        count(f"{name}: right without the wrong piece", [clean for clean, _ in checked], 0.97)
        count(f"{name}: label is the first error", [label for _, label in checked], 0.97)
    missed = print_lines(lines)
    for name in ("rectified", "edited", "siblings", "opposed"):
        auc, error = measure_pairs(tables[name])
        reach = 1.96 * error
        above = auc - (reach if reach > WIDEST else 0) > AUC
        missed |= above
        verdict = "  MISSED" if above else "  too few pairs to say" if auc > AUC else ""
        print(f"{name} pairs: what gives the wrong side away, AUC {auc:.3f} ± {reach:.3f} (at most {AUC:.2f}){verdict}")
    return int(missed)


def print_lines(lines: list[tuple[str, int, int, float]]) -> bool:
    """Print shares with Wilson's interval beside what is wanted; whether one is missed."""
    for name, part, whole, least in lines:
        low, high = wilson(part, whole)
        verdict = "" if part >= least * whole else "  MISSED"
        print(
            f"{name:42} {part:5,} of {whole:5,}  {part / whole:6.1%} ({low:.1%}-{high:.1%})  {f'wanted {least:.0%}' if least else ''}{verdict}"
        )
    return any(part < least * whole for _, part, whole, least in lines)


if __name__ == "__main__":
    sys.exit(main())
