"""Mutants of a release's manifest, each met by the verbs that read one."""

from __future__ import annotations

import contextlib
import io
import json
import random
from argparse import Namespace
from collections.abc import Callable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from errata import open_release
from errata.cli import show, text
from errata.compare.difference import compare_releases
from errata.compare.row_fingerprints import find_key

from catalog.publish.publish import read_published
from catalog.storage import Store
from flows.report.build import render_release
from tests.catalog.records.test_fuzz import mutate_bytes
from tests.client.conftest import put, splits

SEED = Path(__file__).parent / "manifest.json"
REGRESSIONS = Path(__file__).parent / "regressions" / "manifests"
VALUES: tuple[Any, ...] = (
    None, True, 0, -1, 1.5, 2**70, float("nan"), float("inf"), "", "x", "\ud800", "\x1b[2J", "../x", "x" * 5000, [], {}, [None], [[]], [{}], {"": None},
    {"x": -1}, [1, 2], [0, 0, 0], ["a", "b"],
)  # fmt: skip


def prepare(folder: Path) -> Callable[[Path, random.Random], str]:
    """A trial of a manifest's mutant, in a store of its own."""
    sound = publish(folder)

    def trial(folder: Path, chance: random.Random) -> str:
        return read(mutate(sound, chance), folder)

    return trial


def publish(folder: Path) -> dict[str, Any]:
    """Publish a release to be mutated; its manifest, with all that one may say."""
    store = str(folder / "store")
    put(store, "tiny", "0.9.0", splits("0.9.0"))
    put(store, "tiny", "0.10.0", splits("0.10.0"))
    manifest = json.loads(_locate(folder).read_text("utf-8")) | json.loads(SEED.read_text("utf-8"))
    return dict(manifest)


def _locate(folder: Path) -> Path:
    return folder / "store" / "releases" / "tiny" / "0.10.0" / "manifest.json"


def read(data: bytes, folder: Path) -> str:
    """Have the verbs read a manifest; what became of it."""
    _locate(folder).write_bytes(data)
    store = str(folder / "store")
    release, before = open_release("tiny@0.10.0", store), open_release("tiny@0.9.0", store)
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        for as_json in (False, True):
            show.show(Namespace(name="tiny@0.10.0", store=store, json=as_json, examples=1))
            show.list_releases(Namespace(store=store, json=as_json))
    release.faults()
    text.format_counts_of_views(release)
    for view in release.views:
        find_key(release, view)
    render_release(release).encode()
    read_published(Store(store), "tiny", "0.10.0")
    compare_releases(before, release)
    return "read"


def mutate(sound: Mapping[str, Any], chance: random.Random) -> bytes:
    """A manifest with some values replaced, taken out or put in, or some bytes changed."""
    if chance.random() < 0.1:
        return mutate_bytes(json.dumps(sound).encode(), chance)
    manifest: Any = deepcopy(dict(sound))
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        mutate_value(manifest, chance)
    return json.dumps(manifest).encode()


def mutate_value(here: Any, chance: random.Random) -> None:
    """Replace, take out or rename one value somewhere in a value of JSON."""
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        if not keys:
            return
        key = chance.choice(keys)
        if isinstance(here[key], dict | list) and here[key] and chance.random() < 0.85:
            here = here[key]
            continue
        way = chance.random()
        if way < 0.25:
            del here[key]
        elif way < 0.35 and isinstance(here, dict):
            here[str(chance.choice(("", "x", "\ud800", "view", "split")))] = here.pop(key)
        else:
            here[key] = deepcopy(chance.choice(VALUES))
        return
