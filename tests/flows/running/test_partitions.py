"""Units are bundled for Prefect: some thousand rows a run, at least two runs for each processor, files by themselves."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from catalog.parts import ParquetFile
from flows import build
from flows.planning.plan import TableJob
from flows.running import kinds
from flows.running.kinds import find_kind
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import Partition, PartitionBatch
from flows.running.watcher import NOBODY
from tests.flows.running.test_table import make, row


@pytest.fixture
def works(tmp_path: Path) -> tuple[TableJob, ...]:
    return make(tmp_path, [row(str(i)) for i in range(4)], [row("b")]).jobs


def units(*rows: int) -> list[Partition]:
    return [Partition(f"{i:05d}", file=ParquetFile(f"parts/{i}.parquet", some, "")) for i, some in enumerate(rows)]


@pytest.mark.parametrize(
    ("processors", "rows", "names"),
    [
        (2, [4096] * 21, ["00000-00004", "00005-00009", "00010-00014", "00015-00019", "00020"]),
        (16, [4096] * 4, ["00000", "00001", "00002", "00003"]),
        (1, [4096] * 100, [f"{i:05d}-{i + 4:05d}" for i in range(0, 100, 5)]),
        (2, [10, 30_000, 10, 10], ["00000-00001", "00002-00003"]),
        (2, [0, 0], ["00000", "00001"]),
        (2, [], []),
    ],
)
def test_units_in_bundles(
    works: tuple[TableJob, ...], monkeypatch: pytest.MonkeyPatch, processors: int, rows: list[int], names: list[str]
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    results = find_kind(works[1]).batch(units(*rows))
    assert [result.name for result in results] == names
    assert [unit for result in results for unit in result.partitions] == units(*rows)


def test_files_are_by_themselves(works: tuple[TableJob, ...]) -> None:
    results = find_kind(works[0]).batch(find_kind(works[0]).partitions)
    assert [result.name for result in results] == ["00000", "00001"]


@pytest.mark.parametrize(
    ("bytes_each", "names"),
    [
        ([5_000] * 8, ["00000-00001", "00002-00003", "00004-00005", "00006-00007"]),
        ([500_000, 500, 500, 500, 500_000], ["00000", "00001-00003", "00004"]),
        ([0, 5_000, 0, 5_000, 5_000], ["00000", "00001", "00002", "00003", "00004"]),
        ([100, 100], ["00000", "00001"]),
    ],
)
def test_small_files_of_records_are_one_call(
    works: tuple[TableJob, ...], monkeypatch: pytest.MonkeyPatch, bytes_each: list[int], names: list[str]
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    kind = find_kind(works[0])
    (source, *_) = works[0].sources
    files = [Partition(f"{i:05d}", source=replace(source, size=size)) for i, size in enumerate(bytes_each)]
    assert [batch.name for batch in kind.batch(files)] == names


@pytest.mark.parametrize(("run", "done"), [(1, ["00000", "00001"]), (2, ["00001"])])
def test_what_had_ended_is_not_done_again_when_a_bundle_is_tried_again(
    works: tuple[TableJob, ...], monkeypatch: pytest.MonkeyPatch, run: int, done: list[str]
) -> None:
    work, names = works[0], []
    first, second = find_kind(work).partitions
    kinds.run_partition(work, first, NOBODY)
    monkeypatch.setenv("PREFECT__RUNTIME__TASK_RUN__RUN_COUNT", str(run))
    monkeypatch.setattr(PartitionedKind, "run_partition", lambda _, unit, __: names.append(unit.name))
    build._retry_batch(work, PartitionBatch([first, replace(second)]), None, None)
    assert names == done
