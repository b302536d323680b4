"""What tasks mean is declared by them: no task is known by name above, and a labeller of one's own is seen everywhere."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import errata
import polars as pl
import pytest
from rich.console import Console

from flows.cli.row_reader import list_filters
from flows.cli.row_view import render_lines
from flows.gates.check import list_results
from flows.metrics.error_types import measure_types
from flows.metrics.label_quality import measure_labels
from flows.publishing.publish import publish_release
from schemas.columns.gold import GOLD_COLUMNS
from schemas.contract import Column, Contract
from schemas.frames import to_polars_schema
from schemas.labels import Label, Votes
from schemas.task import Outcome, Parameters, PerRow
from tasks import TASKS
from tests.flows.gates.planned import planned

ROOT = Path(__file__).parents[1]
PLACES = sorted((*(ROOT / "flows").rglob("*.py"), *(ROOT / "schemas").rglob("*.py")))
KEYS_OF_MANIFESTS = {"view", "split", "release", "gold", "truth", "values", "world", "search"}
"""Names of tasks that are also keys of manifests and of what the command prints as JSON, an engine, or a filter; compared as tasks they are found."""
PEOPLE = Label(
    column="people_first_error", kind="step", rank=5, undecided="people_undecided", method="people_by", rater="people",
    title="two annotators", replies="people_asked", tokens="people_seconds",
)  # fmt: skip
CROWD = Label(column="crowd_first_error", kind="step", votes=Votes("crowd", "crowd_labels", "crowd_faults"))
BOTH = Label(column="both_first_error", kind="step", rank=6, combines=(PEOPLE, CROWD))
NAMED = Label(column="people_type", kind="type", rank=5, undecided="people_no_type", rater="people")
CONTRACT = Contract(
    "solutions",
    "One solution a row.",
    (
        Column("solution_id", "string", "I."), Column("problem_id", "string", "P."), Column("model", "string", "M."),
        Column("set", "string", "S."), Column("steps", "strings", "S."),
        Column("people_first_error", "integer", "L.", nullable=True), Column("people_undecided", "string", "U.", nullable=True),
        Column("people_by", "string", "B."), Column("people_asked", "integer", "A."), Column("people_seconds", "integer", "T."),
        Column("people_type", "string", "T.", nullable=True), Column("people_no_type", "string", "T.", nullable=True),
        Column("crowd", "strings", "C."), Column("crowd_labels", "integers", "C."), Column("crowd_faults", "strings", "C."),
        Column("both_first_error", "integer", "L.", nullable=True), *GOLD_COLUMNS,
    ),
    "solution_id",
)  # fmt: skip
PARTS = [(0, 0, "unit"), (1, 1, "unit"), (1, 0, "calculation"), (-1, -1, None), (None, 1, None), (0, None, "unit")]
"""What people say, what is so, and of what type it is by people."""


class Nothing(Parameters):
    """No parameters."""


def declare(name: str, *labels: Label) -> PerRow[Nothing]:
    """A labeller: all that its author writes beside its function."""
    return PerRow(
        name=name, summary="", version="1", parameters=Nothing, labels=labels, run=lambda part, _: Outcome(part, part.clear())
    )  # fmt: skip


@pytest.fixture(autouse=True)
def labellers(monkeypatch: pytest.MonkeyPatch) -> None:
    for task in (declare("people", PEOPLE), declare("merge-people", BOTH), declare("name-types", NAMED)):
        monkeypatch.setitem(TASKS, task.name, task)


def rows() -> list[dict[str, Any]]:
    return [
        {
            "solution_id": f"{i:024x}", "problem_id": f"{i // 2:024x}", "model": "m", "set": "s", "steps": ["a", "b"],
            "people_first_error": label, "people_undecided": None if label is not None else "they differ", "people_by": "two people",
            "people_asked": 2, "people_seconds": 30, "people_type": kind, "people_no_type": None if kind else "no mistake",
            "crowd": ["ann", "bob"], "crowd_labels": [label, i % 2], "crowd_faults": ["", ""], "both_first_error": label,
            "gold_first_error": gold, "gold_error_type": "unit" if gold in (0, 1) else None,
            "gold_from": None if gold is None else "file", "gold_unknown": "not among the labels" if gold is None else None,
        }
        for i, (label, gold, kind) in enumerate(PARTS)
    ]  # fmt: skip


def frame() -> pl.DataFrame:
    return pl.DataFrame(rows(), schema=to_polars_schema(CONTRACT))


def plan(place: Path, task: str, gates: str = "[]") -> Any:
    return planned(place, [frame()[:4], frame()[4:]], gates, made_by=task, contract=CONTRACT)


def test_label_quality_counts_it(tmp_path: Path) -> None:
    (label,) = measure_labels(plan(tmp_path, "people"))
    assert (label["task"], label["how"], label["rows"], label["labelled"]) == ("people", "two people", 6, 5)
    assert (label["named"], label["exact"], label["replies"], label["tokens"]) == (3, 2, 12, 180)


@pytest.mark.parametrize(
    ("ways", "how"),
    [([None, None, None, "b", None, None], "b"), (["a", "b", "b", None, "d", "c"], "b; a; c; 1 more"), ([None] * 6, "")],
)  # fmt: skip
def test_the_ways_of_labels_are_named_by_how_often_rows_name_them(
    tmp_path: Path, ways: list[str | None], how: str
) -> None:
    whole = frame().with_columns(people_by=pl.Series(ways, dtype=pl.String))
    contract = CONTRACT.having(Column("people_by", "string", "B.", nullable=True))
    work = planned(tmp_path, [whole[:4], whole[4:]], "[]", made_by="people", contract=contract)
    assert measure_labels(work)[0]["how"] == how


def test_the_agreement_of_what_is_combined_is_measured(tmp_path: Path) -> None:
    (label,) = measure_labels(plan(tmp_path, "merge-people"))
    assert [pair["labellers"] for pair in label["kappa"]] == [["people", "ann"], ["people", "bob"], ["ann", "bob"]]
    assert label["kappa"][0]["cohen"] == 1.0 and "tokens" not in label
    gate = "  - {measure: kappa, at_least: -1}\n"
    (kappa,) = [
        result
        for result in list_results(plan(tmp_path / "k", "merge-people", gate))
        if result["expectation"] == "kappa"
    ]
    assert kappa["passed"] and kappa["observed"] == min(pair["cohen"] for pair in label["kappa"])


def test_gates_know_what_it_decides(tmp_path: Path) -> None:
    gates = "  - {measure: undecided, at_most: 0.1}\n  - {measure: precision, at_least: 0.6}\n"
    result = {
        item["expectation"]: item
        for item in list_results(plan(tmp_path, "people", gates))
        if item["declared"] != "contract"
    }
    assert (result["undecided"]["observed"], result["undecided"]["passed"]) == (pytest.approx(1 / 6), False)
    assert (result["precision"]["observed"], result["precision"]["rows"]) == (pytest.approx(2 / 3), 3)


def test_types_are_counted_of_any_task_that_names_them(tmp_path: Path) -> None:
    (result,) = measure_types(plan(tmp_path, "name-types"))
    assert (result["rows"], result["typed"], result["by"]) == (6, 4, {"people": 4})
    assert result["types"] == {"unit": 3, "undecided": 2, "calculation": 1} and result["undecided"] == {"no mistake": 2}
    assert (result["truth"]["rows"], result["truth"]["exact"]) == (4, 2)


def test_its_release_tells_of_it_and_hides_gold(tmp_path: Path) -> None:
    result = plan(tmp_path, "merge-people")
    manifest = publish_release(result)
    assert [label["table"] for label in manifest["labels"]] == ["rows"]
    opened = errata.open_release("trial@1.0.0", str(tmp_path))
    report = json.loads((Path(opened.url.removeprefix("file://")) / "report.json").read_text())
    assert report["positions"]["column"] == "both_first_error"
    assert next(pair["labellers"] for pair in report["labellers"]["pairs"]) == ["people", "ann"]
    assert {"by": "two annotators", "label": 0, "kind": "", "says": ""} in [
        r for example in report["examples"] for r in example["reasons"]
    ]
    names = {column["name"] for column in manifest["columns"]["rows"]}
    assert "people_first_error" in names and not {column.name for column in GOLD_COLUMNS} & names
    assert set(errata.load("trial@1.0.0", store=str(tmp_path)).column_names) == names | ({"split"} & names)


def test_a_row_is_shown_with_it() -> None:
    shown = "\n".join(line.plain for line in render_lines(rows()[1], Console(width=100), 100))
    assert "✗   2 b" in shown and "people: step 2" in shown
    assert "type  unit" in shown
    assert "people_first_error" not in shown  # it has its place
    assert "people: they differ" in "\n".join(line.plain for line in render_lines(rows()[4], Console(width=100), 100))
    assert "people_type" in list_filters()["type"]


def constants(node: ast.AST) -> Iterator[str]:
    """The texts in an operand: itself, or those of a list, tuple or set of them."""
    for item in [node, *getattr(node, "elts", []), *[key for key in getattr(node, "keys", []) if key]]:
        if isinstance(item, ast.Constant) and isinstance(item.value, str):
            yield item.value


def is_task(node: ast.AST) -> bool:
    """Whether an operand is the name of a task: `x.task`, `x["task"]`, `x.task.name`, `task`."""
    if isinstance(node, ast.Attribute):
        return node.attr == "task" or (node.attr == "name" and is_task(node.value))
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Constant) and node.slice.value == "task"
    return isinstance(node, ast.Name) and node.id == "task"


def named_tasks(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Where a name of a task is compared with, matched, or stands as a key; and any text that a task's name is compared with."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            about_tasks = any(map(is_task, operands))
            for text in (text for operand in operands for text in constants(operand)):
                if about_tasks or (text in TASKS and text not in KEYS_OF_MANIFESTS):
                    yield node.lineno, text
        keys = (
            list(node.keys) if isinstance(node, ast.Dict) else [node.slice] if isinstance(node, ast.Subscript) else []
        )
        keys += [node.value] if isinstance(node, ast.MatchValue) else []
        for key in filter(None, keys):
            for text in constants(key):
                if text in TASKS and text not in KEYS_OF_MANIFESTS:
                    yield key.lineno, text


@pytest.mark.parametrize("path", PLACES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_task_is_known_by_its_name(path: Path) -> None:
    assert list(named_tasks(ast.parse(path.read_text("utf-8")))) == []


@pytest.mark.parametrize(
    "text",
    ['work.task == "x"', 'one["task"] in ("a", "b")', 'table.task.name != "z"', 'task in {"q"}', '{"judge": 1}', 'BY["agree"]',
     'name == "estimate"', 'match x:\n    case "verify":\n        pass'],
)  # fmt: skip
def test_the_search_finds_names_of_tasks(text: str) -> None:
    assert list(named_tasks(ast.parse(text)))


def test_arithmetic_knows_no_world_and_gold_is_worked_out_in_one_place() -> None:
    importing = {
        path.relative_to(ROOT).as_posix()
        for top in ("flows", "schemas", "tasks")
        for path in (ROOT / top).rglob("*.py")
        if "synthetic" not in path.parts
        and path.parent != ROOT / "tasks/engines/world"  # which is of the world
        and any(
            isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tasks.synthetic")
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        )
    }
    # the self-test has the world's right solutions, and gold of whoever makes them wrong
    assert importing == {"tasks/__init__.py", "tasks/sources/truth.py", "flows/calibration/selftest.py"}
