"""Stores of strangers: a file of a small one is damaged, its checksum put right, and the verbs that open such a store read it."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import errata
from errata.cli import command

from flows.planning.plan import make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
from flows.viewing.database import ViewError
from flows.viewing.rows import ViewedRows
from flows.viewing.server import Viewer
from tests.campaign.inputs import make_parquet
from tests.campaign.manifests import mutate_value
from tests.catalog.records.test_fuzz import mutate_bytes
from tests.client.cli.test_terminal import Terminal, harmless

RECIPE = """\
corpus: strange
version: 0.1.0
title: T
license: Apache-2.0
seed: 1
models: {pupil: {engine: world, skill: {slips: 0.6}}}
tables:
  problems: {task: world, count: 6}
  solutions: {task: generate, from: problems, models: [pupil], prompt: abacus-solve}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  located: {task: locate, from: verified}
  typed: {task: classify, from: located, taxonomy: abacus}
  release: {task: release, from: typed, splits: {train: 0.5, test: 0.5}}
"""
RELEASE = Path("releases", "strange", "0.1.0")


def prepare(folder: Path) -> Callable[[Path, random.Random], str]:
    """A trial of a store in which one file is another."""
    store, sound = folder / "store", folder / "sound"
    (folder / "r.yaml").write_text(RECIPE)
    publish_release(materialize(make_plan(str(folder / "r.yaml"), None, str(store))))
    row = str(errata.load("strange", store=str(store), form="arrow").to_pylist()[0]["solution_id"])
    shutil.copytree(store, sound)
    assert read(folder, store, row) == "read"  # what is imported for it takes longer than a mutant may

    def trial(folder: Path, chance: random.Random) -> str:
        shutil.rmtree(store)
        shutil.copytree(sound, store)
        files = sorted(path.relative_to(store) for path in store.rglob("*") if path.is_file())
        kinds = sorted({_name_kind(file) for file in files})
        kind = chance.choice(kinds)  # there are many more parts than reports
        file = chance.choice([file for file in files if _name_kind(file) == kind])
        damage(store, file, chance)
        return read(folder, store, row)

    return trial


def _name_kind(file: Path) -> str:
    """What a file of a store is, whatever its release or table."""
    return f"{file.parts[0]} {file.name if file.suffix == '.json' else file.suffix or file.name[:4]}"


def damage(store: Path, file: Path, chance: random.Random) -> None:
    """Damage a file; where it is of a release, its manifest says so, as a stranger's would."""
    data = (store / file).read_bytes()
    if file.suffix == ".json" and chance.random() < 0.85:
        value = json.loads(data)
        mutate_value(value, chance)
        data = json.dumps(value).encode()
    elif file.suffix == ".parquet" and chance.random() < 0.3:
        data = make_parquet(chance)
    else:
        data = mutate_bytes(data, chance)
    (store / file).write_bytes(data)
    if file.is_relative_to(RELEASE) and file.name != "manifest.json":
        manifest = json.loads((store / RELEASE / "manifest.json").read_bytes())
        for entry in manifest["files"]:
            if entry["path"] == str(file.relative_to(RELEASE)):
                entry |= {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        (store / RELEASE / "manifest.json").write_text(json.dumps(manifest))


def read(folder: Path, store: Path, row: str) -> str:
    """Have the verbs read a store; what became of it. What nobody foresaw is thrown."""
    page = folder / "page.html"
    verbs = [
        ["list"], ["show", "strange", "--examples", "1"], ["load", "strange", "--format", "jsonl"], ["verify", "strange"],
        ["report", "strange", "--output", str(page)], ["trace", "strange", row], ["trace", "strange", "--model", "world"], ["ledger"],
        ["plan", str(folder / "r.yaml")],
    ]  # fmt: skip
    terminal, pipe = Terminal(), io.TextIOWrapper(io.BytesIO(), "utf-8", errors="replace")
    with _raising_bugs():
        with contextlib.redirect_stdout(terminal), contextlib.redirect_stderr(terminal):
            codes = [command.main([*verb, "--store", str(store)]) for verb in verbs]
        with contextlib.redirect_stdout(pipe), contextlib.redirect_stderr(pipe):
            codes.append(command.main(["browse", f"{folder / 'r.yaml'}:typed", "--limit", "2", "--store", str(store)]))
        view(store)
    if not harmless(terminal.shown):
        raise AssertionError(f"control characters: {terminal.shown!r}")
    return "refused by some" if any(codes) else "read"


def view(store: Path) -> None:
    """Look at a release as `errata view` does."""
    with contextlib.suppress(errata.ErrataError, ViewError):
        release = errata.open_release("strange", str(store))
        with contextlib.closing(ViewedRows(release)) as rows, Viewer(release, rows) as viewer:
            viewer.render_rows(rows.find({})[1])
            viewer.render_rows(rows.find({}, "is")[1])


@contextlib.contextmanager
def _raising_bugs() -> Iterator[None]:
    def throw(error: BaseException, _: str) -> Any:
        raise error

    with mock.patch.object(command, "report_bug", throw):
        yield
