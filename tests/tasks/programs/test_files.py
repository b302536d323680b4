"""Files of HumanEval's and MBPP's form: their fields become problems and programs that run, and each bad line is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from catalog.declarations import find_declarations
from flows.planning.first_records import check_mappings
from flows.planning.plan import make_plan
from schemas.recipe.document import RecipeError
from schemas.task import Outcome, Record
from tasks.engines.python.sandbox import find_fault
from tasks.programs.run_programs import RunParameters
from tasks.sources.import_ import IMPORT, ImportParameters
from tasks.sources.load import LOAD, LoadParameters
from tests import golden
from tests.building import build
from tests.command import ROOT
from tests.running_programs import run_table

needs_sandbox = pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")
HUMAN_EVAL: dict[str, Any] = {
    "task_id": "Ours/7", "prompt": "def helper(x):\n    return x + 1\n\n\ndef triple(x):\n    \"\"\"Three times x.\n    >>> triple(2)\n    6\n    \"\"\"\n",
    "entry_point": "triple", "canonical_solution": "    return 3 * x\n", "test": "METADATA = {'author': 'us'}\n\n\ndef check(candidate):\n    assert candidate(2) == 6\n    assert candidate(0) == 0\n",
}  # fmt: skip
MBPP: dict[str, Any] = {
    "task_id": 7, "text": "Write a function to triple a number.", "code": "def triple(x):\r\n    return THREE * x", "test_setup_code": "THREE = 3",
    "test_list": ["assert triple(2) == 6", "assert triple(0) == 0"], "challenge_test_list": ["assert triple(-1) == -3"],
}  # fmt: skip
SANITIZED: dict[str, Any] = {
    "source_file": "ours", "task_id": 8, "prompt": "Write a function to round down.", "code": "def down(x):\n    return int(x // 1)",
    "test_imports": ["import math"], "test_list": ["assert down(math.pi) == 3"],
}  # fmt: skip
MISSING: Any = object()


def read(task: Any, parameters: Any, name: str, *rows: dict[str, Any]) -> Outcome:
    rules = parameters.model_validate(
        {"format": name, "files": f"{name}.jsonl"}, context=dict(find_declarations(Path()))
    )
    context = {"@file": f"{name}.jsonl"}
    records = [Record(f"{name}.jsonl:{number}", row, context=context) for number, row in enumerate(rows, 1)]
    result: Outcome = task.run(records, rules)
    return result


@needs_sandbox
@pytest.mark.parametrize(("name", "row"), [("human-eval", HUMAN_EVAL), ("mbpp", MBPP), ("mbpp", SANITIZED)])
def test_the_authors_own_solutions_pass_their_tests_and_others_do_not(name: str, row: dict[str, Any]) -> None:
    part = read(IMPORT, ImportParameters, name, row).kept
    wrong = part.with_columns(text=pl.lit("def triple(x):\n    return x\ndef down(x):\n    return x"))
    ran = run_table(pl.concat([part, wrong]), RunParameters(model="sandbox", by="asserts"))
    assert ran["verdict"].to_list() == ["right", "wrong"]
    assert ran["error_type"].to_list() == [None, "AssertionError"]


@needs_sandbox
@pytest.mark.parametrize(
    ("file", "name", "by", "count"),
    [("programs", "mbpp", "asserts", 24), ("word_programs", "mathqa-python", "value", 32)],
)
def test_the_programs_that_ship_do_what_their_problems_ask(file: str, name: str, by: Any, count: int) -> None:
    lines = (ROOT / "catalog" / "recipes" / "sample" / f"{file}.jsonl").read_text("utf-8").splitlines()
    part = read(IMPORT, ImportParameters, name, *map(json.loads, lines)).kept
    assert run_table(part, RunParameters(model="sandbox", by=by))["verdict"].to_list() == ["right"] * count
    assert part["question"].n_unique() == count


@needs_sandbox
def test_the_tests_call_the_function_that_the_file_names() -> None:
    named = HUMAN_EVAL | {"entry_point": "helper", "test": "def check(candidate):\n    assert candidate(2) == 3\n"}
    old = {name: value for name, value in named.items() if name != "entry_point"}  # then it is the prompt's last one
    part = read(IMPORT, ImportParameters, "human-eval", named, old).kept
    assert run_table(part, RunParameters(model="sandbox", by="asserts"))["verdict"].to_list() == ["right", "wrong"]


def test_a_question_has_what_a_model_needs_to_know() -> None:
    (row,) = read(LOAD, LoadParameters, "mbpp", MBPP).kept.to_dicts()
    assert row["question"].splitlines()[-2:] == MBPP["test_list"], "the function's name stands in the tests alone"
    assert (row["original_id"], row["reference"]) == ("7", MBPP["code"])
    (row,) = read(LOAD, LoadParameters, "human-eval", HUMAN_EVAL).kept.to_dicts()
    assert row["question"] == HUMAN_EVAL["prompt"] and row["original_id"] == "Ours/7"


SAMPLES = """\
corpus: programs
version: 0.1.0
title: T
license: MIT
models: {sandbox: {engine: python}}
tables:
  problems: {task: load, format: human-eval, files: problems.jsonl}
  completions: {task: import, from: problems, key: task_id, format: human-eval, files: samples.jsonl, model: {value: finch}}
  tested: {task: run, from: completions, model: sandbox, by: asserts}
  release: {task: release, from: tested, splits: {all: 1}}
