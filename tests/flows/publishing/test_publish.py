"""From complete tables to releases: numbers that are kept to, lineage back and forth, all rows of a problem together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import errata
import polars as pl
import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE, MISSING, REFUSED, WRONG
from errata.compare.semver import find_required_step

from catalog.publish.publish import PublishError
from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.planning.versioning import compare_with_release, find_latest_release
from flows.publishing import provenance
from flows.publishing.publish import publish_release
from flows.running.kinds import find_kind, per_problem
from flows.running.run_plan import materialize
from tests.flows.running.test_inference import House
from tests.teachers import make_teacher

RECIPE = """\
corpus: tiny
version: {version}  # the number
title: T
license: MIT
quality: Measured on nothing.
models:
  one: {{engine: openai, model: big}}
tables:
  problems: {{task: world, count: {count}, level: 1}}
  solutions: {{task: generate, from: problems, models: [one], sampling: [{{temperature: 1, samples: 2}}], max_tokens: 50}}
  steps: {{task: split, from: solutions}}
  verified: {{task: verify, from: steps}}
  pairs: {{task: preference, from: verified}}
  tuning: {{task: view, from: verified, format: prompt-completion, form: conversational}}
  release: {{task: release, from: [verified, pairs, tuning], splits: {{all: 1}}}}
