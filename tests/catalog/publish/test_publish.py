"""A release appears whole or not at all: on disk, in memory and on S3, whoever publishes beside whom, whoever is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier

import errata
import fsspec
import pytest
from errata import ErrataError
from errata.storage import Storage

from catalog import garbage, tags
from catalog.publish.publish import PublishError
from catalog.storage import Store
from tests.client.conftest import put, row, splits
from tests.objectstore import s3

ROOT = Path(__file__).parents[3]
PUBLISHERS = 16


@pytest.fixture(scope="module")
def bucket() -> Iterator[dict[str, str]]:
    """S3 on loopback."""
    with s3("shelf") as environment:
        yield environment


@pytest.fixture(params=["disk", "memory", pytest.param("s3", marks=pytest.mark.build)])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty store of each kind."""
    if request.param == "disk":
        yield str(tmp_path / "store")
        return
    if request.param == "memory":
        yield "memory://publishing"
        fsspec.filesystem("memory").rm("/publishing", recursive=True)
        return
    for name, value in request.getfixturevalue("bucket").items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
    yield f"s3://shelf/{tmp_path.name}"
    fsspec.get_filesystem_class("s3").clear_instance_cache()


def rows(n: int) -> dict[str, list[dict[str, object]]]:
    return {"train": [row(i, f"publisher{n}") for i in range(3)]}


def test_of_16_publishers_exactly_one_wins(store: str) -> None:
    start = Barrier(PUBLISHERS)

    def publish(n: int) -> str:
        start.wait()
        try:
            put(store, "tiny", "1.0.0", rows(n), mark=f"build{n}")
        except PublishError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(PUBLISHERS) as pool:
        numbers = list(pool.map(publish, range(PUBLISHERS)))
    (winner,) = [n for n, error in enumerate(numbers) if not error]
    for error in filter(None, numbers):
        assert "version 1.0.0 is published with other content" in error or "is publishing this version" in error
    release = errata.open_release("tiny@1.0.0", store)
    assert release.manifest["fingerprint"] == f"build{winner}"
    assert release.faults() == []
    assert errata.load("tiny@1.0.0", store=store).to_pylist() == rows(winner)["train"]
    assert garbage.find_garbage(Store(store), 0) == []


def test_publishers_of_the_same_build_agree(store: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert len({*pool.map(lambda _: put(store, "tiny", "1.0.0", rows(0)), range(4))}) == 1
    assert errata.open_release("tiny@1.0.0", store).faults() == []


def test_a_version_never_changes(store: str) -> None:
    put(store, "tiny", "1.0.0", rows(0), mark="one")
    with pytest.raises(PublishError, match="is published with other content"):
        put(store, "tiny", "1.0.0", rows(1), mark="two")
    assert errata.load("tiny@1.0.0", store=store).to_pylist() == rows(0)["train"]


def test_what_a_stopped_publisher_left_is_found_and_removed(store: str) -> None:
    put(store, "tiny", "1.0.0", splits("1.0.0"))
    tags.tag(Store(store), "tiny", "stable", "1.0.0")
    before = errata.load("tiny", store=store).to_pylist()

    def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put(store, "tiny", "1.1.0", rows(1), stop=killed)
    assert errata.releases(store) == [("tiny", "1.0.0")]
    place, left = Store(store), garbage.find_garbage(Store(store), 0)
    if place.local:
        assert left == []  # only a kill leaves something there: the next test
    else:
        (result,) = left
        assert (result.path, result.what, result.files > 1) == (
            "releases/tiny/1.1.0",
            "a release without manifest",
            True,
        )
        assert garbage.find_garbage(place, 1) == []  # its publisher may be at work
        assert [x.path for x in garbage.find_garbage(place, 1, datetime.now(UTC) + timedelta(hours=2))] == [result.path]
        with pytest.raises(
            PublishError, match="or was killed while it did; wait for it, or remove what it left with: errata gc"
        ):
            put(store, "tiny", "1.1.0", rows(2), mark="other")
        assert [x.path for x in garbage.remove(place, left)] == [result.path]
    assert garbage.find_garbage(place, 0) == []
    assert errata.open_release("tiny@stable", store).faults() == []
    assert errata.load("tiny@1.0.0", store=store).to_pylist() == before
    put(store, "tiny", "1.1.0", rows(2), mark="other")
    assert errata.open_release("tiny@1.1.0", store).faults() == []


@pytest.mark.kill
def test_a_killed_publisher_on_disk_leaves_only_garbage(tmp_path: Path) -> None:
    store = str(tmp_path)
    put(store, "tiny", "1.0.0", splits("1.0.0"))
    code = f"""
import os, signal
from tests.client.conftest import put, splits
put({store!r}, "tiny", "2.0.0", splits("1.0.0"), stop=lambda: os.kill(os.getpid(), signal.SIGKILL))
"""
    path = os.pathsep.join((str(ROOT), str(ROOT / "catalog")))
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, timeout=120)
    assert done.returncode == -signal.SIGKILL
    (tmp_path / "releases" / "tiny" / ".errata-tmp-0123").touch()
    assert errata.releases(store) == [("tiny", "1.0.0")]
    left = garbage.find_garbage(Store(store), 0)
    assert sorted((item.what, item.files) for item in left) == [("a staged release", 1), ("a staged release", 4)]
    assert len(list(garbage.remove(Store(store), left))) == 2
    assert garbage.find_garbage(Store(store), 0) == [] and errata.open_release("tiny@1.0.0", store).faults() == []


def test_what_became_a_release_meanwhile_is_not_removed(tmp_path: Path) -> None:
    put(str(tmp_path), "tiny", "1.0.0", rows(0))
    place = tmp_path / "releases" / "tiny" / "1.0.0"
    manifest = (place / "manifest.json").read_bytes()
    (place / "manifest.json").unlink()
    left = garbage.find_garbage(Store(str(tmp_path)), 0)
    (place / "manifest.json").write_bytes(manifest)
    assert [item.path for item in left] == ["releases/tiny/1.0.0"]
    assert list(garbage.remove(Store(str(tmp_path)), left)) == []
    assert errata.open_release("tiny", str(tmp_path)).faults() == []


def test_tags_set_at_once_come_one_after_the_other(store: str) -> None:
    put(store, "tiny", "1.0.0", rows(0))
    start = Barrier(8)

    def mark(n: int) -> None:
        start.wait()
        tags.tag(Store(store), "tiny", f"run{n}", "1.0.0")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(mark, range(8)))
    state = errata.tag_log.read_state(Storage(store), "tiny")
    assert (state.number, sorted(state.tags)) == (8, [f"run{n}" for n in range(8)])


@pytest.mark.parametrize("fault", ["flipped", "missing", "extra"])
def test_every_fault_is_found(store: str, fault: str) -> None:
    put(store, "tiny", "1.0.0", rows(0))
    release = errata.open_release("tiny", store)
    place, path = Store(store), "releases/tiny/1.0.0/mistakes/train-00000.parquet"
    if fault == "flipped":
        data = bytearray(place.read(path))
        data[len(data) // 2] ^= 1
        place.write(path, bytes(data))
    elif fault == "missing":
        place.fs.rm_file(place.full(path))
    else:
        place.write("releases/tiny/1.0.0/mistakes/train-00001.parquet", b"more")
    (result,) = release.faults()
    assert {"flipped": "its bytes changed", "missing": "is missing", "extra": "is not in the manifest"}[fault] in result
    if fault != "extra":
        with pytest.raises(ErrataError):
            errata.load("tiny", store=store)
