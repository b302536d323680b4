"""`errata tasks`, `views`, `new`, `lint`, `completion`, `--version`, and `--json` of all that list."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from errata.cli.verb import build_parser

from catalog.declarations import FORMATS, VIEWS
from flows.cli import VERBS
from flows.planning.lint import DANGERS, STYLES, lint_recipe
from flows.planning.recipe_file import open_recipe
from tasks import TASKS
from tasks.views.mistakes import CODED
from tests.command import ROOT, SAMPLE, run_here

RECIPES = sorted((ROOT / "catalog/recipes").glob("*.yaml"))
BAD = """\
corpus: bad
version: 0.1.0
title: T
license: MIT
models:
  far: {engine: openai, model: gpt}
  near: {engine: vllm, model: us/weights}
tables:
  generations:
    task: import
    files: [/data/rows.jsonl]
    set: {value: s}
    question: q
    answer: a
    model: m
    text: t
  steps: {task: split, from: generations}
  verified: {task: verify, from: steps}
  wrong: {task: select, from: verified, where: "verdict != 'right'"}
  judged: {task: judge, from: wrong, models: [far], failures: 0.5} # sk-abcdefghijklmnop
  again: {task: judge, from: wrong, models: [near]}
  release: {task: release, from: judged, splits: {train: 1.0}}
"""


def test_tasks_and_views_are_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert {row["name"] for row in json.loads(run_here(capsys, "tasks", "--json").out)} == set(TASKS)
    assert {row["name"] for row in json.loads(run_here(capsys, "views", "--json").out)} == {*VIEWS.shipped, *CODED}
    shown = run_here(capsys, "tasks", "judge").out
    for name, field in TASKS["judge"].parameters.model_fields.items():
        assert name in shown
        assert str(field.description).split()[0] in shown
    assert "completions" in run_here(capsys, "views", "stepwise").out


@pytest.mark.parametrize("name", list(FORMATS.shipped))
def test_every_format_can_be_shown(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    shown = run_here(capsys, "formats", name).out
    assert FORMATS.shipped[name].title in shown
    assert all(field in shown for field in FORMATS.shipped[name].fields)


@pytest.mark.parametrize("name", list(TASKS))
def test_every_task_can_be_described(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    parameters = json.loads(run_here(capsys, "tasks", name, "--json").out)["parameters"]
    assert [each["parameter"] for each in parameters] == [
        field.alias or key for key, field in TASKS[name].parameters.model_fields.items()
    ]
    assert all(each["type"] != "any value" and each["meaning"] for each in parameters)


@pytest.mark.parametrize(("verb", "name", "near"), [("tasks", "juge", "judge"), ("views", "stepwize", "stepwise")])
def test_an_unknown_name_is_answered_by_the_nearest(
    verb: str, name: str, near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_here(capsys, verb, name)
    assert result.code != 0 and f"did you mean '{near}'?" in result.err


def test_every_verb_that_lists_has_json() -> None:
    parser = build_parser(VERBS)
    for command in (
        "tasks",
        "views",
        "formats",
        "new",
        "models",
        "ledger",
        "gc",
        "tag c",
        "lint r",
        "plan r",
        "gates r",
    ):
        assert parser.parse_args([*command.split(), "--json"]).json is True


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_of_the_catalog_can_be_begun_with(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here(capsys, "new", path.stem, "--as", "ours").code == 0
    recipe, before = open_recipe("ours.yaml"), open_recipe(str(path))
    assert (recipe.corpus, recipe.version) == ("ours", "0.1.0")
    assert [table.name for table in recipe.tables] == [table.name for table in before.tables]
    again = run_here(capsys, "new", path.stem, "--as", "ours")
    assert again.code != 0 and "ours.yaml: is there already" in again.err


def test_a_copy_of_the_sample_has_its_data_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_here(capsys, "new", "sample").code == 0
    assert (tmp_path / "sample/generations.jsonl").read_bytes() == (
        SAMPLE.parent / "sample/generations.jsonl"
    ).read_bytes()
    assert run_here(capsys, "preview", "sample.yaml", "--rows", "3", "--until", "steps").code == 0


def test_a_name_that_is_none_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    result = run_here(capsys, "new", "sample", "--as", "../elsewhere")
    assert result.code != 0 and "a corpus' name has lower-case letters" in result.err
    assert list(tmp_path.iterdir()) == []


def test_lint_finds_each_danger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.yaml").write_text(BAD)
    found = {remark.rule for remark in lint_recipe(open_recipe(str(tmp_path / "bad.yaml")))}
    assert found == set(DANGERS) | set(STYLES)
    result = run_here(capsys, "lint", str(tmp_path / "bad.yaml"))
    assert result.code == 1
    place = f"{tmp_path}/bad.yaml:19: tables.wrong.where: danger: takes what is undecided for wrong"
    assert place in result.out


def test_the_recipes_of_the_catalog_have_no_danger(capsys: pytest.CaptureFixture[str]) -> None:
    result = run_here(capsys, "lint", *map(str, RECIPES))
    assert result.code == 0, result.out


def test_bash_takes_the_completion(capsys: pytest.CaptureFixture[str]) -> None:
    script = run_here(capsys, "completion", "bash").out
    assert "preview" in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run_here(capsys, "--version")
    assert end.value.code == 0
    version = capsys.readouterr().out.removeprefix("errata ").strip()
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
