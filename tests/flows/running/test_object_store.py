"""Builds on an object store: what one process has written, every other one sees, whatever it looked at before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from catalog.sources import find_sources
from catalog.storage import Store
from catalog.store_format import mark_format
from flows.planning.plan import Plan, make_plan
from flows.running.complete import complete_table
from flows.running.kinds import find_kind
from flows.running.run_plan import materialize
from tests.command import ROOT
from tests.objectstore import SERVERS, s3

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
tables:
  generations: {task: import, files: ["${data}/*.jsonl"], set: set, question: q, answer: a, model: m, text: t}
  steps: {task: split, from: generations}
  mistakes: {task: deduplicate, from: steps, scope: problem}
  release: {task: release, from: mistakes, splits: {all: 1}}
"""
OTHER = """
import sys
from flows.planning.plan import make_plan
from flows.running.kinds import find_kind, run_partition
from flows.running.watcher import NOBODY

recipe, data, store, table = sys.argv[1:]
(job,) = [job for job in make_plan(recipe, data, store).jobs if job.name == table]
if find_kind(job).prepares:
    find_kind(job).prepare()
for partition in find_kind(job).list_pending():
    run_partition(job, partition, NOBODY)
"""
"""Another process, which makes the partitions of a table and leaves its end to others."""


@pytest.fixture(scope="module", params=list(SERVERS))
def bucket(request: pytest.FixtureRequest) -> Iterator[str]:
    with s3("shelf", request.param) as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        fsspec.get_filesystem_class("s3").clear_instance_cache()
        yield "s3://shelf"
        fsspec.get_filesystem_class("s3").clear_instance_cache()


def put_rows(data: str, name: str, rows: int) -> None:
    """Put a file of rows there, as another program would: by a file system that nobody else holds."""
    lines = [
        json.dumps({"set": "s", "q": f"Question {name} {i}?", "a": "3", "m": "m", "t": f"Step {i}.\nIt is 3."}) + "\n"
        for i in range(rows)
    ]
    fs = fsspec.filesystem("s3", skip_instance_cache=True)
    fs.pipe_file(f"{data.removeprefix('s3://')}/{name}.jsonl", "".join(lines).encode())


def make(folder: Path, bucket: str, rows: int = 5) -> Plan:
    recipe, data = folder / "r.yaml", f"{bucket}/{folder.name}/data"
    recipe.write_text(RECIPE)
    for name in "abc":
        put_rows(data, name, rows)
    return make_plan(str(recipe), data, f"{bucket}/{folder.name}/store")


def look_at(store: Store, folder: str) -> None:
    """Look at all there is, as a process does that keeps what it sees."""
    for path in ("", "tables", folder, f"{folder}/parts", f"{folder}/receipts", f"{folder}/receipts/00000.json"):
        store.names(path)
        store.exists(path)
    store.fs.find(store.full(""))


@pytest.mark.build
def test_a_process_sees_what_another_has_written(bucket: str, tmp_path: Path) -> None:
    plan = make(tmp_path, bucket)
    recipe, data = str(tmp_path / "r.yaml"), f"{bucket}/{tmp_path.name}/data"
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    for job in plan.jobs[:-1]:
        store, kind = Store(job.store), find_kind(job)
        assert len(kind.list_pending()) == len(kind.partitions)
        look_at(store, kind.folder.path)
        mark_format(store)
        command = [sys.executable, "-c", OTHER, recipe, data, job.store, job.name]
        subprocess.run(command, env=environment, check=True, timeout=240)
        assert kind.list_pending() == []
        assert store.exists(f"{kind.folder.path}/receipts/00000.json")
        assert complete_table(job).receipt.rows_in == 15
        assert len(store.names(f"{kind.folder.path}/receipts")) >= len(kind.partitions)


@pytest.mark.build
def test_a_file_that_came_after_a_look_is_a_source(bucket: str, tmp_path: Path) -> None:
    data = f"{bucket}/{tmp_path.name}/data"
    for number, name in enumerate("abc", 1):
        put_rows(data, name, 2)
        assert len(find_sources(f"{data}/*.jsonl", "*.jsonl")) == number
        assert len(find_sources(data, "data")) == number


@pytest.mark.build
def test_a_build_whose_partitions_are_made_in_processes_ends(
    bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flows.running.process_pool.ROWS", 1)
    plan = materialize(make(tmp_path, bucket))
    assert [plan.done[job.name].receipt.rows_kept() for job in plan.jobs[:-1]] == [15, 15, 15]
