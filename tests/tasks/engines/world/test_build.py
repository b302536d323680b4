"""A corpus of the teacher of known truth: built, accounted for, marked as no language model's, and its faults seen in the plan."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from flows.planning.plan import make_plan
from schemas.recipe.document import RecipeError
from tests import golden
from tests.building import build

RECIPE = """\
corpus: taught
version: 0.1.0
title: T
license: Apache-2.0
models:
  pupil: {engine: world, skill: {slips: 0.5}}
  teacher: {engine: world, skill: {misses: 0.1, alarms: 0.02, elsewhere: 0.05}}
  sandbox: {engine: python}
tables:
  problems: {task: world, count: 60}
  solutions: {task: generate, from: problems, models: [pupil], prompt: abacus-solve, sampling: [{temperature: 1.0, samples: 2}]}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  judged: {task: judge, from: verified, models: [teacher]}
  release: {task: release, from: judged, splits: {all: 1}}
"""


def write(folder: Path, text: str = RECIPE) -> Path:
    path = folder / "taught.yaml"
    path.write_text(text, "utf-8")
    return path


def read_release(store: Path) -> pl.DataFrame:
    return pl.read_parquet(next((store / "releases/taught/0.1.0").rglob("*.parquet")))


def test_it_is_built_the_same_each_time_and_marked(tmp_path: Path) -> None:
    for name in ("first", "second"):
        build(write(tmp_path), tmp_path / name)
    release = tmp_path / "first/releases/taught/0.1.0"
    card = (release / "README.md").read_text("utf-8")
    assert "no language model" in card and "misses 10%, elsewhere 5%, alarms 2%" in card
    assert "no language model" in (release / "report.html").read_text("utf-8")
    rows = read_release(tmp_path / "first")
    assert rows.height == 120 and rows["model"].str.starts_with("world (no language model)@1-").all()
    assert 40 <= rows.filter(pl.col("verdict") == "wrong").height <= 80
    assert rows.equals(read_release(tmp_path / "second"))


FAULTS = {
    "a rate out of range": ("misses: 0.1", "misses: 1.2"),
    "rates that exceed one together": ("misses: 0.1", "misses: 0.98"),
    "a rate it has not": ("alarms: 0.02", "alarm: 0.02"),
    "a rate in words": ("alarms: 0.02", "alarms: often"),
    "a prompt of one's own": ("models: [teacher]}", 'models: [teacher], prompt: "Judge {question} {steps}"}'),
    "a prompt it does not know": ("prompt: abacus-solve", "prompt: keywords"),
    "a prompt for another task": ("prompt: abacus-solve", "prompt: critique"),
    "types found by it": (
        ", models: [teacher]}",
        ", models: [teacher]}\n  agreed: {task: agree, from: judged, rule: k of n, k: 1}\n  typed: {task: classify, from: agreed, models: [teacher], dynamic: {decider: teacher}}",
    ),
    "it runs a program": ("  release:", "  ran: {task: run, from: verified, model: teacher, by: value}\n  release:"),
    "the sandbox judges": ("models: [teacher]}", "models: [teacher, sandbox]}"),
    "the sandbox criticizes": (
        "  release:",
        "  revised: {task: revise, from: verified, actor: teacher, critics: [sandbox]}\n  release:",
    ),
    "a setting of language models": ("{engine: world, skill: {slips: 0.5}}", "{engine: world, sampling: {top_k: 5}}"),
}


def test_each_fault_is_a_line_of_the_plan(tmp_path: Path) -> None:
    lines = []
    for name, (old, new) in FAULTS.items():
        assert old in RECIPE
        with pytest.raises(RecipeError) as error:
            make_plan(str(write(tmp_path, RECIPE.replace(old, new))), None, str(tmp_path / "store"))
        lines += [f"# {name}", str(error.value).replace(str(tmp_path), "…")]
    golden.check(Path(__file__).with_name("plan-errors.txt"), "\n".join(lines) + "\n")
