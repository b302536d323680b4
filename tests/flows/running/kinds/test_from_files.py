"""Tables made from files: what belongs to their records is joined, and all that is without its partner is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flows.planning.plan import Plan, make_plan
from flows.running.run_plan import materialize
from schemas.recipe.document import RecipeError

HEAD = "corpus: c\nversion: 0.1.0\ntitle: T\nlicense: MIT\ntables:\n"
END = "  release: {task: release, from: solutions}\n"
PROBLEMS = "  problems: {task: load, files: problems.csv, id: id, question: q, answer: a, set: {value: s}}\n"


def write(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def make(folder: Path, tables: str) -> Plan:
    (folder / "r.yaml").write_text(HEAD + tables + END)
    return materialize(make_plan(str(folder / "r.yaml"), None, str(folder / "store")))


def rows_of(plan: Plan, table: str) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The rows that a table keeps, and of those that it rejects source and reason."""
    (job,) = [job for job in plan.jobs if job.name == table]
    folder, manifest = job.folder(), plan.done[table]
    kept = [row for part in manifest.receipt.parts for row in folder.read(part).to_dicts()]
    dropped = [row for part in manifest.receipt.rejected for row in folder.read(part).to_dicts()]
    assert len(kept) + len(dropped) == manifest.receipt.rows_in
    return kept, [(row["source"], row["reason"]) for row in dropped]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "problems.csv").write_text("id,q,a\n1,What is 2 + 2?,4\n2,What is 3 + 3?,6\n3,Nobody asked?,8\n")
    return tmp_path


def test_problems_and_solutions_are_joined_by_id_and_what_has_no_partner_is_counted(folder: Path) -> None:
    write(folder, "s1.jsonl", [{"p": 1, "t": "4"}, {"p": "2", "t": "5"}, {"p": 9, "t": "x"}, {"t": "no key"}])
    write(folder, "s2.jsonl", [{"p": 1, "t": "3"}])
    plan = make(folder, PROBLEMS + "  solutions: {task: import, from: problems, files: 's*.jsonl', key: p, text: t}\n")
    kept, rejected = rows_of(plan, "solutions")
    assert sorted((row["question"], row["answer"], row["text"]) for row in kept) == [
        ("What is 2 + 2?", "4", "3"), ("What is 2 + 2?", "4", "4"), ("What is 3 + 3?", "6", "5"),
    ]  # fmt: skip
    assert sorted(rejected) == [
        ("problems.csv:4", "no solution"),
        ("s1.jsonl:3", "no problem"),
        ("s1.jsonl:4", "no problem"),
    ]


def test_without_a_key_problems_are_found_by_the_words_of_the_question(folder: Path) -> None:
    write(folder, "s.jsonl", [{"q": "what is  2 + 2 ?", "t": "4"}, {"q": "What is 2 - 2?", "t": "0"}])
    plan = make(
        folder, PROBLEMS + "  solutions: {task: import, from: problems, files: s.jsonl, question: q, text: t}\n"
    )
    kept, rejected = rows_of(plan, "solutions")
    assert [(row["question"], row["text"]) for row in kept] == [("What is 2 + 2?", "4")]
    assert sorted(reason for _, reason in rejected) == ["no problem", "no solution", "no solution"]


def test_records_of_other_files_are_joined_before_they_are_mapped(folder: Path) -> None:
    write(folder, "out.jsonl", [{"id": "a", "t": "4"}, {"id": "b", "t": "5"}, {"id": "c", "t": "6"}])
    write(folder, "in.jsonl", [{"n": "a", "q": "What is 2 + 2?"}, {"n": "c", "q": "One"}, {"n": "c", "q": "Other"}])
    join = "join: {files: in.jsonl, key: n, on: id}"
    plan = make(folder, f"  solutions: {{task: import, files: out.jsonl, {join}, question: '@joined.q', text: t}}\n")
    kept, rejected = rows_of(plan, "solutions")
    assert [(row["question"], row["text"]) for row in kept] == [("What is 2 + 2?", "4")]
    assert rejected == [("out.jsonl:2", "not joined"), ("out.jsonl:3", "ambiguous key")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("{task: import, files: problems.csv, text: a}", "question: is missing; add it and the field of the problem's text"),
        ("{task: import, files: problems.csv, question: q, key: id, text: a}", "key: is the id of a problem of a table; add `from:` and its name"),
        ("{task: import, from: problems, files: problems.csv, text: a}", "key: is missing; add it and the field of the problem's id"),
        ("{task: import, from: bare, files: problems.csv, key: id, text: a}", "keeps no ids; add `id:` and its field to its `load`"),
        ("{task: import, format: sharegp, files: problems.csv}", "unknown format 'sharegp'; did you mean 'sharegpt'?"),
        ("{task: import, format: openai-batch, files: problems.csv, join: {key: id}}", "files"),
    ],
)  # fmt: skip
def test_a_join_that_cannot_be_meant_is_a_fault_of_the_recipe(folder: Path, table: str, message: str) -> None:
    bare = "  bare: {task: load, files: problems.csv, question: q, set: {value: s}}\n"
    (folder / "r.yaml").write_text(f"{HEAD}{PROBLEMS}{bare}  solutions: {table}\n{END}")
    with pytest.raises(RecipeError) as error:
        make_plan(str(folder / "r.yaml"), None, str(folder / "store"))
    assert message in str(error.value)


def test_labels_that_came_in_are_labellers_of_agree_and_as_gold_they_vote_no_more(folder: Path) -> None:
    steps = ["2 + 2 = 5.", "So 5."]
    write(
        folder,
        "s.jsonl",
        [{"q": "What is 2 + 2?", "steps": steps, "label": 0}, {"q": "And 1 + 1?", "steps": ["2"], "label": None}],
    )
    labels = "labels: {labeller: {value: ada}, first_error: {path: label, optional: true}}"
    imported = f"  labelled: {{task: import, files: s.jsonl, question: q, steps: steps, {labels}}}\n"
    tables = "  truth: {task: truth, from: labelled, source: human}\n  solutions: {task: agree, from: labelled, rule: unanimous}\n"
    plan = make(folder, imported + tables + "  voiceless: {task: agree, from: truth, rule: unanimous}\n")
    kept, rejected = rows_of(plan, "solutions")
    assert [(row["first_error"], row["labellers"], row["labels"], row["confidence"]) for row in kept] == [
        (0, ["ada"], [0], 1.0)
    ]
    assert [reason for _, reason in rejected] == ["labellers undecided"]
    assert [(row["gold_first_error"], row["gold_from"], row["gold_unknown"]) for row in rows_of(plan, "truth")[0]] == [
        (0, "human", None), (None, None, "not labelled"),
    ]  # fmt: skip
    assert not rows_of(plan, "voiceless")[0]
