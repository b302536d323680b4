"""`errata preview`, and what `plan` and `build` say at once of a mapping that fits no record."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning.plan import make_plan
from flows.running.losses import NothingLeft
from flows.running.preview import make_previews
from tests.building import build
from tests.command import SAMPLE, run_here
from tests.golden import check

RECIPE = """\
corpus: four
version: 0.1.0
title: Four rows
license: Apache-2.0
tables:
  generations:
    task: import
    files: [rows.jsonl]
    set: {value: four}
    question: question
    answer: gold
    model: model
    text: text
  steps: {task: split, from: generations}
  verified: {task: verify, from: steps}
  wrong: {task: select, from: verified, where: "verdict = 'wrong'", because: [verdict, undecided]}
  again: {task: select, from: wrong, where: "true"}
  release: {task: release, from: again, splits: {train: 1.0}}
"""
ASKING = """\
corpus: asking
version: 0.1.0
title: Asked
license: Apache-2.0
models:
  small: {engine: abacus}
tables:
  problems: {task: world, count: 50, level: 1}
  solutions: {task: generate, from: problems, models: [small], prompt: abacus-solve, sampling: [{samples: 2}], max_tokens: 40}
  steps: {task: split, from: solutions}
  release: {task: release, from: steps, splits: {train: 1.0}}
"""


def write_recipe(folder: Path, text: str = RECIPE, answers: tuple[str, ...] = ("7", "8", "none", "7")) -> Path:
    """A recipe and its records."""
    rows = [
        {"question": f"What is 3 + {i}?", "gold": str(3 + i), "model": "m", "text": f"The answer is {answer}."}
        for i, answer in enumerate(answers, 4)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "recipe.yaml").write_text(text)
    return folder / "recipe.yaml"


def test_a_preview_shows_rows_reasons_and_the_mapping(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    recipe = write_recipe(tmp_path)
    result = run_here(capsys, "preview", str(recipe), "--store", str(tmp_path / "store"))
    assert result.code == 0 and result.err == ""
    check(Path(__file__).parent / "preview.txt", result.out.replace(str(tmp_path), "DIR"))
    assert not list((tmp_path / "store").glob("tables/*")) and not list((tmp_path / "store").glob("releases/*"))


def test_a_preview_reads_no_more_records_than_are_asked_for(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text("")
    recipe = write_recipe(tmp_path, answers=("1",) * 40)
    plan = make_plan(str(recipe), None, str(tmp_path / "store"), hash_sources=False)
    (first, *_) = make_previews(plan, 5)
    assert first.manifest is not None and first.manifest.receipt.rows_in == 5
    assert [preview.job.name for preview in make_previews(plan, 5, until="steps")] == ["generations", "steps"]


def test_a_preview_asks_models_about_its_rows_alone_and_keeps_what_they_answer(tmp_path: Path) -> None:
    recipe, store = write_recipe(tmp_path, ASKING), str(tmp_path / "store")
    plan = make_plan(str(recipe), None, store, hash_sources=False)
    solutions = next(preview for preview in make_previews(plan, 3) if preview.job.name == "solutions")
    assert solutions.questions is not None and (solutions.questions.requests, solutions.questions.known) == (6, 0)
    assert sum(account.requests for account in Ledger(Store(store)).spent()) == 6
    again = next(preview for preview in make_previews(plan, 3) if preview.job.name == "solutions")
    assert again.questions is not None and (again.questions.requests, again.questions.known) == (6, 6)


def test_a_preview_that_asks_nothing_shows_the_first_request(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, store = write_recipe(tmp_path, ASKING), tmp_path / "store"
    result = run_here(capsys, "preview", str(recipe), "--store", str(store), "--ask-nothing", "--rows", "2")
    assert "asks: first of abacus, at most 40 tokens:" in result.out
    assert "steps ← split of solutions\n     not made: needs 'solutions'" in result.out
    assert not list(Ledger(Store(str(store))).spent())


def test_the_sample_previews_every_table(tmp_path: Path) -> None:
    plan = make_plan(str(SAMPLE), None, str(tmp_path / "store"), hash_sources=False)
    previews = list(make_previews(plan, 20))
    assert [preview.job.name for preview in previews] == [job.name for job in plan.jobs[:-1]]
    assert all(preview.manifest and preview.rows for preview in previews)


@pytest.mark.parametrize("verb", ["plan", "build", "preview"])
def test_a_mistyped_field_is_seen_before_anything_runs(
    verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, RECIPE.replace("question: question", "question: qestion"))
    result = run_here(capsys, verb, str(recipe), "--store", str(tmp_path / "store"))
    assert result.code == 2
    fault = "tables.generations.question: field 'qestion' is in none of the first 4 records of rows.jsonl"
    assert result.err == f"{recipe}:10: {fault}; did you mean 'question'?\n"


def test_a_field_that_later_records_may_have_is_a_warning_of_build_alone(tmp_path: Path) -> None:
    from flows.planning.first_records import check_mappings

    recipe = write_recipe(tmp_path, RECIPE.replace("answer: gold", "answer: solution"), answers=("1",) * 300)
    plan = make_plan(str(recipe), None, str(tmp_path / "store"))
    (doubt,) = check_mappings(plan, only_certain=True)
    assert "field 'solution' is in none of the first 200 records" in doubt.fault.message and not doubt.certain


def test_records_that_are_mapped_but_none_kept_are_a_fault_of_plan(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = write_recipe(tmp_path, RECIPE.replace("    text: text", "    text: text\n    sample: question"))
    result = run_here(capsys, "plan", str(recipe), "--store", str(tmp_path / "store"))
    assert result.code == 2
    assert "none of the first 4 records of rows.jsonl would be kept: 4 × wrong type" in result.err


def test_a_build_that_ends_empty_names_the_first_table_that_lost_its_rows(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, answers=("7", "8", "no idea"))
    with pytest.raises(NothingLeft) as error:
        build(recipe, tmp_path / "store")
    check(Path(__file__).parent / "nothing-left.txt", f"{error.value}\n".replace(str(tmp_path), "DIR"))


def test_plan_does_not_claim_what_a_build_could_not_release(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipe = write_recipe(tmp_path, answers=("7", "8"))
    with pytest.raises(NothingLeft):
        build(recipe, tmp_path / "store")
    result = run_here(capsys, "plan", str(recipe), "--store", str(tmp_path / "store"))
    assert result.code == 1 and "would" not in result.out
    assert "tables.wrong: none of 2 rows is kept, so nothing is left for 'again'" in result.err
