"""Small files put together: the same rows, fewer files, whatever happens meanwhile."""

from __future__ import annotations

import itertools
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import parts, tables
from catalog.garbage import find_garbage, remove
from catalog.parts import BaseRows, ParquetFile
from catalog.storage import Store
from catalog.store_format import mark_format
from catalog.tables import PLACES, Manifest, PartitionCommit, TableFolder
from flows.gates.schema_drift import check_columns
from flows.planning.plan import Plan, TableJob, make_plan
from flows.running import compaction, partitions, run_plan
from flows.running.compaction import compact_parts, group_files
from flows.running.complete import complete_table
from flows.running.kinds import find_kind, run_partition
from flows.running.run_plan import materialize
from flows.running.watcher import NOBODY, Watcher
from tests.flows.running.executors import Backwards, UnitsHere, make_table

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: "*.jsonl", set: set, question: q, answer: a, model: m, text: t}
  steps: {task: split, from: generations}
  verified: {task: verify, from: steps}
  wrong: {task: select, from: verified, where: "verdict = 'wrong'"}
  odd: {task: select, from: [wrong, verified], where: "text not like '%Box 1%'"}
  every: {task: select, from: [wrong, verified], where: "length(text) > 0"}
  pairs: {task: preference, from: verified}
  release: {task: release, from: wrong, splits: {all: 1}}
"""
FILES = 7
EMPTY = Manifest("", "", "", {}, [], [], PartitionCommit(0))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of more than two files have many; some rows are many units."""
    use_small(monkeypatch)


def use_small(monkeypatch: pytest.MonkeyPatch, many: int = 2, size: int = 20_000, group: int = 8) -> None:
    for module in (tables, compaction, run_plan):
        monkeypatch.setattr(module, "MANY", many)
    monkeypatch.setattr(compaction, "PART_BYTES", size)
    for module in (parts, partitions):
        monkeypatch.setattr(module, "GROUP_ROWS", group)
    monkeypatch.setattr(parts, "WHOLE_BYTES", 3_000)


