"""The recipe `prm` on Abacus, with few problems: as many solutions without a wrong step as with one, each row accounted for."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from flows.planning import plan as planning
from flows.running.run_plan import materialize
from tests.flows.running.test_table import read

RECIPE = Path(__file__).parents[3] / "catalog" / "recipes" / "prm.yaml"


@pytest.mark.build
def test_the_recipe_makes_balanced_rows_with_shares_of_right_and_wrong_solutions(tmp_path: Path) -> None:
    text = RECIPE.read_text("utf-8")
    assert len(text.splitlines()) <= 40
    small = (
        re.sub(r"count: \d+", "count: 24", text)
        .replace("at_least: 0.85", "at_least: 0.5")
        .replace("per: length", "per: all")
    )
    recipe = tmp_path / "prm.yaml"
    recipe.write_text(small)
    plan = materialize(planning.make_plan(str(recipe), None, f"file://{tmp_path}/store"))
    for done in plan.done.values():
        assert done.receipt.rows_in == done.receipt.rows_kept() + done.receipt.rows_rejected()
    jobs = {job.name: job for job in plan.jobs}
    rows = read(jobs["stepwise"])
    sides = Counter(all(labels) for labels in rows["labels"])
    assert sides[True] == sides[False] > 3
    for labels, soft in rows.select("labels", "soft").iter_rows():
        assert all(labels[:-1]) and len(soft) == len(labels)
        assert soft[-1] == 1 or not all(labels)  # the share of a whole solution is its verdict
    left_out = plan.done["agreed"].receipt.rows_kept() - rows.height
    valued = read(jobs["valued"])
    assert all(advantage[0] is not None for advantage in valued["advantage"])
    steps = read(jobs["balanced"])["steps"].list.len().sum()
    assert read(jobs["omegaprm"]).height == steps
    sorm = plan.done["sorm"].receipt
    assert sorm.rows_in == steps and set(sorm.reasons) <= {"a value that the view does not know"}
    assert set(read(jobs["sorm"])["label"]) == {0, 1}
    # the side that has more gives way, and Abacus is right far more often than wrong
    assert plan.done["balanced"].receipt.reasons == {"more without a wrong step than with one": left_out}
    assert all(read(jobs[name]).height == rows.height for name in ("math-shepherd", "prm800k", "processbench"))