"""


err, solve = make_teacher(slips=1.0), make_teacher()


@pytest.fixture
def build_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Plan]:
    """Make all tables of the recipe with so many problems, without Prefect."""
    house = House()
    house.say = lambda request: solve(request) if request.sample else err(request)  # of two solutions one is right
    monkeypatch.setattr(engines, "open_engine", house)
    monkeypatch.setenv("ERRATA_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(per_problem, "ROWS_OF_A_BUCKET", 7)

    def build(count: int, version: str) -> Plan:
        recipe = tmp_path / "r.yaml"
        recipe.write_text(RECIPE.format(count=count, version=version))
        plan = planning.make_plan(str(recipe), None, str(tmp_path / "store"))
        return materialize(plan)

    return build


def test_a_number_that_lies_is_refused_and_another_proposed(build_tiny: Callable[..., Plan], tmp_path: Path) -> None:
    publish_release(build_tiny(20, "1.0.0"))
    more = build_tiny(30, "1.0.1")
    with pytest.raises(
        PublishError, match=r"version 1.0.1 after 1.0.0 means the same rows \(PATCH\), but this is MINOR"
    ):
        publish_release(more)
    assert [version for _, version in errata.releases()] == ["1.0.0"]
    release = compare_with_release(more, find_latest_release(more))
    assert release.difference is not None
    assert (release.before, find_required_step(release.difference), release.version) == ("1.0.0", "MINOR", "1.1.0")
    publish_release(build_tiny(30, "1.1.0"))
    fewer = build_tiny(10, "1.2.0")
    with pytest.raises(PublishError, match=r"means only more rows \(MINOR\), but this is MAJOR: verified: 40 removed"):
        publish_release(fewer)
    publish_release(build_tiny(10, "2.0.0"))
    assert errata.open_release("tiny").faults() == []


def test_the_command_proposes_and_refuses(
    build_tiny: Callable[..., Plan], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = str(tmp_path / "r.yaml")
    build_tiny(20, "1.0.0")
    assert main(["release", recipe]) == DONE
    assert "nothing was released before; 1.0.0 is as good as any" in capsys.readouterr().out
    publish_release(build_tiny(20, "1.0.0"))
    build_tiny(30, "1.0.1")
    assert main(["release", recipe]) == REFUSED
    shown = capsys.readouterr()
    assert "proposed: 1.1.0; the recipe says 1.0.1" in shown.out and "version 1.0.1 after 1.0.0 means" in shown.err
    assert main(["release", recipe, "--json"]) == REFUSED
    document = json.loads(capsys.readouterr().out)
    assert (document["proposed"], document["step"], document["before"]) == ("1.1.0", "MINOR", "1.0.0")
    assert document["semver_violation"].startswith("1.0.1 after 1.0.0 means the same rows (PATCH), but this is MINOR")
    assert main(["release", recipe, "--set", "1.0.0"]) == REFUSED
    assert "1.0.0 does not follow 1.0.0, which is published" in capsys.readouterr().err
    assert main(["release", recipe, "--set", "next"]) == WRONG
    assert (tmp_path / "r.yaml").read_text() == RECIPE.format(count=30, version="1.0.1")


def test_the_version_is_written_into_the_recipe_alone(tmp_path: Path) -> None:
    from flows.planning.versioning import write_version

    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE.format(count=3, version="1.0.0"))
    write_version(str(recipe), "1.1.0")
    assert recipe.read_text() == RECIPE.format(count=3, version="1.1.0")


def test_all_rows_of_a_problem_are_seen_together(build_tiny: Callable[..., Plan]) -> None:
    plan = build_tiny(20, "1.0.0")
    works = {work.name: work for work in plan.jobs}
    assert len(find_kind(works["pairs"]).partitions) == 6
    receipt = plan.done["pairs"].receipt
    assert (receipt.rows_in, receipt.rows_kept() + receipt.rows_rejected()) == (40, 40)
    publish_release(plan)
    pairs = errata.load("tiny", "pairs", form="polars")
    verified = errata.load("tiny", "verified", form="polars")
    right = verified.filter(pl.col("verdict") == "right")["problem_id"]
    wrong = verified.filter(pl.col("verdict") == "wrong", pl.col("problem_id").is_in(right.implode()))
    assert right.len() > 10
    assert sorted(pairs["solution_id"]) == sorted(wrong["solution_id"])
    gold = pairs.join(verified.select("problem_id", "answer").unique(), on="problem_id", maintain_order="left")[
        "answer"
    ]
    ends = [pairs[side].str.split("#### ").list.last() for side in ("chosen", "rejected")]
    assert (ends[0] == gold).all() and (ends[1] != gold).all()


def test_the_release_describes_itself(build_tiny: Callable[..., Plan]) -> None:
    publish_release(build_tiny(5, "1.0.0"))
    release = errata.open_release("tiny")
    assert release.views == ["verified", "pairs", "tuning"]
    assert release.manifest["keys"] == {"verified": "solution_id", "pairs": "solution_id", "tuning": "solution_id"}
    names = {file["path"] for file in release.manifest["files"]}
    assert {
        "README.md",
        "croissant.json",
        "schemas/pairs.json",
        "schemas/tuning.json",
        "schemas/verified.json",
    } <= names
    assert "Measured on nothing." in Path(release.url, "README.md").read_text()


def traced(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, Any]:
    code = main(["trace", *arguments, "--json"])
    shown = capsys.readouterr()
    return code, json.loads(shown.out) if code == DONE else shown.err


def test_a_row_is_traced_back_to_its_completion(
    build_tiny: Callable[..., Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    plan = build_tiny(5, "1.0.0")
    publish_release(plan)
    row = errata.load("tiny", "verified").to_pylist()[0]
    code, result = traced("tiny@1.0.0", row["solution_id"], capsys=capsys)
    assert code == DONE
    assert [table["table"] for table in result["tables"]][:4] == ["problems", "solutions", "steps", "verified"]
    assert result["tables"][0]["added"]["program"] and result["tables"][3]["added"]["verdict"] == row["verdict"]
    (completion,) = result["completions"]
    assert (completion["request"], completion["model"], completion["engine"]) == (row["request_id"], "big", "world 1")
    assert row["question"] in completion["prompt"] and completion["temperature"] == 1.0
    assert {view["view"] for view in result["views"]} >= {"verified"}
    text = provenance.format_row(result)
    assert row["request_id"] in text and "verified  (verify " in text
    code, message = traced("tiny", "0" * 24, capsys=capsys)
    assert code == MISSING and "has no row '000000000000000000000000'" in message


def test_a_model_is_followed_to_all_rows_it_touched(
    build_tiny: Callable[..., Plan], capsys: pytest.CaptureFixture[str]
) -> None:
    publish_release(build_tiny(5, "1.0.0"))
    code, result = traced("tiny", "--model", "big", capsys=capsys)
    rows = errata.load("tiny", "verified").num_rows
    assert (code, result["requests"], result["views"]["verified"], len(result["rows"])) == (DONE, 10, rows, rows)
    code, result = traced("tiny", "--model", "small", capsys=capsys)
    assert (result["requests"], result["rows"]) == (0, [])
    assert main(["trace", "tiny"]) == WRONG
