"""A release that is written shard by shard in other processes has the bytes of one that is written in one go."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.publish import shards
from catalog.publish.shards import Shards, plan_shards
from catalog.storage import Store
from flows.planning.plan import make_plan
from flows.publishing import parted_view
from flows.publishing.publish import publish_release
from flows.running import process_pool
from flows.running.run_plan import materialize
from tests.flows.running.executors import Backwards, UnitsHere

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
gates:
  - {measure: rows, table: kept, at_least: 1}
tables:
  generations: {task: import, files: "*.jsonl", set: set, question: q, answer: a, model: m, text: t, sample: s}
  kept: {task: verify, from: generations}
  pairs: {task: view, from: kept, format: prompt-completion}
  release: {task: release, from: [kept, pairs], splits: {train: 0.6, valid: 0.2, test: 0.2}}
"""
ROWS = 90


def publish(folder: Path, units: UnitsHere | None = None) -> dict[str, str]:
    """Build and publish in a folder; the digests of what was released, the manifest's aside."""
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE)
    for name in range(6):
        lines = [
            json.dumps(
                {"set": "ab"[i % 2], "q": f"Question {i}?", "a": "7", "m": "m", "t": f"It is {i % 9}.", "s": name}
            )
            for i in range(ROWS // 6)
        ]
        (folder / f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    plan = materialize(make_plan(str(folder / "r.yaml"), None, str(folder / "store")), Backwards())
    manifest = publish_release(plan, units=units)
    place = folder / "store" / "releases" / "t" / "0.1.0"
    files = {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*") if file.is_file()}
    assert all(hashlib.sha256(files[file["path"]]).hexdigest() == file["sha256"] for file in manifest["files"])
    return {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}


def test_a_release_has_the_same_bytes_whoever_writes_its_shards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "GROUP_ROWS", 7)
    monkeypatch.setattr(shards, "SHARD_ROWS", 20)
    monkeypatch.setattr(parted_view, "ROWS_OF_A_COUNT", 20)
    whole, units = publish(tmp_path / "whole"), UnitsHere()
    monkeypatch.setattr(process_pool, "ROWS_OF_A_RELEASE", 1)
    parted = publish(tmp_path / "parted", units)
    assert parted == whole
    assert sum(path.startswith("kept/train-") for path in whole) > 1
    assert sum(path.startswith("index/kept-") for path in whole) > 1
    assert sum(name.startswith("release, ") for name in units.names) > 8
    assert any(name.startswith("gates of kept") for name in units.names)


@pytest.mark.build
def test_a_large_release_is_written_by_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = publish(tmp_path / "whole")
    monkeypatch.setattr(process_pool, "ROWS_OF_A_RELEASE", 1)
    begun: list[object] = []
    start = process_pool.UnitWorker.__init__

    def note_start(self: process_pool.UnitWorker, threads: int) -> None:
        begun.append(self)
        start(self, threads)

    monkeypatch.setattr(process_pool.UnitWorker, "__init__", note_start)
    assert publish(tmp_path / "parted") == whole
    assert begun


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 12), st.integers(1, 40))
def test_shards_are_planned_as_they_are_written(heights: list[int], group: int, most: int) -> None:
    contract_rows = pl.DataFrame({"n": [0]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shards, "GROUP_ROWS", group)
        patch.setattr(shards, "SHARD_ROWS", most)
        written: list[list[int]] = []

        class Counting:
            def __init__(self, *_: object) -> None:
                self.rows = 0
                written.append([])

            def add(self, frames: list[pl.DataFrame]) -> None:
                rows = sum(frame.height for frame in frames)
                self.rows += rows
                written[-1].append(rows)

            def end(self) -> None:
                pass

        patch.setattr(shards, "Shard", Counting)
        writer = Shards(Store("memory://planned"), "place", "all", contract_rows.to_arrow().schema)
        for height in heights:
            writer.add(pl.DataFrame({"n": [0] * height}, schema={"n": pl.Int64}))
        writer.close()
        planned = plan_shards((at, height) for at, height in enumerate(heights))
    assert [[sum(heights[at] for at in names) for names in groups] for groups in planned] == written
    assert [at for groups in planned for names in groups for at in names] == [i for i, n in enumerate(heights) if n]
