"""Builds over an object store that misbehaves: nothing is lost, nothing is half visible, and the release is the same bytes."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import errata
import fsspec
import pyarrow.parquet as pq
import pytest

from catalog import tags
from catalog.storage import Store, StoreError
from flows.build import may_pass
from flows.gates.check import watch_gates
from flows.planning.plan import Plan, make_plan
from flows.publishing.publish import publish_release
from flows.running.run_plan import materialize
from flows.running.watcher import NOBODY
from schemas.request import EngineError
from tests.faulty_store import FaultyStore, misbehave
from tests.objectstore import SERVERS, s3

SEEDS = [int(seed) for seed in os.environ.get("ERRATA_STORE_SEEDS", "1,2").split(",")]
ATTEMPTS = 30
RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models: {small: {engine: abacus}}
tables:
  problems: {task: world, count: 12, level: 1}
  solutions: {task: generate, from: problems, models: [small], prompt: abacus-solve, sampling: [{samples: 2}], max_tokens: 200}
  verified: {task: verify, from: solutions}
  release: {task: release, from: verified, splits: {all: 1}}
"""


@contextmanager
def serve(server: str, faults: FaultyStore | None = None) -> Iterator[None]:
    """Environment in which `s3://shelf` is a server's, behind a proxy that misbehaves."""
    with s3("shelf", server) as environment, pytest.MonkeyPatch.context() as patch:
        kind = fsspec.get_filesystem_class("s3")
        faults = faults or FaultyStore("")
        faults.server = environment["AWS_ENDPOINT_URL"].removeprefix("http://")
        with misbehave(faults) as url:
            for name, value in (environment | {"AWS_ENDPOINT_URL": url, "AWS_MAX_ATTEMPTS": "3"}).items():
                patch.setenv(name, value)
            kind.clear_instance_cache()
            yield
            kind.clear_instance_cache()


def build(recipe: Path, store: str) -> Plan:
    """Build and publish, as often as it takes."""
    for _ in range(ATTEMPTS):
        try:
            plan = materialize(make_plan(str(recipe), None, store))
            publish_release(plan, watch_gates(plan, NOBODY))
            return make_plan(str(recipe), None, store)
        except (StoreError, EngineError, errata.ErrataError):
            time.sleep(0.05)
    raise AssertionError("no build came through")


def list_data(plan: Plan) -> dict[str, str]:
    assert plan.published is not None
    return {file["path"]: file["sha256"] for file in plan.published["files"] if file["path"].endswith(".parquet")}


def read_ledger(store: str) -> list[str]:
    """The request of each completion that is kept."""
    shelf = Store(store)
    names = [name for name in shelf.names("ledger") if name.endswith(".parquet")]
    tables = [pq.read_table(io.BytesIO(shelf.read(f"ledger/{name}"))) for name in names]
    return [str(each) for table in tables for each in table["place"].to_pylist()]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recipe") / "r.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def sound(recipe: Path) -> dict[str, str]:
    """The data of the release as a sound store has it."""
    return list_data(build(recipe, str(recipe.parent / "store")))


@pytest.mark.slow
@pytest.mark.build
@pytest.mark.parametrize("server", list(SERVERS))
@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_is_lost_where_requests_go_wrong(
    server: str, seed: int, recipe: Path, sound: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path))
    faults = FaultyStore("", seed, share=0.1, lag=0.5)
    with serve(server, faults):
        plan = build(recipe, "s3://shelf/store")
        assert [plan.done[name].receipt.rows_kept() for name in ("problems", "solutions", "verified")] == [12, 24, 24]
        tag_until_done("s3://shelf/store")
        faults.share = faults.lag = 0.0
        assert list_data(plan) == sound
        release = errata.open_release("t@best", "s3://shelf/store")
        assert release.name == "t@0.1.0" and not release.faults()
        assert errata.load("t@best", store="s3://shelf/store").num_rows == 24
        requests = read_ledger("s3://shelf/store")
        assert len(requests) == len(set(requests)) == 24
        left = [name for name in Store("s3://shelf/store").names("releases/t/0.1.0") if "tmp" in name]
        assert not left
    assert sum(faults.done.values()) > 10 and len(faults.done) >= 4, faults.done


def tag_until_done(store: str) -> None:
    """Tag it: an event, which must not be there twice."""
    for _ in range(ATTEMPTS):
        try:
            tags.tag(Store(store), "t", "best", "0.1.0", "it is")
            return
        except (StoreError, errata.ErrataError):
            time.sleep(0.05)
    raise AssertionError("no tag came through")


@pytest.mark.build
def test_whose_reply_is_lost_has_created_it_all_the_same() -> None:
    """The client asks again, and is told that the object, its own, is there."""
    faults = FaultyStore("")
    with serve("moto", faults):
        store = Store("s3://shelf/store")
        lost = iter(["lost after"])
        faults.choose = lambda verb, conditional: next(lost, None) if conditional else None  # type: ignore[method-assign]
        assert store.create("a", b"mine")
        assert not store.create("a", b"another's")
        assert store.read("a") == b"mine"


@pytest.mark.build
def test_what_is_created_by_several_at_once_is_asked_for_again() -> None:
    faults = FaultyStore("")
    with serve("moto", faults):
        store = Store("s3://shelf/store")
        refused = iter(["conflict"] * 2)
        faults.choose = lambda verb, conditional: next(refused, None) if conditional else None  # type: ignore[method-assign]
        assert store.create("a", b"mine") and store.read("a") == b"mine"


@pytest.mark.build
def test_a_half_of_an_object_is_never_seen() -> None:
    faults = FaultyStore("")
    with serve("moto", faults):
        store = Store("s3://shelf/store")
        store.write("a", b"before")
        faults.choose = lambda verb, conditional: "half body" if verb == "PUT" else None  # type: ignore[method-assign]
        with pytest.raises(StoreError, match=r"store/a: cannot be written \(.*\); free it") as raised:
            store.write("a", b"x" * 100_000)
        assert may_pass(raised.value)
        assert store.read("a") == b"before"


@pytest.mark.build
@pytest.mark.parametrize("fault", ["throttled", "failed", "lost before", "half answer"])
def test_a_store_that_never_answers_is_an_error_that_passes(fault: str) -> None:
    faults = FaultyStore("")
    with serve("moto", faults):
        store = Store("s3://shelf/store")
        store.write("a", b"before")
        faults.choose = lambda verb, conditional: fault  # type: ignore[method-assign]
        with pytest.raises(StoreError, match=r"s3://shelf/store/a: cannot be read \(.+\); check --store") as raised:
            store.read("a")
        assert may_pass(raised.value)
