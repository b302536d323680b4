"""How good labels are counts a table's own: what the rows that it rejects bear of an earlier table is none of it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from catalog.storage import Store
from catalog.tables import TableFolder
from flows.metrics.label_quality import measure_table
from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from tests.flows.running.test_table import read

RECIPE = """\
corpus: c
version: 0.1.0
title: c
license: Apache-2.0
sources: [{name: s, license: MIT}]
models: {teacher: {engine: world, skill: {slips: 0.5, misses: 0.5}}}
tables:
  problems: {task: world, count: 60}
  solutions: {task: generate, from: problems, models: [teacher], prompt: abacus-solve, sampling: [{temperature: 1.0, samples: 2}]}
  steps: {task: split, from: solutions}
  known: {task: truth, from: steps, source: program}
  verified: {task: verify, from: known}
  contrasted: {task: contrast, from: verified}
  located: {task: locate, from: contrasted}
  judged: {task: judge, from: located, models: [teacher], form: steps}
  agreed: {task: agree, from: judged, rule: posterior, at_least: 0.97, truth: false}
  release: {task: release, from: agreed, splits: {train: 1.0}}
"""


def test_a_step_that_an_earlier_table_named_is_no_label_of_a_row_that_is_rejected(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    plan = materialize(make_plan(str(recipe), None, f"file://{tmp_path}/store"))
    work = next(job for job in plan.jobs if job.name == "agreed")
    receipt, folder = plan.done["agreed"].receipt, TableFolder(Store(plan.store), work.task, work.fingerprint)
    rejected = pl.concat(folder.read(part, ["first_error"]) for part in receipt.rejected)
    assert rejected["first_error"].count() > 0, "`locate` named steps of rows that `agree` rejects"
    kept = read(work)
    quality = measure_table(plan, work)
    assert quality["labelled"] == kept["first_error"].count()
    named = kept.filter(pl.col("first_error") >= 0)
    assert quality["named"] == named.height
    assert quality["exact"] == (named["first_error"] == named["gold_first_error"]).sum()
