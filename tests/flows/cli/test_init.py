"""`errata init`: files of one's own become a recipe that previews, lints and builds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from jsonschema import Draft202012Validator

from flows.planning.lint import lint_recipe
from flows.planning.recipe_file import open_recipe
from schemas.recipe.json_schema import build_recipe_schema
from tasks import TASKS
from tasks.engines.python.sandbox import find_fault
from tests.building import build
from tests.command import CommandResult, run_here

QUESTIONS = [f"What is {n} plus {n}?" for n in range(1, 7)]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_rows(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_apart(folder: Path, key: bool = True) -> None:
    """Problems in a CSV, and two solutions of each in JSON lines; one solution has no problem, one problem no solution."""
    lines = [f"{f'p{n},' if key else ''}{question},{2 * n}" for n, question in enumerate(QUESTIONS, 1)]
    (folder / "problems.csv").write_text("\n".join([f"{'id,' if key else ''}problem,gold", *lines]) + "\n")
    rows = []
    for n, question in enumerate(QUESTIONS[:5], 1):
        named = {"problem_id": f"p{n}"} if key else {"question": question}
        rows += [
            {**named, "model": "m", "sample": s, "response": f"It is {2 * n + s}. The answer is {2 * n + s}."}
            for s in (0, 1)
        ]
    strange = {"problem_id": "p99"} if key else {"question": "What is this?"}
    write_rows(
        folder / "solutions.jsonl", [*rows, {**strange, "model": "m", "sample": 0, "response": "The answer is 1."}]
    )


def init(capsys: pytest.CaptureFixture[str], *arguments: str) -> CommandResult:
    return run_here(capsys, "init", *arguments, "--store", "store")


@pytest.mark.parametrize("key", [True, False], ids=["by id", "by the question"])
def test_problems_and_solutions_of_two_files_are_joined_and_released(
    key: bool, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_apart(here, key)
    result = init(capsys, "problems.csv", "solutions.jsonl", "--as", "ours", "--yes")
    assert result.code == 0, result.err
    assert "solutions ← import of problems, solutions.jsonl: 11 in, 10 kept, 1 rejected" in result.out
    recipe = open_recipe("ours.yaml")
    assert [mark for mark in lint_recipe(recipe) if mark.kind == "danger"] == []
    assert list(Draft202012Validator(build_recipe_schema(TASKS)).iter_errors(recipe.document.value)) == []
    manifest = build(here / "ours.yaml", here / "store")
    assert sum(file["rows"] for file in manifest["files"] if file.get("view") == "verified") == 10
    verdicts = manifest["funnel"]
    assert [step["table"] for step in verdicts][:2] == ["problems", "solutions"]


def test_fields_are_known_by_names_and_values(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "semi.csv").write_text("q;a;t\nWhat is 1?;1;The answer is 1.\n")
    assert init(capsys, "semi.csv", "--yes").code == 0
    rules = TASKS["import"].parameters
    parameters = open_recipe("semi.yaml").tables[0].parameters
    assert isinstance(parameters, rules)
    assert (str(getattr(parameters, "question")), str(getattr(parameters, "text"))) == ("q", "t")  # noqa: B009


def test_a_known_format_is_known_by_its_records(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {
        "id": "gsm8k-0",
        "problem": "What is 1?",
        "steps": ["It is 2."],
        "label": 0,
        "generator": "m",
        "final_answer_correct": False,
    }
    write_rows(here / "called-otherwise.jsonl", [row])
    assert init(capsys, "called-otherwise.jsonl", "--yes").code == 0
    assert "format: processbench" in Path("called-otherwise.yaml").read_text()


HUMAN_EVAL = {
    "task_id": "Ours/0", "prompt": 'def double(x):\n    """Twice x."""\n', "entry_point": "double", "canonical_solution": "    return 2 * x\n",
    "test": "def check(candidate):\n    assert candidate(3) == 6\n",
}  # fmt: skip


@pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")
@pytest.mark.parametrize("alone", [True, False], ids=["the authors' solutions", "completions of another file"])
def test_programs_are_run(alone: bool, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_rows(here / "HumanEval.jsonl", [HUMAN_EVAL])
    write_rows(
        here / "samples.jsonl",
        [{"task_id": "Ours/0", "completion": "    return x * 2"}, {"task_id": "Ours/0", "completion": "    return x"}],
    )
    result = init(capsys, "HumanEval.jsonl", *([] if alone else ["samples.jsonl"]), "--as", "ours", "--yes")
    assert result.code == 0, result.err
    recipe = open_recipe("ours.yaml")
    assert [mark for mark in lint_recipe(recipe) if mark.kind == "danger"] == []
    build(here / "ours.yaml", here / "store")
    tested = pl.read_parquet(f"{here}/store/releases/ours/0.1.0/tested/*.parquet")
    assert sorted(tested["verdict"]) == (["right"] if alone else ["right", "wrong"])


def test_what_is_not_clear_is_asked(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_rows(
        here / "rows.jsonl",
        [{"question": "What is 1?", "prompt": "Solve: what is 1?", "gold": "1", "response": "It is 1."}],
    )
    asked = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return "" if "answer" in prompt else "prompt" if "question" in prompt else ""

    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr("builtins.input", answer)
    assert init(capsys, "rows.jsonl", "--no-preview").code == 0
    assert asked[0] == "rows.jsonl: which field is the question? question, prompt [question]: "
    assert "question: prompt" in Path("rows.yaml").read_text()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([{"question": "What?", "gold": "1"}], "no field holds what a model wrote"),
        ([{"colour": "red", "text": "It is 1."}], "no field is known to be the question"),
        ([], "holds no record"),
    ],
)
def test_what_cannot_be_guessed_is_an_error_and_no_file(
    rows: list[dict[str, Any]], expected: str, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_rows(here / "rows.jsonl", rows)
    result = init(capsys, "rows.jsonl", "--yes")
    assert result.code != 0 and expected in result.err
    assert not list(here.glob("*.yaml"))


def test_a_recipe_that_is_there_is_not_written_over(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_apart(here)
    Path("ours.yaml").write_text("mine")
    result = init(capsys, "problems.csv", "solutions.jsonl", "--as", "ours", "--yes")
    assert result.code != 0 and "is there already" in result.err
    assert Path("ours.yaml").read_text() == "mine"
