"""What the units of a table were made with goes when the table is complete; killed before, it leaves a good table, and `errata gc` finds it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from catalog.garbage import find_garbage, remove
from catalog.storage import Store, StoreError
from catalog.tables import PartitionCommit, TableFolder
from flows.planning.plan import TableJob, make_plan
from flows.running import exchange
from flows.running.calls import prepare
from flows.running.kinds import find_kind, partitioned, per_problem, run_partition
from flows.running.run_plan import materialize
from flows.running.watcher import NOBODY
from tests.flows.running.executors import Backwards, UnitsHere, make_table
from tests.flows.running.kinds import test_shares
from tests.flows.running.kinds.test_shares import MANY, PAIRS, list_files, make


@pytest.fixture(autouse=True)
def _in_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of the recipe with pairs, some of which are made in shares."""
    monkeypatch.setattr(test_shares, "RECIPE", PAIRS)
    monkeypatch.setattr(exchange, "ROWS_OF_A_SHARE", 20)
    monkeypatch.setattr(per_problem, "ROWS_OF_A_BUCKET", 10)
    monkeypatch.setattr(per_problem, "BUCKETS_OF_A_SHARE", 2)
    monkeypatch.setattr(partitioned, "ROWS_OF_A_BATCH", 10)


def list_prepared(store: Path) -> list[Path]:
    return sorted(store.glob("tables/*/preparation"))


def test_a_complete_table_keeps_nothing_that_it_was_prepared_with(tmp_path: Path) -> None:
    store = tmp_path / "store"
    materialize(make(tmp_path, MANY, str(store)), Backwards())
    assert {path.name.split("-")[0] for path in store.glob("tables/*")} >= {"deduplicate", "consistency", "preference"}
    assert list_prepared(store) == []
    assert find_garbage(Store(str(store)), 0) == []


class Killed(BaseException):
    pass


@pytest.mark.parametrize("whole", [False, True])
def test_killed_between_manifest_and_removal_a_table_is_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    store = tmp_path / "store"
    expected = list_files(materialize(make(tmp_path, MANY), Backwards()))

    def end(self: TableFolder) -> None:
        if not whole:  # in the midst of removing
            shutil.rmtree(tmp_path / "store" / self.preparation.path / "receipts")
        raise Killed

    plan = make(tmp_path, MANY, str(store))
    with monkeypatch.context() as patch:
        patch.setattr(TableFolder, "remove_preparation", end)
        for _ in range(len(plan.jobs)):
            try:
                plan = materialize(make_plan(str(tmp_path / "r.yaml"), None, str(store)), Backwards())
            except Killed:
                continue
            break
    left = list_prepared(store)
    assert len(left) == 3
    plan = materialize(make_plan(str(tmp_path / "r.yaml"), None, str(store)), Backwards())
    assert list_files(plan) == expected
    garbage = find_garbage(Store(str(store)), 0)
    assert [store / each.path for each in garbage] == left
    assert {each.what for each in garbage} == {"what a complete table was prepared with"}
    assert len(list(remove(Store(str(store)), garbage))) == 3
    assert list_prepared(store) == []
    assert list_files(materialize(make_plan(str(tmp_path / "r.yaml"), None, str(store)), Backwards())) == expected


def test_what_a_table_that_is_not_complete_was_prepared_with_is_no_garbage(tmp_path: Path) -> None:
    (job,) = [job for job in make_others(tmp_path) if job.name == "pairs"]
    find_kind(job).prepare(UnitsHere())
    assert list_prepared(tmp_path / "store") != []
    assert find_garbage(Store(str(tmp_path / "store")), 0) == []


def test_what_earlier_programs_left_beside_complete_tables_is_found(tmp_path: Path) -> None:
    jobs = make_others(tmp_path)
    folder, other = tmp_path / "store" / jobs[0].folder().path, tmp_path / "store" / "tables" / "select-0"
    left = [
        "decision/a.parquet",
        "shares/00001.parquet",
        "receipts/decided-00001.json",
        "receipts/share-2-3-00001.json",
    ]
    for place in (folder, other):
        for path in left:
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text("{}")
    garbage = {each.path for each in find_garbage(Store(str(tmp_path / "store")), 0)}
    assert garbage == {f"{jobs[0].folder().path}/{path}" for path in ("decision", "shares", *left[2:])}


def make_others(folder: Path) -> list[TableJob]:
    """The jobs of a plan whose first tables are complete."""
    plan = make(folder, MANY, str(folder / "store"))
    for job in plan.jobs[:3]:
        make_table(job)
    return list(plan.jobs)


@pytest.mark.parametrize("name", ["kept", "pairs"])
def test_a_build_goes_on_where_another_completes_the_table_in_its_midst(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (job,) = [job for job in make_others(tmp_path) if job.name == name]
    kind = find_kind(job)
    prepare(job, UnitsHere())
    partitions = kind.list_pending()
    run_partition(job, partitions[0], NOBODY)
    manifest = make_table(job)
    assert list_prepared(tmp_path / "store") == []
    run_partition(job, partitions[1], NOBODY)  # which another process has begun
    prepare(job, UnitsHere())
    assert list_prepared(tmp_path / "store") == []
    assert job.folder().read_manifest() == manifest
    unknown: Any = replace(job, fingerprint="e" * 24)
    with pytest.raises(Exception, match="is missing"):
        run_partition(unknown, partitions[1], NOBODY)


@pytest.mark.parametrize("moment", [*range(12), *range(15, 70, 5)])
@pytest.mark.parametrize("is_refused", [False, True])
def test_another_build_may_complete_a_table_while_it_is_prepared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int, is_refused: bool
) -> None:
    """At any moment the other one has completed all tables, and removed what they were prepared with."""
    path, store = tmp_path / "r.yaml", str(tmp_path / "store")
    expected = list_files(materialize(make(tmp_path, MANY), Backwards()))
    plan = make(tmp_path, MANY, store)
    left, before = [moment], TableFolder.commit

    def commit(self: TableFolder, unit: str, receipt: PartitionCommit) -> None:
        if self.path.endswith("/preparation") and left:
            left[0] -= 1
            if left[0] < 0:
                left.clear()
                materialize(make_plan(str(path), None, store), Backwards())
                if is_refused:  # the folder was removed between its making and the file's
                    raise StoreError(f"{self.path}/receipts/{unit}.json: cannot be written (No such file or directory)")
        before(self, unit, receipt)

    with monkeypatch.context() as patch:
        patch.setattr(TableFolder, "commit", commit)
        assert list_files(materialize(plan, Backwards())) == expected
    assert not left or moment > 10, "nothing was prepared"
