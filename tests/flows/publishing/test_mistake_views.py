"""From recorded generations to the views of mistakes: every row accounted for, the same in whatever files they lie."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.metrics.label_quality import measure_labels
from flows.planning import plan as planning
from flows.planning.plan import Plan, TableJob
from flows.running import forecast
from flows.running.run_plan import materialize
from tests.flows.running.test_table import read

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: ["a.jsonl", "b.jsonl"], set: {value: s}, question: q, answer: a, model: m, sample: n, text: t}
  steps: {task: split, from: generations}
  verified: {task: verify, from: steps}
  contrasted: {task: contrast, from: verified}
  wrong: {task: select, from: contrasted, where: "verdict = 'wrong'"}
  located: {task: locate, from: wrong}
  typed: {task: classify, from: located, taxonomy: abacus}
  common: {task: commonest, from: typed}
  cot-error-set: {task: view, from: typed, format: cot-error-set}
  mistake-tuning: {task: view, from: typed, format: mistake-tuning}
  in-context-explained: {task: view, from: typed, format: in-context-explained}
  error-aware: {task: view, from: common, format: error-aware}
  # without `contrast` the rows keep to the parts of their files
  plain: {task: locate, from: verified}
  plainly: {task: classify, from: plain, taxonomy: abacus}
  commonly: {task: commonest, from: plainly}
  plain-aware: {task: view, from: commonly, format: error-aware}
  release: {task: release, from: [cot-error-set, mistake-tuning, in-context-explained, error-aware], splits: {all: 1}}
"""
PROBLEMS = {"Ada has 5 boxes of 6 eggs. How many?": (5, 6), "Bea has 7 boxes of 8 figs. How many?": (7, 8), "Cem has 3 boxes of 9 nuts. How many?": (3, 9)}  # fmt: skip


def generations() -> list[dict[str, Any]]:
    """A right solution of the first two problems, and three wrong ones of each, two of them the same."""
    rows = []
    for question, (a, b) in PROBLEMS.items():
        for n, item in enumerate((a * b, a * b + 1, a * b + 1, a * b + 2)):
            if n or not question.startswith("Cem"):
                text = f"We count them.\n{a} * {b} = {item} things\n#### {item}"
                rows.append({"q": question, "a": str(a * b), "m": "m", "n": n, "t": text})
    return rows


def build(folder: Path, rows: list[dict[str, Any]], cut: int) -> dict[str, TableJob]:
    """Make all tables from the rows in two files."""
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE)
    for name, some in (("a.jsonl", rows[:cut]), ("b.jsonl", rows[cut:])):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in some))
    plan: Plan = planning.make_plan(str(folder / "r.yaml"), None, f"memory://{uuid.uuid4().hex}")
    assert forecast.forecast_tables(plan, 0) == []  # a sample of each table can be made of those before
    plan = materialize(plan)
    located = next(measured for measured in measure_labels(plan) if measured["table"] == "located")
    assert (located["rows"], located["labelled"]) == (9, 9), "a table of `locate` is one of labels"
    for manifest in plan.done.values():
        receipt = manifest.receipt
        assert receipt.rows_in == receipt.rows_kept() + receipt.rows_rejected()
        assert sum(receipt.reasons.values()) == receipt.rows_rejected()
    return {work.name: work for work in plan.jobs}


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory) -> dict[str, TableJob]:
    return build(tmp_path_factory.mktemp("mistakes") / "one", generations(), 6)


def read_counts(work: TableJob) -> tuple[int, int, dict[str, int]]:
    manifest = work.folder().read_manifest()
    assert manifest
    return manifest.receipt.rows_in, manifest.receipt.rows_kept(), manifest.receipt.reasons


def test_the_mistakes_of_problems_with_a_right_solution_are_kept(works: dict[str, TableJob]) -> None:
    missing = "no right solution of the problem is known"
    assert read_counts(works["wrong"])[:2] == (11, 9)
    assert read_counts(works["cot-error-set"]) == (9, 6, {missing: 3})
    # two rows of each mistake, the three of a problem beside one right solution
    assert read_counts(works["mistake-tuning"]) == (18, 8, {"duplicate id": 4, missing: 6})
    rows = read(works["cot-error-set"]).to_dicts()
    assert {(row["error_type"], row["right_from"], row["taxonomy"]) for row in rows} == {
        ("calculation", "same model", "abacus@1.0.0")
    }
    assert rows[0]["cause"] == "5 * 6 is 30, not 31."
    assert read(works["in-context-explained"])["rationale"][0] == "Step 2 is wrong (calculation): 5 * 6 is 30, not 31."


def test_a_model_is_warned_once_of_what_it_does_on_other_problems(works: dict[str, TableJob]) -> None:
    assert read_counts(works["error-aware"]) == (9, 3, {"duplicate id": 6})
    assert read(works["error-aware"])["error_counts"].to_list() == [[6], [6], [6]]
    assert read_counts(works["plain-aware"])[1] == 3


def test_the_same_rows_come_of_any_order_and_any_files(works: dict[str, TableJob], tmp_path: Path) -> None:
    others = build(tmp_path / "two", generations()[::-1], 3)
    for name in ("cot-error-set", "mistake-tuning", "in-context-explained", "error-aware", "plain-aware"):
        key = works[name].contract.key
        rows: list[pl.DataFrame] = [read(item[name]).sort(key) for item in (works, others)]
        assert rows[0].equals(rows[1]), name
