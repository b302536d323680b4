"""Digests that a store remembers: what is read again, and what is not."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from catalog import digests
from catalog.digests import FOLDER, Digests, read_stamp
from catalog.sources import SourceError, find_sources, verify_unchanged
from catalog.storage import Store

OLD = 1_600_000_000


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the local files that fsspec opened, but for what the store remembers."""
    names: list[str] = []
    original = LocalFileSystem._open

    def counted(self: LocalFileSystem, path: str, *given: Any, **named: Any) -> Any:
        if f"/{FOLDER}/" not in path:
            names.append(Path(path).name)
        return original(self, path, *given, **named)

    monkeypatch.setattr(LocalFileSystem, "_open", counted)
    return names


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files count as settled at once, though a test has just written them."""
    monkeypatch.setattr(digests, "RACY_SECONDS", -60.0)


def write(path: Path, text: str, when: int = OLD) -> None:
    path.write_text(text)
    os.utime(path, (when, when))


@pytest.mark.usefixtures("settled")
def test_a_file_that_has_not_changed_is_hashed_once(tmp_path: Path, opened: list[str]) -> None:
    write(tmp_path / "a.jsonl", '{"a": 1}\n')
    store = Store(str(tmp_path / "store"))
    first = find_sources(str(tmp_path / "a.jsonl"), "a.jsonl", Digests(store))
    assert first == find_sources(str(tmp_path / "a.jsonl"), "a.jsonl", Digests(store)) and first[0].size == 9
    verify_unchanged(first[0])
    assert opened == ["a.jsonl"]
    assert find_sources(str(tmp_path / "a.jsonl"), "a.jsonl", Digests(store, rehash=True)) == first
    assert opened == ["a.jsonl"] * 2
    assert find_sources(str(tmp_path / "a.jsonl"), "a.jsonl") == first
    assert opened == ["a.jsonl"] * 3


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("change", ["size", "time", "content alone"])
def test_a_file_that_was_written_to_is_hashed_again(change: str, tmp_path: Path) -> None:
    path, store = tmp_path / "a.jsonl", Store(str(tmp_path / "store"))
    write(path, "one\n")
    (before,) = find_sources(str(path), "a.jsonl", Digests(store))
    # of the same size and time of writing, as `cp -p` or an archive makes it, it is known by the time of its change
    write(path, "three\n" if change == "size" else "two\n", OLD + (change == "time"))
    with pytest.raises(SourceError, match=r"a\.jsonl: has changed while it was read; build again"):
        verify_unchanged(before)
    (after,) = find_sources(str(path), "a.jsonl", Digests(store))
    assert after.digest != before.digest


def test_a_file_that_has_just_changed_is_not_trusted(tmp_path: Path, opened: list[str]) -> None:
    path, store = tmp_path / "a.jsonl", Store(str(tmp_path / "store"))
    write(path, "one\n")
    (source,) = find_sources(str(path), "a.jsonl", Digests(store))
    assert source.stamp == "" and store.names(FOLDER) == []
    verify_unchanged(source)
    assert opened == ["a.jsonl"] * 2
    path.write_text("two\n")
    with pytest.raises(SourceError, match="has changed"):
        verify_unchanged(source)


@pytest.mark.usefixtures("settled")
def test_a_file_that_is_only_touched_is_still_the_same(tmp_path: Path, opened: list[str]) -> None:
    path = tmp_path / "a.jsonl"
    write(path, "one\n")
    (source,) = find_sources(str(path), "a.jsonl")
    write(path, "one\n", OLD + 5)
    verify_unchanged(source)
    assert opened == ["a.jsonl"] * 2


@pytest.mark.usefixtures("settled")
def test_the_target_of_a_link_counts_not_the_link(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    write(tmp_path / "a", "one\n")
    (tmp_path / "a.jsonl").symlink_to(tmp_path / "a")
    (before,) = find_sources(str(tmp_path / "a.jsonl"), "a.jsonl", Digests(store))
    write(tmp_path / "a", "two\n", OLD + 5)
    (after,) = find_sources(str(tmp_path / "a.jsonl"), "a.jsonl", Digests(store))
    assert before.digest != after.digest


@pytest.mark.usefixtures("settled")
def test_what_is_remembered_names_no_place_and_broken_memory_is_passed_over(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    write(tmp_path / "secret.jsonl", "one\n")
    (source,) = find_sources(str(tmp_path / "secret.jsonl"), "s", Digests(store))
    (name,) = store.names(FOLDER)
    kept = store.read(f"{FOLDER}/{name}").decode()
    assert "secret" not in name + kept and json.loads(kept)["sha256"] == source.digest
    for broken in (b"{", b"[]", b'{"stamp": 1}', json.dumps({"stamp": source.stamp}).encode()):
        store.write(f"{FOLDER}/{name}", broken)
        assert find_sources(str(tmp_path / "secret.jsonl"), "s", Digests(store)) == [source]


@pytest.mark.usefixtures("settled")
def test_a_store_that_cannot_be_written_hinders_nobody(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("a file where the store would be")
    write(tmp_path / "a.jsonl", "one\n")
    for _ in range(2):
        assert len(find_sources(str(tmp_path / "a.jsonl"), "a.jsonl", Digests(Store(str(tmp_path / "store"))))) == 1


@pytest.mark.parametrize(
    ("info", "stamp"),
    [
        ({"size": 3, "ETag": '"abc"'}, '3 "abc"'),
        ({"size": 3, "etag": "abc"}, "3 abc"),
        ({"size": 3, "blob_id": "abc"}, "3 abc"),
        ({"size": None, "ETag": '"abc"'}, 'None "abc"'),
        ({"size": 3, "ETag": 'W/"abc"'}, ""),
        ({"size": 3, "LastModified": "2026-01-01"}, ""),
    ],
)
def test_elsewhere_only_a_strong_entity_tag_is_proof(
    info: dict[str, Any], stamp: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fs = MemoryFileSystem()
    monkeypatch.setattr(fs, "info", lambda path: info)
    assert read_stamp(fs, "/a") == stamp


@pytest.mark.usefixtures("settled")
def test_a_folder_that_datasets_reads_is_hashed_file_by_file(tmp_path: Path, opened: list[str]) -> None:
    (tmp_path / "hub").mkdir()
    write(tmp_path / "hub" / "train.jsonl", '{"a": 1}\n')
    write(tmp_path / "hub" / "test.jsonl", '{"a": 2}\n')
    store = Store(str(tmp_path / "store"))
    first, again = (find_sources(f"hf://{tmp_path}/hub?split=train", "hub", Digests(store)) for _ in range(2))
    assert first == again and sorted(opened) == ["test.jsonl", "train.jsonl"]
    shutil.rmtree(tmp_path / "hub")
    with pytest.raises(SourceError, match="no folder with files"):
        find_sources(f"hf://{tmp_path}/hub?split=train", "hub", Digests(store))
