"""Tables of many small files, for the tests of how these are put together."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from catalog import parts, tables
from catalog.tables import PLACES, Manifest
from flows.planning.plan import Plan, TableJob, make_plan
from flows.running import compaction, partitions, run_plan

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
