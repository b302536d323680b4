"""The recipes of revisions, of two models and of trees, built on few problems: releases whose rows are as declared."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.command import ROOT, errata

pytestmark = pytest.mark.build

RECIPES = {"checkpoints": 60, "correction_bench": 40, "critique": 40, "search": 8, "turns": 40}
"""The recipes, and how many problems are enough of each."""
OWN: dict[str, dict[str, tuple[str, ...]]] = {
    "critique": {"critique-rows": ("instruction", "output"), "refinement-rows": ("instruction", "output")},  # MathCritique
    "turns": {
        "recursive-introspection": ("id", "conversations"),  # RISE of cmu-mind, FastChat's rows with a loss
        "scl": ("image", "prompt", "chosen", "rejected"),
        "chain-of-hindsight": ("marker_user", "marker_gpt", "marker_gpt_bad", "human_0", "gpt_1", "gpt_bad_1", "fields"),
        "realcritic": ("idx", "question", "gt_cot", "gt", "pred", "model", "reasoning", "previous_score"),
    },
    "correction_bench": {"realcritic": ("idx", "question", "gt_cot", "gt", "pred", "model", "reasoning", "previous_score")},
    "search": {
        "omegaprm": ("question_id", "question", "final_answer", "solution_prefix", "mc_value"),
        "rest-mcts": ("prompt_answer", "label"),
        "alphamath": ("question", "response"),
        "nft": ("prompt", "responses", "correct", "right_rate"),
    },
}  # fmt: skip
"""The fields of the papers' own files, in their order; behind them stand our ids."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in which all of them are built, and the recipes beside it."""
    folder = tmp_path_factory.mktemp("recipes")
    for name, count in RECIPES.items():
        text = (ROOT / "catalog" / "recipes" / f"{name}.yaml").read_text("utf-8")
        (folder / f"{name}.yaml").write_text(re.sub(r"count: \d+", f"count: {count}", text), "utf-8")
        result = errata("build", f"{name}.yaml", environment=surround(folder), cwd=folder)
        assert result.returncode == 0, result.stderr
    return folder


def surround(folder: Path) -> dict[str, str]:
    return os.environ | {"ERRATA_STORE": str(folder / "store")}


@pytest.mark.parametrize("name", RECIPES)
def test_each_view_has_rows(built: Path, name: str) -> None:
    manifest = json.loads((built / "store" / "releases" / name / "0.1.0" / "manifest.json").read_text("utf-8"))
    files = [file for file in manifest["files"] if file.get("view")]
    rows = {view: sum(file["rows"] for file in files if file["view"] == view) for view in manifest["views"]}
    assert rows and all(rows.values()), rows


@pytest.mark.parametrize(("name", "view"), [(name, view) for name, views in OWN.items() for view in views])
def test_a_row_has_the_fields_of_the_papers_own_files(built: Path, name: str, view: str) -> None:
    result = errata("load", name, "--view", view, environment=surround(built), cwd=built)
    assert result.returncode == 0, result.stderr
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    fields = OWN[name][view]
    assert rows and all(tuple(row)[: len(fields)] == fields for row in rows)
    if view == "recursive-introspection":
        for row in rows:
            assert all(list(turn) == ["from", "value", "loss"] for turn in row["conversations"])
            assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt"] * (
                len(row["conversations"]) // 2
            )
            assert [turn["loss"] > 0 for turn in row["conversations"]].index(True) == len(row["conversations"]) - 1


def evaluate(built: Path, *tables: str) -> dict[str, dict[str, Any]]:
    """The groups that `errata evaluate` finds in tables of a build."""
    result = errata("evaluate", *tables, "--json", environment=surround(built), cwd=built)
    assert result.returncode == 0, result.stderr
    groups: dict[str, dict[str, Any]] = json.loads(result.stdout)["groups"]
    return groups


def test_corrections_are_told_apart_by_their_feedback(built: Path) -> None:
    tables = [f"correction_bench.yaml:{name}" for name in ("unprompted", "told", "criticized")]
    groups = evaluate(built, *tables)
    assert [name.partition(",")[0] for name in groups] == ["turn 1: critique", "turn 1: none", "turn 1: verdict"]
    for group in groups.values():  # its actor spoils 15 of 100 right attempts, as the recipe declares
        low, high = group["intervals"]["cl"]
        assert low <= 0.85 <= high or abs(group["figures"]["cl"] - 0.85) < 0.1


def test_what_a_critic_thinks_of_answers_stands_beside_verdicts(built: Path) -> None:
    result = errata(
        "evaluate", "correction_bench.yaml:doubted", "--score", "p_true", "--score", "checklist_share", "--json", environment=surround(built), cwd=built
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    for column in json.loads(result.stdout)["scores"].values():
        left_out = column["undecided"] + column["missing"] + len(column["rejected"])
        assert column["rows_in"] == 2 * RECIPES["correction_bench"] == column["evaluated"] + left_out
        assert column["all"]["interval"][0] > 0.5  # better than chance: it misses one in five wrong ones


def test_the_report_of_a_pair_of_models_shows_its_flips(built: Path) -> None:
    (group,) = evaluate(built, "checkpoints.yaml:compared").values()
    (report,) = (built / "store" / "releases" / "checkpoints").glob("*/report.json")
    (flips,) = json.loads(report.read_text())["flips"]
    assert flips["negative_flips"]["share"] == pytest.approx(group["figures"]["nfr"], abs=1e-4)
    assert flips["negative_flips"]["interval"] == pytest.approx(group["intervals"]["nfr"], abs=1e-4)
    assert "What the new model fixes and breaks" in report.with_suffix(".html").read_text("utf-8")


def test_a_pair_of_models_has_a_row_for_each_sample(built: Path) -> None:
    (group,) = evaluate(built, "checkpoints.yaml:compared").values()
    assert group["pairs"] == 2 * RECIPES["checkpoints"]
    assert group["counts"]["right to right"] + group["counts"]["wrong to right"] > group["pairs"] / 2
