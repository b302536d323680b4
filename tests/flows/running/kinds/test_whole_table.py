"""Tasks that see a whole table, and what lies beside it, without Prefect: files, releases, indexes, embeddings."""

import json
import shutil
import uuid
from pathlib import Path
from typing import Any

import fsspec
import polars as pl
import pytest
from errata.release.find import open_release

from catalog.sources import SourceError
from flows.planning import plan as planning
from flows.planning.plan import Plan
from flows.publishing import publish as releasing
from flows.running.calls import prepare
from flows.running.run_plan import materialize
from schemas.recipe.document import RecipeError
from schemas.task import TaskError
from tasks.dedup.embeddings import FILES
from tests.flows.running.executors import Backwards, make_table
from tests.golden import check
from tests.tasks.dedup.letters import make_embedding

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: a.jsonl, set: set, question: q, answer: a, model: m, text: t}
  verified: {task: verify, from: generations}
  agreed: {task: consistency, from: verified}
  measured: {task: quality, from: agreed}
  flagged: {task: label-errors, from: measured, given: verdict, labels: [set]}
  clean: {task: decontaminate, from: flagged, against: [{name: tests, files: "tests/*.jsonl"}]}
  kept: {task: deduplicate, from: clean, by: [exact, near], scope: all}
  release: {task: release, from: kept, splits: {all: 1}}
