"""Rates of a posterior, settled once for a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.storage import Store
from catalog.tables import TableFolder
from flows.planning.plan import Plan, make_plan
from flows.running.fit import FILE
from flows.running.kinds import find_kind
from flows.running.run_plan import materialize

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  recorded:
    task: evidence
    files: [e.jsonl]
    set: {value: set}
    question: question
    answer: answer
    steps: steps
    verdict: verdict
    judges: {critique: replies}
  known: {task: truth, from: recorded, source: file, files: e.jsonl, match: text, question: question}
  whole: {task: agree, from: known, rule: posterior, at_least: 0.5}
  release: {task: release, from: whole, splits: {test: 1.0}}
"""
ROWS = 60


def make_rows() -> list[dict[str, Any]]:
    rows = []
    for number in range(ROWS):
        truth = number % 4
        rows.append(
            {
                "id": str(number), "label": truth, "question": f"What is {number}?", "answer": "1", "verdict": "wrong",
                "steps": [f"step {at} of {number}" for at in range(4)], "tried": [4, 4, 4, 1],
                "succeeded": [3 if at < truth else 0 for at in range(4)], "unclear": [0] * 4,
                "replies": [f"The first error is in step {truth + 1}."] * 2,
            }
        )  # fmt: skip
    return rows


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    (tmp_path / "e.jsonl").write_text("\n".join(map(json.dumps, make_rows())))
    (tmp_path / "r.yaml").write_text(RECIPE)
    return make_plan(str(tmp_path / "r.yaml"), None, str(tmp_path / "store"))


def read(plan: Plan, table: str) -> pl.DataFrame:
    (job,) = (job for job in plan.jobs if job.name == table)
    folder = TableFolder(Store(plan.store), job.task, job.fingerprint)
    return pl.concat([folder.read(part) for part in plan.done[table].receipt.parts]).sort("solution_id")


def test_rates_are_fitted_to_the_whole_table_and_labels_are_right(plan: Plan) -> None:
    done = materialize(plan)
    whole = read(done, "whole")
    assert whole.height == ROWS and (whole["first_error"] == whole["gold_first_error"]).all()
    (job,) = (job for job in plan.jobs if job.name == "whole")
    settled = job.folder().store.read_json(f"{job.folder().path}/{FILE}") or {}
    assert settled["rates"]["known"] == ROWS and len(settled["rates"]["folds"]) == 5


def test_what_was_settled_stays_when_a_build_goes_on(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    done = materialize(plan)
    (job,) = (job for job in plan.jobs if job.name == "whole")
    before = job.folder().store.read_json(f"{job.folder().path}/{FILE}")
    monkeypatch.setattr("tasks.localize.agree.fit_rates", lambda *_: pytest.fail("fitted again"))
    find_kind(job).prepare()
    assert job.folder().store.read_json(f"{job.folder().path}/{FILE}") == before
    assert read(done, "whole").height == ROWS
