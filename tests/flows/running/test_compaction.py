"""Small files put together: the same rows, fewer files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from catalog import parts
from catalog.garbage import find_garbage
from catalog.parts import BaseRows, ParquetFile
from catalog.storage import Store
from flows.gates.schema_drift import check_columns
from flows.running import compaction
from flows.running.compaction import compact_files, group_files
from flows.running.run_plan import materialize
from flows.running.watcher import NOBODY, Watcher
from tests.flows.running.executors import Backwards, UnitsHere
from tests.flows.running.many_files import list_files, list_rows, make, read, sample, use_small, write


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables of more than two files have many; some rows are many units."""
    use_small(monkeypatch)


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
    compacted = compact_files(verified, "parts", files, "compacted-parts-0-00000", NOBODY)
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