"""
LONG = " ".join(f"word{i}" for i in range(40))


def row(text: str, question: str = "How many?", answer: str = "3") -> dict[str, str]:
    return {"set": "wrong", "q": question, "a": answer, "m": "m", "t": text}


ROWS = [
    row("So it is 3."), row("So it is  3."), row("So it is 4."), row(f"{LONG} so 5", "Other?"), row(f"{LONG} thus 5", "Other?"),
    row("It is 9.", "Natalia sold clips to 48 of her friends?"),
]  # fmt: skip


def make(folder: Path, recipe: str = RECIPE, rows: list[dict[str, str]] = ROWS, store: str | None = None) -> Plan:
    (folder / "r.yaml").write_text(recipe)
    (folder / "a.jsonl").write_text("".join(json.dumps(item) + "\n" for item in rows))
    (folder / "tests").mkdir(exist_ok=True)
    items = ["A robe takes 2 bolts?", "natalia sold clips to 48 of her friends?"]
    (folder / "tests" / "x.jsonl").write_text("".join(json.dumps({"question": item}) + "\n" for item in items))
    return planning.make_plan(str(folder / "r.yaml"), None, store or f"memory://{uuid.uuid4().hex}")


def built(plan: Plan) -> Plan:
    plan = materialize(plan, Backwards())
    releasing.publish_release(plan)
    return plan


def read(plan: Plan, name: str, rejected: bool = False) -> pl.DataFrame:
    work = next(work for work in plan.jobs if work.name == name)
    manifest = work.folder().read_manifest()
    assert manifest
    return pl.concat(
        work.folder().read(part) for part in (manifest.receipt.rejected if rejected else manifest.receipt.parts)
    )


def test_columns_are_added_and_rows_rejected(tmp_path: Path) -> None:
    plan = built(make(tmp_path))
    kept = read(plan, "kept")
    texts = [" ".join(text.split()) for text in kept["rationale"]]
    assert len(texts) == 3
    assert {"So it is 3.", "So it is 4."} < set(texts)
    assert {"majority_share", "compression", "label_error"} <= set(kept.columns)
    shares = dict(read(plan, "agreed").select("rationale", "answer_share").iter_rows())
    assert shares["So it is 4."] == pytest.approx(1 / 3)
    (dropped,) = read(plan, "clean", rejected=True).iter_rows(named=True)
    assert (dropped["reason"], dropped["detail"]) == (
        "in test set tests: the same text",
        "question: tests/x.jsonl:2: the same text",
    )
    assert sorted(read(plan, "kept", rejected=True)["reason"]) == ["duplicate", "near duplicate"]


def test_what_may_stand_in_a_test_set_is_kept_and_makes_a_table_for_review(tmp_path: Path) -> None:
    recipe = RECIPE.replace(
        "  kept: {task: deduplicate, from: clean,",
        """  review: {task: select, from: clean, where: "contamination is not null"}
  surely: {task: select, from: clean, where: "contamination is null"}
  kept: {task: deduplicate, from: surely,""",
    ).replace("{task: release, from: kept,", "{task: release, from: [kept, review],")
    rows = [*ROWS, row("It is 8.", "Which of the following statements is true?")]
    plan = make(tmp_path, recipe, rows)
    (tmp_path / "tests" / "y.jsonl").write_text('{"question": "Which of the following statements is true?"}\n')
    plan = materialize(planning.make_plan(str(tmp_path / "r.yaml"), None, plan.store), Backwards())
    clean, review, surely = read(plan, "clean"), read(plan, "review"), read(plan, "surely")
    assert clean.height + read(plan, "clean", rejected=True).height == len(rows)
    assert clean.height == surely.height + review.height
    assert review["contamination"].to_list() == [
        "in test set tests: the same text; question: tests/y.jsonl:1: the same text, which is made of stock phrases"
    ]
    assert surely["contamination"].is_null().all() and surely.height == clean.height - 1


def test_a_changed_test_set_makes_another_table(tmp_path: Path) -> None:
    first = make(tmp_path)
    (tmp_path / "tests" / "y.jsonl").write_text('{"question": "more"}\n')
    second = planning.make_plan(str(tmp_path / "r.yaml"), None, first.store)
    same = [job.fingerprint == other.fingerprint for job, other in zip(first.jobs, second.jobs)]
    assert same == [True] * 5 + [False] * 3


def test_a_later_version_is_compared_with_the_release_without_its_text(tmp_path: Path) -> None:
    plan = built(make(tmp_path, store=str(tmp_path / "store")))
    release = open_release("t@0.1.0", plan.store)
    assert release.faults() == []
    (index,) = [file for file in release.manifest["files"] if file["path"].startswith("index/")]
    assert pl.read_parquet(f"{release.url}/{index['path']}").columns == [
        "solution_id",
        "problem_id",
        "text",
        "path",
        "mistake",
        "answer",
        "figures",
        "words",
    ]
    shutil.rmtree(tmp_path / "store" / "releases" / "t" / "0.1.0" / "kept")
    # of another corpus: a later version of the same is compared with all rows of the one before
    recipe = RECIPE.replace("corpus: t", "corpus: u").replace("scope: all}", "scope: all, releases: t@0.1.0}")
    rows = [row("So it is 4."), row(f"{LONG} hence 5", "Other?"), row("So it is 12.")]
    later = built(make(tmp_path, recipe, rows, plan.store))
    assert read(later, "kept")["rationale"].to_list() == ["So it is 12."]
    values = dict(read(later, "kept", rejected=True).select("reason", "detail").iter_rows())
    assert set(values) == {"in an earlier release: duplicate", "in an earlier release: near duplicate"}
    assert all(detail.endswith(" of t@0.1.0") for detail in values.values())


def test_a_release_is_a_test_set(tmp_path: Path) -> None:
    apples = "How many apples fell?"
    plan = built(make(tmp_path, rows=[*ROWS, row("So it is 6.", apples)], store=str(tmp_path / "store")))
    recipe = RECIPE.replace("0.1.0", "0.2.0").replace('files: "tests/*.jsonl"', "release: t@0.1.0, split: all")
    later = make(tmp_path, recipe, [row("So it is 12.", apples), row("New.", "Quite another?")], plan.store)
    for work in later.jobs[:-2]:
        make_table(work)
    assert read(later, "clean")["question"].to_list() == ["Quite another?"]
    (detail,) = read(later, "clean", rejected=True)["detail"]
    assert detail.startswith("question: t@0.1.0/kept/all-00000.parquet:")


def test_test_sets_on_another_file_system(tmp_path: Path) -> None:
    with fsspec.open("memory://sets/gsm.jsonl", "w") as file:
        file.write('{"question": "Natalia sold clips to 48 of her friends?"}\n')
    make(tmp_path)
    recipe = tmp_path / "r.yaml"
    recipe.write_text(RECIPE.replace('"tests/*.jsonl"', '"memory://sets/gsm.jsonl"'))
    plan = planning.make_plan(str(recipe), None, f"memory://{uuid.uuid4().hex}", trust=True)
    for work in plan.jobs[:-2]:
        make_table(work)
    assert set(read(plan, "clean", rejected=True)["question"]) == {"Natalia sold clips to 48 of her friends?"}


def test_an_embedding_of_ones_own_lies_beside_the_recipe(tmp_path: Path) -> None:
    (tmp_path / "vectors").mkdir()
    for name, data in zip(FILES, make_embedding()):
        (tmp_path / "vectors" / name).write_bytes(data)
    recipe = RECIPE.replace("by: [exact, near], scope: all", "by: semantic, scope: all, embedding: vectors")
    plan = make(tmp_path, recipe)
    for work in plan.jobs[:-1]:
        make_table(work)
    assert "same meaning" in read(plan, "kept", rejected=True)["reason"].to_list()
    (tmp_path / "vectors" / "model.safetensors").write_bytes(b"no")
    broken = make(tmp_path, recipe, store=plan.store)
    assert broken.jobs[-2].fingerprint != plan.jobs[-2].fingerprint
    with pytest.raises(TaskError, match="kept: embedding: vectors: is no safetensors file"):
        prepare(broken.jobs[-2])


BAD = {
    "no such release": ("scope: all}", "scope: all, releases: other@1.0.0}"),
    "a release without a version": ("scope: all}", "scope: all, releases: t}"),
    "no such test set": ("tests/*.jsonl", "none/*.jsonl"),
    "no embedding": ("by: [exact, near]", "by: [exact, semantic]"),
    "answers that nobody read": ("from: clean, by: [exact, near]", "from: generations, by: [exact, near]"),
    "no such column": ("by: [exact, near]", "by: exact, prefer: confidence"),
    "a column that is no text": ("task: decontaminate,", "task: decontaminate, columns: sample,"),
    "a test set nowhere": (', files: "tests/*.jsonl"', ""),
    "an unknown label": ("labels: [set]", "labels: [judge]"),
}


def test_what_is_wrong_is_told_before_anything_runs(tmp_path: Path) -> None:
    texts: list[str] = []
    for name, (old, new) in BAD.items():
        with pytest.raises((RecipeError, SourceError)) as error:
            make(tmp_path, RECIPE.replace(old, new), store=str(tmp_path / "store"))
        texts.append(f"# {name}\n{error.value}".replace(str(tmp_path), "…"))
    check(Path(__file__).with_name("side-input-errors.txt"), "\n\n".join(texts) + "\n")


def test_a_release_that_keeps_no_index_is_told(tmp_path: Path) -> None:
    plan = built(make(tmp_path, store=str(tmp_path / "store")))
    place = tmp_path / "store" / "releases" / "t" / "0.1.0" / "manifest.json"
    manifest: dict[str, Any] = json.loads(place.read_text())
    manifest["files"] = [file for file in manifest["files"] if not file["path"].startswith("index/")]
    place.write_text(json.dumps(manifest))
    with pytest.raises(RecipeError, match=r"t@0\.1\.0 keeps no index"):
        make(tmp_path, RECIPE.replace("scope: all}", "scope: all, releases: t@0.1.0}"), store=plan.store)
