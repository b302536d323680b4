"""Rows that are missing of a wanted number: `errata plan` says so before, and a table that is complete as it is."""

from __future__ import annotations

from pathlib import Path

from flows.planning.plan import make_plan
from flows.running.forecast import forecast_plan
from flows.running.run_plan import materialize
from flows.running.shortfall import list_shortfalls

RECIPE = """\
corpus: taken
version: 0.1.0
title: T
license: Apache-2.0
tables:
  problems: {task: world, count: 30, level: 1}
  exact: {task: take, from: problems, want: {rows: NUMBER, per: set}}
  release: {task: release, from: exact, splits: {train: 0.8, test: 0.2}}
"""


def test_a_shortfall_is_told_before_and_after(tmp_path: Path) -> None:
    recipe = tmp_path / "taken.yaml"
    recipe.write_text(RECIPE.replace("NUMBER", "40"))
    plan = make_plan(str(recipe), None, str(tmp_path / "store"))
    (before,) = forecast_plan(plan, None)[1]
    assert before.startswith("table 'exact', as the pilot has it: about ") and before.endswith(
        "of 40 rows of set 'world-1' are missing"
    )
    plan = materialize(plan)
    kept = plan.done["exact"].receipt.rows_kept()
    assert list_shortfalls(plan, {}) == [f"table 'exact': {40 - kept} of 40 rows of set 'world-1' are missing"]


def test_nothing_is_missing_where_there_are_enough(tmp_path: Path) -> None:
    recipe = tmp_path / "taken.yaml"
    recipe.write_text(RECIPE.replace("NUMBER", "10"))
    plan = make_plan(str(recipe), None, str(tmp_path / "store"))
    assert forecast_plan(plan, None) == ([], [])
    plan = materialize(plan)
    assert plan.done["exact"].receipt.rows_kept() == 10 and list_shortfalls(plan, {}) == []
