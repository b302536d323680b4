"""`lemma` and `step_pairs` on Abacus with few problems, end to end, and `recorded` on real generations."""

from __future__ import annotations

import os
import re
from pathlib import Path

import polars as pl
import pytest

from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from tests.command import ROOT
from tests.flows.running.test_table import read

RECIPES = ROOT / "catalog" / "recipes"
DATA = os.environ.get("ERRATA_DATA")


def build(name: str, tmp_path: Path, data: str | None = None, count: int = 40) -> dict[str, pl.DataFrame]:
    """The tables of a recipe of the catalog, of few problems where it makes them itself; every row of each is accounted for."""
    text = re.sub(r"count: \d+", f"count: {count}", (RECIPES / f"{name}.yaml").read_text("utf-8"))
    recipe = tmp_path / f"{name}.yaml"
    recipe.write_text(re.sub(r"(?s)\ngates:.*", "\n", text))  # of so few rows they say nothing
    plan = materialize(make_plan(str(recipe), data, f"file://{tmp_path}/store"))
    for done in plan.done.values():
        assert done.receipt.rows_in == done.receipt.rows_kept() + done.receipt.rows_rejected()
    return {job.name: read(job) for job in plan.jobs[:-1]}


def check_masks(rows: pl.DataFrame, learnt: set[str]) -> None:
    """Segments are the text to the letter, and what is learnt is what is to be."""
    for row in rows.to_dicts():
        assert "".join(piece["text"] for piece in row["segments"][1:]) == row["text"]
        assert {piece["kind"] for piece in row["segments"] if piece["learn"]} <= learnt


@pytest.mark.build
def test_self_corrections_and_pairs_of_the_embedded_model(tmp_path: Path) -> None:
    tables = build("lemma", tmp_path)
    assert min(tables[name].height for name in ("fixed", "restarted", "revised")) > 3
    check_masks(tables["fixed"], {"attempt", "transition", "revision"})
    check_masks(tables["revised"], {"transition", "revision"})
    assert tables["revised"]["overrun"].max() == 1
    assert tables["lemma-rows"].height == tables["fixed"].height + tables["restarted"].height
    assert tables["agent-r"].height == tables["revised"].height
    ledger = pl.read_parquet(f"{tmp_path}/store/ledger/*.parquet")
    assert ledger["request"].is_unique().all()
    paid = ledger.filter(pl.col("table") == "continued").height
    # every mistake was gone on from at least once, nearly always by what the estimation had asked
    assert paid < tables["continued"]["tries"].sum() < ledger.filter(pl.col("table") == "estimated").height
    pairs = build("step_pairs", tmp_path)
    assert min(pairs[name].height for name in ("rectified", "edited")) > 3
    # up to the continuations it is the same chain, of which nothing is asked again
    again = pl.read_parquet(f"{tmp_path}/store/ledger/*.parquet").filter(pl.col("corpus") == "step_pairs")
    assert set(again["table"]) <= {"tried"}


@pytest.mark.data
@pytest.mark.skipif(not DATA, reason="ERRATA_DATA names no folder with recorded generations")
def test_recorded_generations_need_no_model(tmp_path: Path) -> None:
    tables = build("recorded", tmp_path, DATA)
    assert tables["generations"].height == 1_866
    assert tables["restarted"].height > 90 and tables["edited"].height > 150 and tables["balanced"].height > 60
    check_masks(tables["restarted"], {"attempt", "transition", "revision"})
    sides = tables["balanced"]["first_error"] < 0
    assert sides.sum() * 2 == sides.len()
    problems = tables["restarted"].join(tables["generations"], on="problem_id", how="semi")
    assert problems.height == tables["restarted"].height
