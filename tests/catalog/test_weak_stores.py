"""Stores that are only read, or that show halves of files: they say so before anything is written to them."""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest
from errata.errors import ErrataWarning
from fsspec.implementations.memory import MemoryFileSystem
from fsspec.spec import AbstractFileSystem

from catalog.storage import Store, StoreError
from tests.client.conftest import put, splits
from tests.command import SAMPLE, run_here
from tests.golden import check


class Plain(AbstractFileSystem):  # type: ignore[misc]
    """What sftp and others are to fsspec: files that are opened, written and closed."""

    protocol = "sftp"
    memory = MemoryFileSystem()

    def __getattribute__(self, name: str) -> Any:
        if name in ("ls", "info", "open", "exists", "rm_file", "cat_file", "makedirs", "modified"):
            return getattr(Plain.memory, name)
        return super().__getattribute__(name)


@pytest.fixture
def sftp() -> Iterator[str]:
    before = fsspec.registry.get("sftp")
    fsspec.register_implementation("sftp", Plain, clobber=True)
    yield "sftp://host/store"
    if before is not None:
        fsspec.register_implementation("sftp", before, clobber=True)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def http(tmp_path: Path) -> Iterator[str]:
    """A store on a web server, with a release."""
    put(str(tmp_path / "store"), "tiny", "0.9.0", splits("0.9.0"))
    handler = functools.partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/store"
        server.shutdown()


def test_a_weak_store_says_so_at_the_first_write(sftp: str) -> None:
    store = Store(sftp)
    with pytest.warns(ErrataWarning, match=r"^store sftp://host/store: sftp is not known to show files whole"):
        store.check_writable()
    assert store.create("a", b"1") and not store.create("a", b"2") and store.read("a") == b"1"


@pytest.mark.parametrize("url", ["memory://x", "file:///tmp/x", "x"])
def test_a_sound_store_has_nothing_to_say(url: str) -> None:
    assert Store(url).find_weakness() is None


def test_a_store_on_a_web_server_is_not_written(http: str) -> None:
    store = Store(http)
    for write in (lambda: store.write("a", b""), lambda: store.create("a", b""), store.check_writable):
        with pytest.raises(StoreError, match=r"http is only read; build into another store"):
            write()


def test_what_commands_say_of_weak_stores(
    http: str, sftp: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path / "cache"))
    lines = []
    for arguments in (
        ("plan", str(SAMPLE), "--store", http),
        ("build", str(SAMPLE), "--store", http),
        ("tag", "tiny@0.9.0", "best", "--store", http),
        ("gc", "--remove", "--store", http),
        ("plan", str(SAMPLE), "--store", sftp),
    ):
        result = run_here(capsys, *arguments)
        lines.append(
            f"$ errata {' '.join(arguments).replace(str(SAMPLE), 'sample.yaml')}\n{result.err}[{result.code}]\n"
        )
    check(Path(__file__).parent / "weak-stores.txt", "".join(lines).replace(http, "http://HOST/store"))


def test_a_release_on_a_web_server_is_read(
    http: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRATA_CACHE", str(tmp_path / "cache"))
    result = run_here(capsys, "load", "tiny@0.9.0", "--split", "test", "--store", http)
    assert result.code == 0, result.err
    assert [json.loads(line) for line in result.out.splitlines()] == splits("0.9.0")["test"]
