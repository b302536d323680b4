"""The plan: made once, handed on, and made again without reading a source."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
from errata.cli import main
from fsspec.implementations.local import LocalFileSystem

from catalog import digests
from catalog.sources import SourceError
from flows.planning.plan import make_plan, with_version
from flows.planning.recipe_file import open_recipe
from flows.running.run_plan import materialize
from schemas.recipe.document import RecipeError

RECIPE = """\
corpus: tiny
version: 1.0.0
title: T
license: MIT
tables:
  solutions: {task: import, files: "*.jsonl", set: {value: s}, question: q, answer: a, model: m, text: t}
  again: {task: import, files: "*.jsonl", set: {value: t}, question: q, answer: a, model: m, text: t}
  steps: {task: split, from: [solutions, again]}
  release: {task: release, from: steps}
"""


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the sources that were opened; those that a test has just written count as settled."""
    monkeypatch.setattr(digests, "RACY_SECONDS", -60.0)
    names: list[str] = []
    original = LocalFileSystem._open

    def counted(self: LocalFileSystem, path: str, *given: Any, **named: Any) -> Any:
        if path.endswith(".jsonl"):
            names.append(Path(path).name)
        return original(self, path, *given, **named)

    monkeypatch.setattr(LocalFileSystem, "_open", counted)
    return names


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    for name in ("a", "b"):
        rows = [{"q": f"{name}{i}", "a": "1", "m": "x", "t": f"One.\n\nIt is {i}."} for i in range(3)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    return tmp_path / "tiny.yaml"


def test_a_source_is_hashed_once_however_many_tables_name_it(recipe: Path, opened: list[str]) -> None:
    store = str(recipe.parent / "store")
    plan = make_plan(str(recipe), None, store)
    assert opened == ["a.jsonl", "b.jsonl"]
    assert make_plan(str(recipe), None, store).release.fingerprint == plan.release.fingerprint
    assert opened == ["a.jsonl", "b.jsonl"]
    assert make_plan(str(recipe), None, store, rehash=True).release.fingerprint == plan.release.fingerprint
    assert opened == ["a.jsonl", "b.jsonl"] * 2


def test_rows_of_a_table_that_is_made_are_looked_at_without_its_sources(
    recipe: Path, opened: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    store = str(recipe.parent / "store")
    plan = materialize(make_plan(str(recipe), None, store))
    assert sorted(opened) == sorted(["a.jsonl", "b.jsonl"] * 3)  # to hash, and for the rows of each of two tables
    opened.clear()

    def unreadable(self: LocalFileSystem, path: str, *given: Any, **named: Any) -> Any:
        assert not path.endswith(".jsonl"), f"{path} was opened"
        return original(self, path, *given, **named)

    original = LocalFileSystem._open
    monkeypatch.setattr(LocalFileSystem, "_open", unreadable)
    assert main(["browse", f"{recipe}:steps", "--store", store, "--limit", "1"]) == 0
    assert "It is 0." in capsys.readouterr().out
    assert make_plan(str(recipe), None, store).done == plan.done


def test_a_source_that_is_gone_is_named(recipe: Path) -> None:
    (recipe.parent / "tiny.yaml").write_text(RECIPE.replace('"*.jsonl"', "a.jsonl"))
    make_plan(str(recipe), None, str(recipe.parent / "store"))
    (recipe.parent / "a.jsonl").unlink()
    with pytest.raises(SourceError, match=r"a\.jsonl: no such file at .*; check the path"):
        make_plan(str(recipe), None, str(recipe.parent / "store"))


@pytest.mark.usefixtures("opened")
def test_a_plan_can_be_sent_elsewhere(recipe: Path) -> None:
    plan = make_plan(str(recipe), None, str(recipe.parent / "store"))
    sent = pickle.loads(pickle.dumps(plan))
    assert sent.jobs == plan.jobs and sent.release.fingerprint == plan.release.fingerprint
    assert str(sent.recipe.fault(("tables", "steps", "from"), "is odd")) == f"{recipe}:8: tables.steps.from: is odd"


def test_another_version_reads_nothing_and_keeps_the_lines(recipe: Path, opened: list[str]) -> None:
    recipe.write_text(RECIPE.replace("version: 1.0.0", "version: >-\n  1.0.0"))
    plan = make_plan(str(recipe), None, str(recipe.parent / "store"))
    opened.clear()
    other = with_version(plan, "1.1.0")
    assert opened == [] and other.jobs[:-1] == plan.jobs[:-1]
    assert other.release.fingerprint != plan.release.fingerprint
    assert (other.recipe.version, other.recipe.fault(("title",), "").line) == ("1.1.0", 3)


def test_where_a_recipe_is_not_found_those_beside_it_are_named_and_no_other_files(tmp_path: Path) -> None:
    for name in (".hidden.yaml", *(f"r{number:02d}.yaml" for number in range(12))):
        (tmp_path / name).write_text("# ours\ncorpus: t\n")
    (tmp_path / "a-format.yaml").write_text("format: f\n")
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(RecipeError) as caught:
        open_recipe(str(tmp_path / "r.yaml"))
    names = ", ".join(str(tmp_path / f"r{number:02d}.yaml") for number in range(10))
    assert str(caught.value).endswith(f"cannot be read (No such file or directory); recipes there: {names}, …")