def write(folder: Path, values: Sequence[Sequence[int]]) -> None:
    """A file of solutions for each sequence; -1 is a row without an answer, equal numbers are equal rows."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "r.yaml").write_text(RECIPE)
    for number, some in enumerate(values):
        rows = [
            {"set": "s", "q": f"How many are {value % 5}?", "a": None if value < 0 else "7", "m": "m"}
            | {"t": f"Box {value} has {value * value}.\nSo it is {7 + value % 3}."}
            for value in some
        ]
        (folder / f"{number:03d}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def make(folder: Path, store: str = "store") -> Plan:
    return make_plan(str(folder / "r.yaml"), None, str(folder / store))


def sample() -> list[list[int]]:
    """Rows of which some repeat, some are unreadable, and some files have neither."""
    return [
        [(17 * number + at) % 90 if at % 9 else -1 - number for at in range(21 - number)] for number in range(FILES)
    ]


def read(job: TableJob, manifest: Manifest, place: str) -> list[dict[str, Any]]:
    files = manifest.receipt.parts if place == "parts" else manifest.receipt.rejected
    return [row for file in files for row in job.folder().read(file).to_dicts()]


def list_rows(plan: Plan) -> dict[tuple[str, str], list[dict[str, Any]]]:
    return {(job.name, place): read(job, plan.done[job.name], place) for job in plan.jobs[:-1] for place in PLACES}


def list_files(job: TableJob) -> dict[str, bytes]:
    folder = job.folder()
    root = Path(folder.store.full(folder.path))
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def list_lasting_files(job: TableJob) -> dict[str, bytes]:
    """But for receipts, which may stay where they were."""
    return {path: data for path, data in list_files(job).items() if not path.startswith("receipts")}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(st.lists(st.integers(-1, 30), min_size=1, max_size=12), min_size=1, max_size=6),
    size=st.sampled_from([1, 2_000, 5_000, 10**6]),
    group=st.integers(1, 9),
)
def test_a_table_has_the_same_rows_however_its_files_are_put_together(
    tmp_path_factory: pytest.TempPathFactory, values: list[list[int]], size: int, group: int
) -> None:
    folder = tmp_path_factory.mktemp("c")
    write(folder, [*values, [3, 4]])
    with pytest.MonkeyPatch.context() as patch:
        use_small(patch, many=10**6, group=group)
        expected = list_rows(materialize(make(folder, "apart"), Backwards()))
    with pytest.MonkeyPatch.context() as patch:
        use_small(patch, size=size, group=group)
        plan = materialize(make(folder), Backwards(), units=UnitsHere())
        assert list_rows(plan) == expected
        assert find_garbage(Store(plan.store), 0) == []


def test_a_large_table_has_few_files_and_what_they_were_is_gone(tmp_path: Path) -> None:
    write(tmp_path, sample())
    units = UnitsHere()
    plan = materialize(make(tmp_path), Backwards(), units=units)
    for job in plan.jobs[:-1]:
        paths = {path for path in list_files(job) if path.startswith(("parts/", "rejected/"))}
        receipt = plan.done[job.name].receipt
        assert paths == {file.path for file in (*receipt.parts, *receipt.rejected)}, job.name
        assert len(paths) <= 6 and (job.name == "pairs" or any("compacted-" in path for path in paths)), job.name
        assert check_columns(job, plan.done[job.name]).passed
        assert job.folder().read_manifest() == plan.done[job.name]
    assert any("verified, compacted-parts-" in name for name in units.names), "other processes put them together"
    (verified,) = [job for job in plan.jobs if job.name == "verified"]
    files = plan.done["verified"].receipt.parts
    assert len(files) > 4 and len({file.path for file in files}) < len(files), "each unit's rows are a part of a file"
    assert all(file.base and file.base.first == file.first for file in files)
    assert len(plan.done["generations"].receipt.parts) <= 2, (
        "rows of no other part are one part, whichever units wrote them"
    )
    # a unit names of a large file the row groups that it looks at
    (piece, *_) = files[3].cut(1)
    assert len([group for group in piece.groups if group.digest]) <= 2
    assert verified.folder().read(piece).equals(verified.folder().read(files[3])[: piece.rows])


def test_rows_that_repeat_across_units_are_rejected_before_files_are_put_together(tmp_path: Path) -> None:
    write(tmp_path, [[1, 2, 3], [2, 4], [5, 1], [6]])
    plan = materialize(make(tmp_path), Backwards())
    jobs = {job.name: job for job in plan.jobs}
    job = jobs["generations"]
    texts = [row["text"].split()[1] for row in read(job, plan.done["generations"], "parts")]
    assert texts == ["1", "2", "3", "4", "5", "6"]
    rejected = read(job, plan.done["generations"], "rejected")
    assert [row["reason"] for row in rejected] == ["duplicate id"] * 2
    assert not any("unique" in path or "repeats" in path for path in list_files(job))
    for name, numbers in (("odd", "23456"), ("every", "123456")):
        job, manifest = jobs[name], plan.done[name]
        wrong = [number for number in numbers if int(number) % 3]
        texts = [row["text"].split()[1] for row in read(job, manifest, "parts")]
        assert texts == wrong + [number for number in numbers if number not in wrong]
        reasons = Counter(row["reason"] for row in read(job, manifest, "rejected"))
        assert reasons["duplicate id"] == len(wrong) and manifest.receipt.rows_rejected() == reasons.total()
        assert not [path for path in list_files(job) if "unique" in path]


class Killed(BaseException):
    """The process is no more."""


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

    def die(*_: Any) -> None:
        raise Killed

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

    def die(*_: Any) -> None:
        raise Killed

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
    measure, others = Store.measure, list[Manifest]()
    write_part = TableFolder.write_part

    def complete_first() -> None:
        if not others:
            others.append(EMPTY)
            others[:] = [complete_table(job)]

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


def test_columns_that_some_units_changed_and_others_did_not_are_those_that_they_were(tmp_path: Path) -> None:
    """Each file says for itself which columns it shares; together they have those that any of them holds."""
    write(tmp_path, [[1, 2, 3, 4, 5, 6]])
    plan = materialize(make(tmp_path), Backwards())
    steps, verified = (next(job for job in plan.jobs if job.name == name) for name in ("steps", "verified"))
    below = plan.done["steps"].receipt.parts[0]
    rows = steps.folder().read(below)
    before = verified.folder().read(plan.done["verified"].receipt.parts[0])
    table, folder = steps.folder().name, verified.folder()
    made = [
        before[0:2], before[2:4].with_columns(text=pl.lit("changed")), before[4:6][[1]], before[0:6][[0, 5]],
    ]  # fmt: skip
    pieces = [below.slice(0, 2), below.slice(2, 2), below.slice(4, 2), below.slice(0, 6)]
    files = []
    for number, (piece, of) in enumerate(zip(pieces, made)):
        own, base = parts.share_columns(piece, table, rows[piece.first : piece.first + piece.rows], "solution_id", of)
        assert base is not None
        files.append(folder.write(f"parts/{number}.parquet", own, base))
    assert [file.base.selected for file in files if file.base] == [False, False, True, True]
    compacted = compact_parts(verified, files, "compacted-parts-0-00000", NOBODY)
    assert {file.path for file in compacted} == {"parts/compacted-00000.parquet"}
    for file, of in zip(compacted, made):
        assert folder.read(file).equals(of) and folder.read(file, ["text", "verdict"]).equals(
            of.select("text", "verdict")
        )
        assert ParquetFile.of(json.loads(json.dumps(file.as_json()))) == file
        (last,) = file.slice(file.rows - 1, 1).cut(1)
        assert folder.read(last).equals(of[-1:])


@pytest.mark.parametrize(
    ("sizes", "groups"),
    [
        ([10, 10, 10], [[0, 1, 2]]), ([60, 60, 60], [[0, 1], [2]]), ([10, 100, 10, 10], [[0], [1], [2, 3]]), ([], []),
        ([99, 99, 1, 100], [[0, 1], [2], [3]]),
    ],
)  # fmt: skip
def test_files_are_put_together_by_bytes(
    monkeypatch: pytest.MonkeyPatch, sizes: list[int], groups: list[list[int]]
) -> None:
    monkeypatch.setattr(compaction, "PART_BYTES", 100)
    files = [ParquetFile(f"parts/{number}.parquet", 1, "") for number in range(len(sizes))]
    grouped = group_files("t-0", files, {f"{number}.parquet": size for number, size in enumerate(sizes)})
    assert grouped == [[files[number] for number in group] for group in groups]


def test_files_that_share_columns_are_not_put_together_with_others() -> None:
    whole = [ParquetFile(f"parts/{number}.parquet", 1, "") for number in range(2)]
    thin = [replace(file, base=BaseRows("s-0", whole[0], ("text",), ("id", "text"), selected=False)) for file in whole]
    # one that says which rows of an earlier file of its table are kept is as that file is
    unique = [
        replace(file, base=BaseRows("t-0", of, ("text",), ("id", "text"), selected=True))
        for file, of in zip(whole, (whole[0], thin[0]))
    ]
    files = [whole[0], unique[0], whole[1], thin[0], unique[1], thin[1], whole[0]]
    assert group_files("t-0", files, {}) == [files[:3], files[3:6], files[6:]]


def test_who_watches_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int]] = []

    class Listener(Watcher):
        def compacts(self, table: str, files: int) -> None:
            told.append((table, files))

    write(tmp_path, sample())
    materialize(make(tmp_path), Backwards(), watcher=Listener())
    assert ("verified", told[2][1]) in told and all(files > 2 for _, files in told)
