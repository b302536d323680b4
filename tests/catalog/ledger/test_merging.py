"""Merging: beside readers and writers, killed half-way, twice at once."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalog.ledger import Ledger, merging, segments
from catalog.ledger.segments import SMALL, Segment
from catalog.storage import Store
from tests.catalog.ledger.rows import answer, request
from tests.command import ROOT


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "file" else f"memory://{uuid.uuid4().hex}/store")


def fill(store: Store, questions: range, count: int = 50) -> None:
    with Ledger(store).writer("corpus", "table", count=count, seconds=1e6) as writer:
        for i in questions:
            writer.append(request(i), answer(request(i)))


def rows(ledger: Ledger) -> list[tuple[object, ...]]:
    """All rows of all segments."""
    tables = [segments.read_segment(ledger.store, segment, segments.SCHEMA.names) for segment in ledger._segments]
    return sorted(tuple(row.values()) for table in tables for row in table.to_pylist())


def test_a_merge_changes_no_row_and_leaves_few_files(store: Store) -> None:
    fill(store, range(3000))
    ledger = Ledger(store)
    before, spent = rows(ledger), ledger.spent()
    assert ledger.compact() == 59
    assert rows(ledger) == rows(Ledger(store)) == before
    assert Ledger(store).spent() == spent
    assert len(store.names("ledger")) == 1
    assert ledger.compact() == 0


def test_a_merge_of_much_is_cut_into_segments_that_follow_each_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "ROWS", 700)
    monkeypatch.setattr(merging, "SMALL", 100)
    fill(store, range(3000))
    ledger = Ledger(store)
    before = rows(ledger)
    ledger.compact()
    parts = sorted(ledger._segments, key=lambda value: value.low)
    assert len({part.stem for part in parts}) == 1
    assert [part.rows for part in parts] == [700, 700, 700, 700, 200]
    assert all(item.high < other.low for item, other in pairwise(parts))
    assert rows(ledger) == before


def test_a_writer_that_ends_merges_when_there_is_much(store: Store) -> None:
    fill(store, range(64), count=1)
    assert len(store.names("ledger")) == 1
    assert len(Ledger(store).find([request(i) for i in range(64)])) == 64


def test_a_writer_at_work_merges_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("catalog.ledger.writer.SEGMENTS", 70)
    store = Store(str(tmp_path))
    with Ledger(store).writer("corpus", "table", count=1, seconds=0.2) as writer:
        for i in range(80):
            writer.append(request(i), answer(request(i)))
        until = time.monotonic() + 120
        while len(store.names("ledger")) > 20:
            assert time.monotonic() < until
            time.sleep(0.02)


@given(st.lists(st.integers(1, 3_000_000), max_size=40))
def test_what_is_due_leaves_merges_that_double(sizes: list[int]) -> None:
    runs = [Segment(f"{i:024x}", 0, 9, size) for i, size in enumerate(sizes)]
    for _ in range(len(sizes) + 1):
        taken = merging.choose_segments(runs)
        if not taken:
            break
        assert len(taken) > 1
        runs = [run for run in runs if run not in taken]
        runs.append(Segment(uuid.uuid4().hex[:24], 0, 9, sum(item.rows for item in taken)))
    left = sorted(run.rows for run in runs)
    assert not merging.choose_segments(runs)
    assert all(more > max(2 * sum(left[:i]), SMALL) for i, more in enumerate(left) if i)


def test_a_merge_that_another_does_is_left_to_it_until_it_is_long_dead(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(store, range(500))
    assert merging._claim(store, merging.CLAIM.format(""), "another")
    assert Ledger(store).compact() == 0
    assert Ledger(store).ignored == []
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + merging.CLAIMED + 60)
    assert Ledger(store).compact() == 9
    assert not store.exists(merging.CLAIM.format(""))


def test_two_merges_at_once_lose_and_double_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merging, "_claim", lambda *_: True)
    fill(store, range(1000))
    ledgers = [Ledger(store) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(Ledger.compact, ledgers))
    ledger = Ledger(store)
    assert ledger.spent()[0].requests == 1000
    assert len(ledger.find([request(i) for i in range(1000)])) == 1000
    ledger.compact()
    assert ledger.spent()[0].requests == 1000


def test_a_merge_over_a_segment_that_went_undoes_itself(store: Store) -> None:
    fill(store, range(200))
    ledger = Ledger(store)
    before = store.names("ledger")
    gone = sorted(ledger._segments)[-1]
    data = store.read(gone.path)
    segments.drop(store, gone)
    assert merging.merge(store, merging.Merge(sorted(ledger._segments)), ledger._load) is None
    store.write(gone.path, data)
    assert store.names("ledger") == before


def test_a_reader_whose_segments_are_merged_away_looks_again(store: Store) -> None:
    fill(store, range(500))
    reader = Ledger(store)
    assert len(reader.find([request(i) for i in range(10)])) == 10
    Ledger(store).compact()
    assert len(reader.find([request(i) for i in range(500)])) == 500
    assert len(reader._places) == 1


def test_readers_writers_and_merges_go_on_side_by_side(tmp_path: Path) -> None:
    store, ended = Store(str(tmp_path)), Event()
    fill(store, range(1000), count=20)

    def merge() -> int:
        went = Ledger(store).compact()
        while not ended.is_set():
            went += Ledger(store).compact()
        return went

    def look() -> int:
        ledger, chance, looks = Ledger(store), random.Random(), 0
        while not looks or not ended.is_set():
            some = [request(i) for i in chance.sample(range(1000), 30)]
            ledger.refresh()
            assert set(ledger.find(some)) == {item.id for item in some}
            assert ledger.spent()[0].requests >= 1000
            looks += 1
        return looks

    with ThreadPoolExecutor(4) as threads:
        jobs = [threads.submit(work) for work in (merge, merge, look)]
        try:
            for begin in range(1000, 4000, 500):
                fill(store, range(begin, begin + 500), count=20)
        finally:
            ended.set()
        first, second, looks = (job.result(120) for job in jobs)
        assert first + second > 0 and looks > 0, "which of two merges, nobody knows"
    assert len(Ledger(store).find([request(i) for i in range(4000)])) == 4000
    assert Ledger(store).spent()[0].requests == 4000


MERGE = """
import sys
from catalog.ledger import merging, partitions
from catalog.ledger import Ledger
from catalog.storage import Store

merging.ROWS, merging.SMALL, merging.CLAIMED, partitions.ROWS = 300, 50, 0.0, 900
ledger = Ledger(Store(sys.argv[1]))
print("ready", flush=True)
ledger.compact()
"""


@pytest.mark.kill
def test_a_killed_merge_loses_and_doubles_nothing(tmp_path: Path) -> None:
    chance, store = random.Random(), Store(str(tmp_path))
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    for kill in range(8):
        fill(store, range(kill * 1000, kill * 1000 + 1000), count=20)
        command = [sys.executable, "-c", MERGE, str(tmp_path)]
        with subprocess.Popen(command, env=env, stdout=subprocess.PIPE) as process:
            assert process.stdout
            assert process.stdout.readline() == b"ready\n"
            time.sleep(chance.uniform(0, 0.25))
            process.send_signal(signal.SIGKILL)
        ledger = Ledger(store)
        assert len(ledger.find([request(i) for i in range((kill + 1) * 1000)])) == (kill + 1) * 1000
        assert ledger.spent()[0].requests == (kill + 1) * 1000
    time.sleep(0.01)
    Ledger(store).compact()
    assert Ledger(store).spent()[0].requests == 8000
