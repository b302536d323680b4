"""The runner of one table, without Prefect, on a store in memory."""

import json
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import sources
from catalog.records import read as record_reading
from catalog.storage import Store
from flows.planning import plan as planning
from flows.planning.plan import Plan, TableJob
from flows.running import commit, complete
from flows.running.complete import complete_table
from flows.running.kinds import find_kind, run_partition
from flows.running.partitions import AccountingError
from flows.running.watcher import NOBODY, Watcher
from schemas.contract import ContractError
from schemas.task import Outcome, PerRow, Record
from tasks import TASKS
from tests.flows.running.executors import make_table

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: ["a.jsonl", "b.jsonl"], set: set, question: q, answer: a, model: m, text: t, longest: 100000}
  steps: {task: split, from: generations}
  mistakes: {task: deduplicate, from: steps, scope: all}
  release: {task: release, from: mistakes, splits: {all: 1}}
"""


def make(folder: Path, rows: list[dict[str, str]], two: list[dict[str, str]], store: str | None = None) -> Plan:
    (folder / "r.yaml").write_text(RECIPE)
    for name, item in (("a.jsonl", rows), ("b.jsonl", two)):
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in item))
    return planning.make_plan(str(folder / "r.yaml"), None, store or f"memory://{uuid.uuid4().hex}")


def row(text: str, question: str = "How many?", model: str = "m") -> dict[str, str]:
    return {"set": "s", "q": question, "a": "3", "m": model, "t": text}


def read(work: TableJob, folder: str = "parts") -> pl.DataFrame:
    place = work.folder()
    manifest = place.read_manifest()
    assert manifest
    parts = manifest.receipt.parts if folder == "parts" else manifest.receipt.rejected
    return pl.concat([place.read(part) for part in parts])


TEXTS = st.sampled_from(["", " ", "a", "A", "b.", "x" * 100_001, "n\0", "1. a\n2. b", "\ud83d\ude00"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=1, max_size=12), st.lists(TEXTS, min_size=1, max_size=12))
def test_every_row_is_kept_or_rejected_whatever_comes_in(tmp_path: Path, texts: list[str], two: list[str]) -> None:
    plan = make(tmp_path, [row(text) for text in texts], [row(text) for text in two])
    rows = len(texts) + len(two)
    for work in plan.jobs[:-1]:
        receipt = make_table(work).receipt
        assert receipt.rows_in == rows
        assert receipt.rows_kept() + receipt.rows_rejected() == rows
        assert sum(receipt.reasons.values()) == receipt.rows_rejected()
        rows = receipt.rows_kept()
    kept = {
        text.casefold().strip() for text in texts + two if text.strip() and "\0" not in text and len(text) < 100_001
    }
    assert rows == len(kept)


@pytest.mark.parametrize("hashed", [0, 5, complete.HASHED], ids=["in a database at once", "as many as fit", "few"])
def test_an_id_that_comes_again_in_another_file_is_rejected_and_named(
    hashed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(complete, "HASHED", hashed)
    plan = make(tmp_path, [row("one"), row("two")], [row("two"), row("three"), row("three")])
    receipt = make_table(plan.jobs[0]).receipt
    assert receipt.reasons == {"duplicate id": 2}
    assert sorted(read(plan.jobs[0])["text"]) == ["one", "three", "two"]
    rows = read(plan.jobs[0], "rejected")
    assert set(rows["source"]) == {"b.jsonl:1", "b.jsonl:3"}
    assert all("is that of an earlier row" in detail for detail in rows["detail"])
    assert json.loads(rows["raw"][0])["text"] in ("two", "three")


def test_a_duplicate_names_a_row_that_stays(tmp_path: Path) -> None:
    plan = make(tmp_path, [row("One"), row("ONE ", model="n")], [row("one", model="o"), row("two")])
    for work in plan.jobs[:-1]:
        make_table(work)
    kept, dropped = read(plan.jobs[2]), read(plan.jobs[2], "rejected")
    assert kept.height == 2
    assert dropped["detail"].str.extract("the same text as (.*)").is_in(kept["solution_id"].implode()).all()


def test_a_unit_that_has_ended_is_not_done_again_and_a_piece_of_a_file_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_reading, "BATCH_ROWS", 2)
    monkeypatch.setattr(commit, "PART_BYTES", 1)
    plan = make(tmp_path, [row(str(i)) for i in range(6)], [row("b")])
    work = plan.jobs[0]
    done: list[int] = []

    class Cut(Exception):
        pass

    class Cutter(Watcher):
        def advance(self, table: str, rows: int, share: float | None) -> None:
            done.append(rows)
            if len(done) == 2:
                raise Cut

    first, second = find_kind(work).list_pending()
    with pytest.raises(Cut):
        run_partition(work, first, Cutter())
    place = work.folder()
    before = {name: place.store.read(f"{place.path}/parts/{name}") for name in place.store.names(f"{place.path}/parts")}
    assert len(before) == 2
    monkeypatch.setitem(TASKS, "import", replace(TASKS["import"], run=_only({"4", "5", "b"})))  # type: ignore[call-arg]
    run_partition(work, first, NOBODY)
    run_partition(work, second, NOBODY)
    assert find_kind(work).list_pending() == []
    assert complete_table(work).receipt.rows_kept() == 7
    for name, data in before.items():
        assert place.store.read(f"{place.path}/parts/{name}") == data


def _only(texts: set[str]) -> object:
    real = TASKS["import"].run  # type: ignore[attr-defined]

    def run(batch: list[Record], parameters: object) -> Outcome:
        assert {str(record.value and record.value["t"]) for record in batch} <= texts
        outcome: Outcome = real(batch, parameters)
        return outcome

    return run


def broken(part: pl.DataFrame, _: object) -> Outcome:
    return Outcome(
        part.head(1).with_columns(steps=pl.lit(["s"]), step_rule=pl.lit("whole"), steps_of=pl.lit("text")), part.clear()
    )


def untyped(part: pl.DataFrame, _: object) -> Outcome:
    return Outcome(
        part.with_columns(steps=pl.lit(["s"]), step_rule=pl.lit("by ear"), steps_of=pl.lit("text")), part.clear()
    )


@pytest.mark.parametrize(
    ("run_it", "error", "expected"),
    [
        (broken, AccountingError, "steps, unit 00000-00000: 2 rows came in, 1 were kept and 0 rejected"),
        (untyped, ContractError, "steps, unit 00001-00000: step_rule: expected one of .*, found 'by ear' in row 0 "),
    ],
)
def test_a_task_that_loses_rows_or_breaks_its_contract_completes_no_table(
    run_it: Any, error: type[Exception], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = make(tmp_path, [row("one"), row("two")], [row("three")])
    make_table(plan.jobs[0])
    task = TASKS["split"]
    assert isinstance(task, PerRow)
    monkeypatch.setitem(TASKS, "split", replace(task, run=run_it))
    with pytest.raises(error, match=expected):
        make_table(plan.jobs[1])
    assert plan.jobs[1].folder().read_manifest() is None


def test_a_table_is_not_completed_while_a_unit_is_missing(tmp_path: Path) -> None:
    plan = make(tmp_path, [row("one")], [row("two")])
    run_partition(plan.jobs[0], find_kind(plan.jobs[0]).list_pending()[0], NOBODY)
    with pytest.raises(AccountingError, match="units 00001 have not ended"):
        complete_table(plan.jobs[0])


def test_fingerprints_follow_content_and_not_places(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "y").mkdir()
    here, there = make(tmp_path / "x", [row("1")], [row("2")]), make(tmp_path / "y", [row("1")], [row("2")])
    assert [work.fingerprint for work in here.jobs] == [work.fingerprint for work in there.jobs]
    changed = make(tmp_path / "y", [row("1")], [row("3")])
    assert not {work.fingerprint for work in here.jobs} & {work.fingerprint for work in changed.jobs}
    (tmp_path / "x" / "r.yaml").write_text(RECIPE.replace("scope: all", "scope: problem"))
    other = planning.make_plan(str(tmp_path / "x" / "r.yaml"), None, here.store)
    same = [a.fingerprint == b.fingerprint for a, b in zip(here.jobs, other.jobs)]
    assert same == [True, True, False, False]


def test_tables_are_found_again_by_another_recipe(tmp_path: Path) -> None:
    plan = make(tmp_path, [row("1")], [row("2")])
    make_table(plan.jobs[0])
    (tmp_path / "r.yaml").write_text(RECIPE.replace("generations", "another-name").replace("corpus: t", "corpus: u"))
    again = planning.make_plan(str(tmp_path / "r.yaml"), None, plan.store)
    assert set(again.done) == {"another-name"}
    assert [[work.name for work in wave] for wave in again.topological_generations()] == [["steps"], ["mistakes"]]
    assert Store(plan.store).names("tables") == [plan.jobs[0].folder().path.split("/")[1]]


def test_a_row_that_stands_in_two_inputs_of_a_decision_is_counted_once(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row(t)) + "\n" for t in ("one", "ONE", "two")))
    text = RECIPE.replace(', "b.jsonl"', "").replace("deduplicate, from: steps", "deduplicate, from: [steps, again]")
    (tmp_path / "r.yaml").write_text(
        text.replace("  mistakes:", "  again: {task: select, from: steps, where: sample = 0}\n  mistakes:")
    )
    plan = planning.make_plan(str(tmp_path / "r.yaml"), None, f"memory://{uuid.uuid4().hex}")
    works = {work.name: work for work in plan.jobs}
    for name in ("generations", "steps", "again"):
        make_table(works[name])
    receipt = make_table(works["mistakes"]).receipt
    assert (receipt.rows_in, receipt.rows_kept(), receipt.rows_rejected()) == (6, 2, 4)


def test_a_source_that_changes_after_planning_is_refused(tmp_path: Path) -> None:
    plan = make(tmp_path, [row("one")], [row("two")])
    (tmp_path / "a.jsonl").write_text(json.dumps(row("other")) + "\n")
    with pytest.raises(sources.SourceError, match=r"a.jsonl: has changed while it was read"):
        make_table(plan.jobs[0])
    assert plan.jobs[0].folder().read_manifest() is None


def test_the_order_of_splits_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    marks = []
    for splits in ("{train: 0.8, test: 0.2}", "{test: 0.2, train: 0.8}"):
        make(tmp_path, [row("1")], [row("2")])
        (tmp_path / "r.yaml").write_text(RECIPE.replace("{all: 1}", splits))
        marks.append(planning.make_plan(str(tmp_path / "r.yaml"), None, "memory://order").release.fingerprint)
    assert marks[0] != marks[1]
