"""Large tables that are decided in shares have the bytes of those that are decided in one piece, however many shares there are."""

from __future__ import annotations

import json
import tempfile
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from catalog.parts import ParquetFile
from catalog.storage import Store, StoreError
from catalog.tables import PartitionCommit, TableFolder
from flows.planning.plan import Plan, TableJob, make_plan
from flows.running import calls, exchange
from flows.running.exchange import DESTINATION, read_sent, send_rows
from flows.running.kinds import decision, find_kind, partitioned, per_problem, run_partition
from flows.running.kinds.partitioned import PREPARED
from flows.running.run_plan import materialize
from flows.running.unit_files import make_files
from flows.running.watcher import NOBODY
from flows.running.work_folder import open_work_folder
from tasks.database import open_database
from tests.flows.running.executors import Backwards, UnitsHere, make_table

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: "*.jsonl", set: set, question: q, answer: a, model: m, text: t, sample: s}
  verified: {task: verify, from: generations}
  agreed: {task: consistency, from: verified}
  kept: {task: deduplicate, from: agreed, by: [exact, mistake, path, near], prefer: answer_share, scope: problem}
  release: {task: release, from: kept, splits: {all: 1}}
"""
WORDS = " ".join(f"word{i}" for i in range(30))
TEXTS = [
    "It is 3.",
    "it is  3.",
    "3 + 4 = 7",
    "So 3+4=7 it is",
    "4 + 3 = 7",
    f"{WORDS} so 7",
    f"{WORDS} thus 7",
    "It is 8.",
]
ROWS = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(TEXTS)), min_size=3, max_size=40)


def make(folder: Path, rows: list[tuple[int, str]], store: str | None = None) -> Plan:
    (folder / "r.yaml").write_text(RECIPE)
    for name in "abc":
        lines = [
            json.dumps({"set": "s", "q": f"Question {problem}?", "a": "7", "m": "m", "t": text, "s": i}) + "\n"
            for i, (problem, text) in enumerate(rows)
            if "abc"[i % 3] == name
        ]
        (folder / f"{name}.jsonl").write_text("".join(lines))
    return make_plan(str(folder / "r.yaml"), None, store or f"memory://{uuid.uuid4().hex}")


def list_files(plan: Plan) -> list[tuple[str, int, str]]:
    """Path, rows and digest of what each table keeps and rejects."""
    manifests = [plan.done[job.name].receipt for job in plan.jobs[:-1]]
    return [(file.path, file.rows, file.sha256) for sums in manifests for file in (*sums.parts, *sums.rejected)]


@settings(max_examples=8, deadline=None)
@given(rows=ROWS)
def test_tables_are_the_same_for_any_number_of_shares(rows: list[tuple[int, str]]) -> None:
    files = []
    for shares in (1, 2, 7, 64):
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            patch.setattr(exchange, "ROWS_OF_A_SHARE", 1 if shares > 1 else 1000)
            patch.setattr(exchange, "MOST_SHARES", shares)
            patch.setattr(partitioned, "ROWS_OF_A_BATCH", 5)
            files.append(list_files(materialize(make(Path(folder), rows), Backwards())))
    assert all(other == files[0] for other in files[1:])


MANY = [(i * 7 % 5, TEXTS[i % len(TEXTS)]) for i in range(60)]


def test_a_build_that_is_cut_off_anywhere_goes_on_with_its_shares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = list_files(materialize(make(tmp_path, MANY), Backwards()))
    monkeypatch.setattr(exchange, "ROWS_OF_A_SHARE", 20)
    monkeypatch.setattr(partitioned, "ROWS_OF_A_BATCH", 1)
    plan = make(tmp_path, MANY)
    commit_before, cuts, writes = TableFolder.commit, 0, 0

    class Cut(BaseException):
        pass

    def cut(self: TableFolder, name: str, commit: PartitionCommit) -> None:
        nonlocal writes
        if writes == 1:
            raise Cut
        writes += 1
        commit_before(self, name, commit)

    monkeypatch.setattr(TableFolder, "commit", cut)
    while True:
        try:
            writes = 0
            plan = materialize(plan, Backwards())
            break
        except Cut:
            cuts += 1  # one commit later each time
            plan = make_plan(str(tmp_path / "r.yaml"), None, plan.store)
    assert cuts > 12
    assert list_files(plan) == whole


@pytest.mark.build
def test_shares_are_decided_in_other_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = list_files(materialize(make(tmp_path, MANY), Backwards()))
    monkeypatch.setattr(exchange, "ROWS_OF_A_SHARE", 20)
    monkeypatch.setattr("flows.running.process_pool.ROWS", 1)
    calls_here: list[object] = []
    monkeypatch.setattr(decision.Decision, "send_back", lambda self, *_: calls_here.append(self))
    plan = materialize(make(tmp_path, MANY, str(tmp_path / "store")))
    assert list_files(plan) == whole
    assert calls_here == []
    assert not list((tmp_path / "store").glob(".errata-tmp-*"))


PAIRS = RECIPE.replace(
    "  release: {task: release, from: kept,",
    "  pairs: {task: preference, from: verified}\n  release: {task: release, from: [kept, pairs],",
)


def read_buckets(job: TableJob) -> list[tuple[str, str]]:
    """Paths and digests of the buckets that problems were shuffled into."""
    kind = find_kind(job)
    commits = [kind.preparation.read_commit(f"{PREPARED}-{partition.name}") for partition in kind.partitions]
    return [(file.path, file.sha256) for commit in commits if commit for file in commit.parts]


@settings(max_examples=6, deadline=None)
@given(rows=ROWS)
def test_buckets_of_problems_are_the_same_for_any_number_of_shares(rows: list[tuple[int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(f"{__name__}.RECIPE", PAIRS)
        patch.setattr(per_problem, "ROWS_OF_A_BUCKET", 1)
        patch.setattr(partitioned, "ROWS_OF_A_BATCH", 5)
        plan = make(Path(folder), rows)
        (job,) = [job for job in plan.jobs if job.name == "pairs"]
        for other in plan.jobs[:2]:
            make_table(other)
        find_kind(job).prepare()
        whole = read_buckets(job)
        for width in (1, 7, 64):
            patch.setattr(per_problem, "BUCKETS_OF_A_SHARE", width)
            again = replace(job, fingerprint=f"{width:024x}")
            find_kind(again).prepare(UnitsHere())
            assert read_buckets(again) == whole
            assert not find_kind(again).folder.store.names(f"{find_kind(again).preparation.path}/sent")


def test_who_wants_rows_reads_those_for_it_alone(tmp_path: Path) -> None:
    folder = TableFolder(Store(str(tmp_path)), "any", "1")
    rows = pl.DataFrame(
        {"lists": [[i, i] for i in range(50)], "row": range(50), DESTINATION: [i * 3 % 7 for i in range(50)]}
    )
    file = send_rows(folder, "narrow/a.parquet", rows)
    for number in range(8):
        expected = rows.filter(pl.col(DESTINATION) == number).drop(DESTINATION)
        assert read_sent(folder, file, number).equals(expected)


def test_a_database_spills_to_its_folder_within_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    query = (
        "SELECT sum(n) FROM (SELECT md5(i::VARCHAR) AS k, count(*) AS n FROM range(2000000) r(i) GROUP BY k ORDER BY k)"
    )
    (tmp_path / "it's").mkdir()
    with open_database(tmp_path / "it's", 64) as database:
        assert database.sql(query).fetchall() == [(2_000_000,)]
    monkeypatch.setattr("tasks.database.SHARE_OF_DISK", 1e-9)
    (tmp_path / "full").mkdir()
    with open_database(tmp_path / "full", 64) as database, pytest.raises(duckdb.OutOfMemoryException):
        database.sql(query).fetchall()


def test_a_disk_without_room_is_an_error_that_says_which_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    job = next(job for job in make(tmp_path, MANY).jobs if job.name == "kept")

    class Full:
        def prepare(self, *_: object) -> None:
            raise duckdb.OutOfMemoryException("failed to offload data block\nmore")

    monkeypatch.setattr(calls, "find_kind", lambda _: Full())
    with pytest.raises(
        StoreError, match=r"kept: what is to be found out of all its rows has no room on the disk \(failed"
    ):
        calls.prepare(job)


def test_work_folders_lie_beside_the_tables_and_go(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    with open_work_folder(store) as folder:
        assert folder.parent == tmp_path / "store"
        assert folder.name not in store.names("")
    assert not folder.exists()
    with open_work_folder(Store(f"memory://{uuid.uuid4().hex}")) as folder:
        assert folder.is_dir()


def make_verified(folder: Path) -> dict[str, TableJob]:
    """The jobs of a plan of which all tables are complete but for those that need the whole table."""
    plan = make(folder, MANY)
    for job in plan.jobs[:3]:
        make_table(job)
    return {job.name: job for job in plan.jobs}


@pytest.mark.parametrize("shares", [1, 3])
def test_a_decision_that_is_missing_is_an_error_and_never_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shares: int
) -> None:
    monkeypatch.setattr(exchange, "ROWS_OF_A_SHARE", len(MANY) // shares)
    job = make_verified(tmp_path)["kept"]
    kind = find_kind(job)
    kind.prepare()
    for unit in kind.folder.store.names(f"{kind.preparation.path}/receipts"):
        if unit.startswith(PREPARED):
            kind.folder.store.fs.rm(kind.folder.store.full(f"{kind.preparation.path}/receipts/{unit}"))
    with pytest.raises(
        StoreError, match=r"kept: .*/preparation/receipts/decided.*\.json: is missing, .*; remove the table's folder"
    ):
        run_partition(job, kind.partitions[0], NOBODY)
    assert kind.list_pending() == kind.partitions


@pytest.mark.parametrize("rows", [1000, 3])
def test_parts_of_which_nothing_was_decided_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    job = make_verified(tmp_path)["kept"]
    monkeypatch.setattr(exchange, "ROWS_OF_A_SHARE", rows)
    for name in ("decide", "decide_whole"):
        monkeypatch.setattr(decision.Decision, name, lambda *_: iter(()))
    receipt = make_table(job).receipt
    assert (receipt.rows_in, receipt.rows_kept(), receipt.rows_rejected()) == (len(MANY), len(MANY), 0)


@pytest.mark.parametrize("name", ["kept", "pairs"])
def test_a_build_goes_on_when_another_has_prepared_the_table_and_removed_what_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(f"{__name__}.RECIPE", PAIRS)
    monkeypatch.setattr(exchange, "ROWS_OF_A_SHARE", 20)
    monkeypatch.setattr(per_problem, "ROWS_OF_A_BUCKET", 10)
    monkeypatch.setattr(per_problem, "BUCKETS_OF_A_SHARE", 2)
    job = make_verified(tmp_path)[name]
    expected = [(file.path, file.sha256) for file in make_table(replace(job, fingerprint="f" * 24)).receipt.parts]
    others = 0

    def make_after_another(job: TableJob, what: str, *arguments: Any) -> list[ParquetFile]:
        nonlocal others
        if what.startswith("share-") and not others:
            others += 1
            find_kind(job).prepare(UnitsHere())
            folder = job.folder().preparation
            for unit in folder.store.names(f"{folder.path}/receipts"):
                if unit.startswith("share-"):  # as if this build had looked for them before the other wrote them
                    folder.store.fs.rm(folder.store.full(f"{folder.path}/receipts/{unit}"))
        return make_files(job, what, *arguments)

    monkeypatch.setattr("flows.running.kinds.partitioned.make_files", make_after_another)
    find_kind(job).prepare(UnitsHere())
    assert others == 1
    assert [(file.path, file.sha256) for file in make_table(job).receipt.parts] == expected
