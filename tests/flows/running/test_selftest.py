"""The recipe that tries the pipeline on mistakes made on purpose, in small: it builds from nothing, and one command evaluates it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE

from catalog.tables import read_rows
from flows.metrics.error_types import measure_types
from flows.metrics.label_quality import measure_labels
from flows.planning import plan as planning
from flows.running.run_plan import materialize
from tests.command import ROOT


def test_the_recipe_builds_and_one_command_evaluates_all_labellers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (ROOT / "catalog" / "recipes" / "selftest.yaml").read_text("utf-8")
    recipe, store = tmp_path / "selftest.yaml", str(tmp_path / "store")
    recipe.write_text(text.replace("count: 500", "count: 60").replace("rollouts: 8", "rollouts: 2"))
    materialize(planning.make_plan(str(recipe), None, store))
    places = [f"{recipe}:{name}" for name in ("judged", "estimated", "agreed", "posterior", "typed")]
    arguments = ["evaluate", *places, "--gold", f"{recipe}:injected", "--format", "injected", "--store", store]
    assert main([*arguments, "--json"]) == DONE
    document = json.loads(capsys.readouterr().out)
    assert set(document["labellers"]) == {
        "judge_first_error", "estimate_first_error", "agreed", "posterior", "first_error",
    }  # fmt: skip
    assert all(labeller["all"]["exact_wrong"]["rate"] > 0.7 for labeller in document["labellers"].values())
    posterior = document["labellers"]["posterior"]
    assert posterior["calibration"]["expected"] > 0.8 and posterior["cost"]["tokens"] > 0
    assert sum(each["labels"] for each in posterior["combinations"]) == posterior["all"]["precision"]["of"]
    assert {tuple(pair["labellers"]) for pair in document["agreement"]["pairs"]} == {
        ("judge_first_error", "estimate_first_error")
    }
    assert document["types"]["rows"] >= 10
    assert document["types"]["exact"] / document["types"]["rows"] > 0.6
    assert main(arguments) == DONE
    assert "true type" in capsys.readouterr().out
    plan = planning.make_plan(str(recipe), None, store)
    assert {label["table"]: "exact" in label for label in measure_labels(plan)} == {
        "judged": True,
        "estimated": True,
        "agreed": True,
        "posterior": True,
    }
    (types,) = measure_types(plan)
    assert types["truth"]["rows"] >= 10
    known = next(job for job in plan.jobs if job.name == "known")
    rows = read_rows(known.folder(), known.contract, plan.done["known"])
    assert all((part["gold_first_error"] == part["injected_at"]).all() for part in rows)