"""


@needs_sandbox
def test_completions_of_another_file_are_bodies_that_go_on_from_their_prompts(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(SAMPLES)
    (tmp_path / "problems.jsonl").write_text(json.dumps(HUMAN_EVAL))
    samples = [("Ours/7", "    return x * 3\n"), ("Ours/7", "    return x ** 3"), ("Ours/8", "    return 1")]
    (tmp_path / "samples.jsonl").write_text(
        "\n".join(json.dumps({"task_id": task, "completion": text}) for task, text in samples)
    )
    assert check_mappings(make_plan(str(tmp_path / "r.yaml"), None, f"{tmp_path}/store")) == []
    build(tmp_path / "r.yaml", tmp_path / "store")
    rows = pl.read_parquet(f"{tmp_path}/store/releases/programs/0.1.0/tested/*.parquet").sort("verdict")
    assert rows.select("verdict", "text", "model").rows() == [
        ("right", "    return x * 3\n", "finch"), ("wrong", "    return x ** 3", "finch"),
    ]  # fmt: skip


BAD = {
    "human-eval": (
        HUMAN_EVAL,
        [
            {"prompt": MISSING}, {"test": MISSING}, {"canonical_solution": MISSING}, {"prompt": None}, {"test": " \n"}, {"test": ["assert True"]}, {"prompt": {"text": "x"}},
            {"task_id": MISSING}, {"canonical_solution": ["return 1"]}, {"entry_point": ["a", {}]},
        ],
    ),
    "mbpp": (
        MBPP,
        [
            {"text": MISSING}, {"code": MISSING}, {"test_list": MISSING}, {"test_list": []}, {"test_list": {"0": "assert True"}}, {"test_list": [None]}, {"test_list": [["assert True"]]},
            {"code": None}, {"text": 7.5}, {"task_id": []}, {"code": ""},
        ],
    ),
}  # fmt: skip


def test_each_bad_line_is_told_with_its_place_and_its_field() -> None:
    lines = []
    for name, (fine, changes) in BAD.items():
        for task, parameters in ((LOAD, LoadParameters), (IMPORT, ImportParameters)):
            rows = [
                {key: value for key, value in (fine | change).items() if value is not MISSING} for change in changes
            ]
            result = read(task, parameters, name, *rows)
            assert result.kept.height + result.rejected.height == len(rows)
            lines += [f"# {task.name}, {name}"]
            told = {
                source: f"{reason}: {detail}"
                for source, reason, detail in result.rejected.select("source", "reason", "detail").rows()
            }
            for number, change in enumerate(changes, 1):
                source, ((field, value),) = f"{name}.jsonl:{number}", change.items()
                shown = "absent" if value is MISSING else json.dumps(value)
                lines.append(f"{source} ({field} {shown}): {told.get(source, 'kept')}")
    golden.check(Path(__file__).with_name("bad-lines.txt"), "\n".join(lines) + "\n")


def test_a_file_of_another_form_is_one_error_in_the_plan(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(SAMPLES.replace("human-eval, files: problems", "mbpp, files: problems"))
    (tmp_path / "problems.jsonl").write_text(json.dumps(HUMAN_EVAL))
    (tmp_path / "samples.jsonl").write_text(json.dumps({"task_id": "Ours/7", "completion": "    return 1"}))
    with pytest.raises(
        RecipeError,
        match=r"r.yaml:7: tables.problems.answer: field 'test_setup_code' is in none of the first 1 records of problems.jsonl",
    ):
        check_mappings(make_plan(str(tmp_path / "r.yaml"), None, f"{tmp_path}/store"))
