import gc
import json
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import pytest

from catalog.storage import Store, StoreError
from tests.objectstore import s3


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "store") if request.param == "file" else f"memory://{uuid.uuid4().hex}/store")


def test_what_is_written_is_read(store: Store) -> None:
    store.write("a/b/c.bin", b"one")
    store.write("a/b/c.bin", b"two")
    assert store.read("a/b/c.bin") == b"two"
    assert store.names("a/b") == ["c.bin"]
    assert store.exists("a/b/c.bin")


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.read_json("no.json") is None
    assert store.names("nowhere") == []
    assert not store.exists("no.json")
    with pytest.raises(FileNotFoundError):
        store.read("no.json")


def test_create_never_replaces(store: Store) -> None:
    assert store.create("m.json", b"1")
    assert not store.create("m.json", b"2")
    assert store.read("m.json") == b"1"


def test_of_many_creators_one_wins(store: Store) -> None:
    with ThreadPoolExecutor(16) as threads:
        won = list(threads.map(lambda i: store.create("m.json", str(i).encode()), range(16)))
    assert sum(won) == 1
    assert store.read("m.json") == str(won.index(True)).encode()


def test_a_damaged_json_file_says_where(store: Store) -> None:
    store.write("m.json", b"{broken")
    with pytest.raises(StoreError, match=r"m\.json: not the JSON it should be .* remove it and build again"):
        store.read_json("m.json")


def test_temporary_files_are_neither_left_nor_listed(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("a/x", b"1")
    store.create("a/x", b"2")
    store.check_writable()
    assert os.listdir(tmp_path / "a") == ["x"]
    (tmp_path / "a" / ".errata-tmp-left").write_bytes(b"of a killed build")
    assert store.names("a") == ["x"]


@pytest.mark.parametrize("place", ["/proc/errata", "file"])
def test_a_store_that_cannot_be_written_says_so(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    store = Store(place if place.startswith("/") else str(tmp_path / place))
    with pytest.raises(StoreError, match=r"cannot be written .* give another place with --store"):
        store.check_writable()


def test_an_unknown_kind_of_store_says_so() -> None:
    with pytest.raises(StoreError, match=r"store floppy://a: .*give a path or a URL"):
        Store("floppy://a")


def test_read_json_gives_what_was_written(store: Store) -> None:
    store.write("m.json", json.dumps({"a": [1, "é"]}).encode())
    assert store.read_json("m.json") == {"a": [1, "é"]}


def test_a_password_in_a_url_is_refused_and_not_repeated() -> None:
    with pytest.raises(StoreError, match="store ftp://…@host/store: holds a password") as error:
        Store("ftp://me:hunter2@host/store")
    assert "hunter2" not in str(error.value)


def test_what_another_process_wrote_is_there() -> None:
    """A file system that keeps listings, as that of S3 does, is opened without them."""
    with s3("shelf") as environment, pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        store = Store("s3://shelf/store")
        store.write("folder/first", b"1")
        assert store.names("folder") == ["first"]
        other = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=True)
        other.ls("shelf/store/folder")
        other.pipe_file("shelf/store/folder/second", b"2")
        assert store.exists("folder/second")
        assert store.names("folder") == ["first", "second"]
        assert store.fs.find(store.full("folder")) == ["shelf/store/folder/first", "shelf/store/folder/second"]


def test_a_store_that_does_not_answer_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionResetError("connection reset by peer")

    for name in ("ls", "exists", "cat_file"):
        monkeypatch.setattr(type(store.fs), name, fail)
    for call in (store.names, store.exists, store.read, store.read_json):
        with pytest.raises(
            StoreError, match=r"a/b: cannot be read \(connection reset by peer\); check --store"
        ) as error:
            call("a/b")
        assert isinstance(error.value.__cause__, ConnectionResetError)  # by which a build knows that it may pass


def test_what_is_in_memory_is_listed_while_it_grows() -> None:
    """Another thread is played by what runs when Python collects garbage, which is at any moment."""
    store = Store(f"memory://{uuid.uuid4().hex}")
    for number in range(50):
        store.write(f"a/{number}", b"")
    files = store.fs.store

    def write_more(phase: str, _: object) -> None:
        files[f"/{uuid.uuid4().hex}/b"] = files[store.full("a/0")]

    threshold = gc.get_threshold()
    gc.callbacks.append(write_more)
    gc.set_threshold(1)
    try:
        assert all(len(store.fs.find(store.full("a"))) == 50 for _ in range(3))
    finally:
        gc.set_threshold(*threshold)
        gc.callbacks.remove(write_more)
