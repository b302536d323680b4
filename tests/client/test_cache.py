"""The cache: downloaded once by any number of processes, whole or not at all, compared with its checksum."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import errata
import pytest
from errata import ErrataError, Unreachable, Unreadable

from tests.client import counted
from tests.client.conftest import flip, splits

ROOT = Path(__file__).parents[2]
ALL = [row for rows in splits("0.10.0").values() for row in rows]
RANKS = 64


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the store notes what is opened."""
    monkeypatch.setenv(counted.LOG, str(tmp_path / "log"))
    return tmp_path / "log"


@pytest.fixture
def far(disk: str, log: Path) -> str:
    """The store behind a file system that counts."""
    return f"counted://{disk}"


def files(cache: str) -> dict[str, str]:
    """The files of releases in the cache, with their SHA-256."""
    paths = [path for path in Path(cache, "files").rglob("*") if path.is_file()]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def rank(code: str, **environment: str) -> subprocess.Popen[str]:
    """A process of a training job."""
    path = os.pathsep.join((str(ROOT), str(ROOT / "catalog")))
    return subprocess.Popen(
        [sys.executable, "-c", f"import tests.client.counted, errata\n{code}"],
        env={**os.environ, "PYTHONPATH": path, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.build
def test_64_ranks_download_each_file_once(far: str, log: Path) -> None:
    code = f"""
import os, sys, time
ranks = []
for _ in range({RANKS}):
    if not (one := os.fork()):
        time.sleep(max(0, {time.time() + 3} - time.time()))  # all at once
        found = errata.load("tiny@^0.10", store={far!r}, form="paths")
        os._exit(0 if all(os.path.exists(path) for path in found) and len(found) == 2 else 1)
    ranks.append(one)
print([os.waitpid(one, 0)[1] for one in ranks])
"""
    job = rank(code, COUNTED_SLOW="0.5")
    out, err = job.communicate(timeout=240)
    assert out.strip() == str([0] * RANKS)
    assert set(err.splitlines()) == {"tiny@0.10.0: splits train, test are joined; name one (split=…)"}
    times = Counter(Path(path).name for path in counted.opened(log))
    assert times == {"train-00000.parquet": 1, "test-00000.parquet": 1}
    assert len(files(os.environ["ERRATA_CACHE"])) == 2


def test_a_second_load_opens_nothing_in_the_store(far: str, log: Path) -> None:
    assert errata.load("tiny", store=far).to_pylist() == ALL
    before = counted.opened(log)
    assert errata.load("tiny", store=far).to_pylist() == ALL
    assert counted.opened(log) == before and len(before) == 2


def test_only_what_is_asked_for_is_downloaded(far: str, log: Path) -> None:
    errata.load("tiny", "questions", "test", store=far)
    assert [path.partition("0.10.0/")[2] for path in counted.opened(log)] == ["questions/test-00000.parquet"]


def test_a_store_on_this_disk_is_used_in_place(disk: str, newest: Path) -> None:
    paths = errata.load("tiny", store=disk, form="paths")
    assert all(Path(path).is_relative_to(newest) for path in paths)
    assert files(os.environ["ERRATA_CACHE"]) == {}


@pytest.mark.parametrize("place", ["store", "cache"])
def test_bytes_that_changed_are_never_used(far: str, newest: Path, place: str, log: Path) -> None:
    if place == "store":
        flip(newest / "mistakes" / "test-00000.parquet")
        with pytest.raises(Unreadable, match=r"test-00000.parquet: its bytes are not those that were released"):
            errata.load("tiny", split="test", store=far)
        assert files(os.environ["ERRATA_CACHE"]) == {}
        return
    (path,) = errata.load("tiny", split="test", store=far, form="paths")
    flip(Path(path))
    assert errata.load("tiny", split="test", store=far).to_pylist() == splits("0.10.0")["test"]
    assert len(counted.opened(log)) == 2  # it was downloaded again


def test_bytes_that_changed_on_this_disk_are_told(disk: str, newest: Path) -> None:
    errata.load("tiny", store=disk)
    flip(newest / "mistakes" / "test-00000.parquet")
    with pytest.raises(Unreadable, match=r"cannot be read \(its bytes changed since it was released\)"):
        errata.load("tiny", store=disk)


def test_unchanged_files_are_not_read_again_to_be_compared(disk: str, monkeypatch: pytest.MonkeyPatch) -> None:
    digest, read = hashlib.file_digest, list[str]()

    def counted(file: Any, *rest: Any) -> Any:
        read.append(str(file.name))
        return digest(file, *rest)

    monkeypatch.setattr(hashlib, "file_digest", counted)
    paths = errata.load("tiny", store=disk, form="paths")
    assert sorted(read) == sorted(map(str, paths))
    errata.load("tiny", store=disk, form="paths")
    assert len(read) == len(paths)


def test_a_store_that_vanishes_in_the_middle_leaves_nothing(far: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(counted.BREAK, "500")
    with pytest.raises(Unreachable, match=r"store counted://.*: cannot be read \(connection reset by peer\)"):
        errata.load("tiny", store=far)
    assert files(os.environ["ERRATA_CACHE"]) == {}
    with pytest.raises(Unreadable, match=r"connection reset by peer|ends too early"):
        errata.load("tiny", store=far, stream=True).read_all()
    monkeypatch.delenv(counted.BREAK)
    assert errata.load("tiny", store=far).to_pylist() == ALL


@pytest.mark.kill
def test_a_killed_download_is_begun_again(far: str, log: Path) -> None:
    code = f"errata.load('tiny', split='train', store={far!r}, form='paths')"
    first = rank(code, COUNTED_SLOW="600")
    until = time.monotonic() + 240
    while not counted.opened(log):
        assert time.monotonic() < until and first.poll() is None
        time.sleep(0.05)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert errata.load("tiny", split="train", store=far).to_pylist() == splits("0.10.0")["train"]
    assert len(counted.opened(log)) == 2


def test_a_cache_that_cannot_be_written_is_told(far: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path / "file"))
    with pytest.raises(ErrataError, match=r"cache .*file: cannot be written \(.*\); free it, or set ERRATA_CACHE"):
        errata.load("tiny", store=far)


@pytest.mark.parametrize(
    "path",
    ["../../other/1.0.0/README.md", "/etc/passwd", "mistakes/../../x", "mistakes/\0", "", "mistakes//x", ".hidden", "x" * 10_000,
     "mistakes\\x", "~/x", "mistakes/"],
)  # fmt: skip
def test_a_manifest_cannot_name_files_elsewhere(disk: str, newest: Path, path: str) -> None:
    manifest: dict[str, Any] = json.loads((newest / "manifest.json").read_text())
    manifest["files"][0]["path"] = path
    (newest / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(Unreadable, match=r"files.0: expected a path below the release") as caught:
        errata.open_release("tiny", disk)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"corpus": "other"}, "is the manifest of 'other@0.10.0', expected that of tiny@0.10.0"),
        ({"version": "9.0.0"}, "is the manifest of 'tiny@9.0.0'"),
        ({"columns": {}}, "names no view"),
        ({"files": None}, "lists no `files`"),
        ({"files": [{"path": "a", "bytes": -1, "sha256": "0" * 64}]}, "files.0: expected a path"),
        ({"files": [{"path": "a", "bytes": 1, "sha256": "0" * 63}]}, "files.0: expected a path"),
        ({"files": [{"path": "a", "bytes": 1, "sha256": "0" * 64}] * 2}, "lists a file twice"),
    ],
)
def test_a_manifest_that_makes_no_sense_is_told(disk: str, newest: Path, change: dict[str, Any], expected: str) -> None:
    manifest = json.loads((newest / "manifest.json").read_text())
    (newest / "manifest.json").write_text(json.dumps(manifest | change))
    with pytest.raises(Unreadable, match=expected):
        errata.open_release("tiny", disk)
