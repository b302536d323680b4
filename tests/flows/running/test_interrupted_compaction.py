"""Small files put together by a build that is killed meanwhile, or beside another: the same table, and nothing is left that nobody finds."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path
from typing import Any

import pytest

from catalog.garbage import find_garbage, remove
from catalog.parts import ParquetFile
from catalog.storage import Store
from catalog.store_format import mark_format
from catalog.tables import Manifest, TableFolder
from flows.running import compaction
from flows.running.complete import complete_table
from flows.running.kinds import find_kind, run_partition
from flows.running.run_plan import materialize
from flows.running.watcher import NOBODY
from tests.flows.running.executors import Backwards, make_table
from tests.flows.running.many_files import list_lasting_files, list_rows, make, read, sample, use_small, write


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of more than two files have many; some rows are many units."""
    use_small(monkeypatch)


class Killed(BaseException):
    """The process is no more."""


def die(*_: Any) -> None:
    raise Killed


def test_a_build_killed_while_files_are_put_together_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compaction, "PART_BYTES", 4_000)
    write(tmp_path, sample())
    expected = materialize(make(tmp_path, "other"), Backwards()).done["verified"]
    plan = make(tmp_path)
    for job in plan.jobs[:2]:
        make_table(job)
    job = plan.jobs[2]
    for partition in find_kind(job).partitions:
        run_partition(job, partition, NOBODY)
    written: list[str] = []
    write_part = TableFolder.write_part

    def count(self: TableFolder, path: str, *rest: Any) -> ParquetFile:
        if "compacted-" in path:
            if len(written) == 1:
                raise Killed
            written.append(path)
        return write_part(self, path, *rest)

    with monkeypatch.context() as patch:
        patch.setattr(TableFolder, "write_part", count)
        with pytest.raises(Killed):
            complete_table(job)
    assert job.folder().read_manifest() is None and find_kind(job).list_pending() == []
    written.append("")  # nobody dies any more
    with monkeypatch.context() as patch:
        patch.setattr(TableFolder, "write_part", count)
        manifest = complete_table(job)
    assert len(written) > 2 and written.count(written[0]) == 1, "what was put together is not put together again"
    assert manifest.receipt == expected.receipt
    assert find_garbage(Store(plan.store), 0) == []


def test_what_an_earlier_program_put_together_otherwise_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compaction, "PART_BYTES", 4_000)
    write(tmp_path, sample())
    expected = list_rows(materialize(make(tmp_path, "other"), Backwards()))
    plan = make(tmp_path)
    for job in plan.jobs[:2]:
        make_table(job)

    with monkeypatch.context() as patch:
        patch.setattr(TableFolder, "complete", die)
        with pytest.raises(Killed):
            make_table(plan.jobs[2])
    monkeypatch.setattr(compaction, "PART_BYTES", 7_000)
    assert list_rows(materialize(make(tmp_path), Backwards())) == expected


@pytest.mark.parametrize("name", ["generations", "verified"])
def test_a_table_is_the_same_at_whatever_moment_of_its_end_the_build_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(compaction, "PART_BYTES", 4_000)
    write(tmp_path, sample())
    plan = make(tmp_path, "begun")
    mark_format(Store(plan.store))
    (number,) = [number for number, job in enumerate(plan.jobs) if job.name == name]
    for job in plan.jobs[:number]:
        make_table(job)
    for partition in find_kind(plan.jobs[number]).partitions:
        run_partition(plan.jobs[number], partition, NOBODY)
    shutil.copytree(tmp_path / "begun", tmp_path / "undisturbed")
    undisturbed = make(tmp_path, "undisturbed").jobs[number]
    expected, rows = complete_table(undisturbed), read(undisturbed, complete_table(undisturbed), "parts")
    moments = 0

    def live(call: Any) -> Any:
        """Before and after each change of the store is a moment at which a build can be killed."""

        def wrapped(*arguments: Any) -> Any:
            pass_moment()
            result = call(*arguments)
            pass_moment()
            return result

        return wrapped

    def pass_moment() -> None:
        nonlocal moments
        moments -= 1
        if moments < 0:
            raise Killed

    for number_of_moments in itertools.count():
        shutil.rmtree(tmp_path / "killed", ignore_errors=True)
        shutil.copytree(tmp_path / "begun", tmp_path / "killed")
        job = make(tmp_path, "killed").jobs[number]
        moments, killed = number_of_moments, False
        with monkeypatch.context() as patch:
            for what in ("write", "create"):
                patch.setattr(Store, what, live(getattr(Store, what)))
            for what in ("_remove", "remove_preparation"):
                patch.setattr(TableFolder, what, live(getattr(TableFolder, what)))
            try:
                complete_table(job)
            except Killed:
                killed = True
        assert complete_table(job) == expected and read(job, expected, "parts") == rows
        list(remove(Store(job.store), find_garbage(Store(job.store), 0)))
        assert list_lasting_files(job) == list_lasting_files(undisturbed)
        if not killed:
            break
    assert number_of_moments > 20


@pytest.mark.parametrize("after", ["complete", "compact_receipts", "remove_unnamed"])
def test_what_a_build_leaves_that_is_killed_when_the_table_is_complete_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: str
) -> None:
    write(tmp_path, sample())
    job = make(tmp_path).jobs[0]

    following = {
        "complete": "compact_receipts",
        "compact_receipts": "remove_unnamed",
        "remove_unnamed": "remove_preparation",
    }
    with monkeypatch.context() as patch:
        patch.setattr(TableFolder, following[after], die)
        with pytest.raises(Killed):
            make_table(job)
    store = Store(job.store)
    manifest = make_table(job)
    rows = read(job, manifest, "parts")
    garbage = find_garbage(store, 0)
    assert ("a file that its table does not name" in {piece.what for piece in garbage}) == (after != "remove_unnamed")
    assert "what a complete table was prepared with" in {piece.what for piece in garbage}
    assert len(list(remove(store, garbage))) == len(garbage)
    assert find_garbage(store, 0) == [] and read(job, manifest, "parts") == rows


def test_nothing_is_garbage_of_a_table_whose_manifest_cannot_be_read(tmp_path: Path) -> None:
    write(tmp_path, sample())
    job = make(tmp_path).jobs[0]
    make_table(job)
    folder = job.folder()
    folder.store.write(f"{folder.path}/manifest.json", b"{}")
    assert find_garbage(folder.store, 0) == []


@pytest.mark.parametrize("when", ["before", "amid"])
def test_a_build_goes_on_where_another_has_put_the_files_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    write(tmp_path, sample())
    job = make(tmp_path).jobs[0]
    for partition in find_kind(job).partitions:
        run_partition(job, partition, NOBODY)
    measure, write_part, begun, others = Store.measure, TableFolder.write_part, list[str](), list[Manifest]()

    def complete_first() -> None:
        if not begun:
            begun.append(when)
            others.append(complete_table(job))

    def measure_late(self: Store, path: str) -> dict[str, int]:
        if when == "before":
            complete_first()
        return measure(self, path)

    def write_late(self: TableFolder, path: str, *rest: Any) -> ParquetFile:
        if when == "amid" and "compacted-" in path:
            complete_first()
        return write_part(self, path, *rest)

    monkeypatch.setattr(Store, "measure", measure_late)
    monkeypatch.setattr(TableFolder, "write_part", write_late)
    manifest = complete_table(job)
    assert manifest == others[0] == job.folder().read_manifest()
    assert find_garbage(job.folder().store, 0) == []
