"""What `errata plan` says of tables that run programs, where the machine has a sandbox and where it has none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tasks.engines.python.sandbox import find_fault
from tests.command import run_here
from tests.golden import check

RECIPE = """\
corpus: ran
version: 0.1.0
title: Programs
license: Apache-2.0
models:
  sandbox: {engine: python}
tables:
  written: {task: import, files: [rows.jsonl], set: {value: tasks}, question: question, answer: tests, model: model, text: text}
  ran: {task: run, from: written, model: sandbox, by: asserts}
  again: {task: run, from: ran, model: sandbox, by: stdout}
  release: {task: release, from: again, splits: {train: 1.0}}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    row = {
        "question": "Double x.",
        "tests": "assert double(2) == 4",
        "model": "m",
        "text": "def double(x): return x + x",
    }
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    path = tmp_path / "ran.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without bubblewrap."""
    monkeypatch.setattr("tasks.engines.python.sandbox.shutil.which", lambda _: None)
    find_fault.cache_clear()
    yield
    find_fault.cache_clear()


@pytest.mark.usefixtures("bare_machine")
def test_tables_that_cannot_run_are_named_to_people_and_to_scripts(
    recipe: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run_here(capsys, "plan", str(recipe), "--store", str(recipe.parent / "store"))
    lines = [line for line in result.out.splitlines() if line.startswith("table '")]
    check(Path(__file__).parent / "no-sandbox.txt", "\n".join(lines) + "\n")
    result = run_here(capsys, "plan", str(recipe), "--store", str(recipe.parent / "store"), "--json")
    assert (result.code, json.loads(result.out)["unrunnable"]) == (0, lines)


@pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")
def test_where_there_is_a_sandbox_nothing_is_said(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run_here(capsys, "plan", str(recipe), "--store", str(recipe.parent / "store"))
    assert result.code == 0 and "table '" not in result.out and "would" in result.out
    result = run_here(capsys, "plan", str(recipe), "--store", str(recipe.parent / "store"), "--json")
    assert json.loads(result.out)["unrunnable"] == []
