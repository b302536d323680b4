"""What the client tells people: the words of its errors are kept in a file and read as a whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from errata.cli.command import main
from errata.cli.exit_codes import DONE
from errata.release import lock

from catalog import tags
from catalog.storage import Store
from tests import golden
from tests.client import counted
from tests.client.conftest import flip

NAMES = [
    "tinny@0.9.0", "nothing@1.0.0", "tiny@0.9.9", "tiny@^1", "tiny@stabel", "tiny@1.0", "tiny@^1.x", "tiny@>=1,", "tiny@", "",
    "../x@1.0.0", "/etc/passwd", "ti\0ny", "x" * 10_000, "tiny@" + "1" * 10_000, "tiny@0.10.0#sha256:beef",
    "tiny@0.10.0#sha256:" + "0" * 64, "tiny@0.9.0\x1b[31m",
]  # fmt: skip


def manifest(folder: Path, change: Callable[[dict[str, object]], object]) -> None:
    path = folder / "manifest.json"
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def truncate(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def format_of_tomorrow(value: dict[str, object]) -> None:
    value["format"] = 99


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a manifest of a newer format": lambda folder: manifest(folder, format_of_tomorrow),
    "a manifest that lacks its files": lambda folder: manifest(folder, lambda value: value.pop("files")),
    "a manifest that is cut": lambda folder: truncate(folder / "manifest.json"),
    "a manifest that names a file outside": lambda folder: manifest(
        folder,
        lambda value: value["files"][0].update(path="../../secret.parquet"),  # type: ignore[index]
    ),
    "a flipped bit": lambda folder: flip(folder / "mistakes" / "train-00000.parquet"),
    "a truncated file": lambda folder: truncate(folder / "mistakes" / "train-00000.parquet"),
    "a file that is missing": lambda folder: (folder / "mistakes" / "train-00000.parquet").unlink(),
    "a file that is text": lambda folder: (folder / "mistakes" / "train-00000.parquet").write_text("no Parquet"),
}

RELEASE = f"""format = 1
[[release]]
asked = "tiny"
version = "0.10.0"
digest = "sha256:{"0" * 64}"
store = "STORE"
"""
LOCKS = {
    "a lock that is no TOML": "tiny: 1",
    "a lock of a newer format": "format = 99",
    "a lock without checksum": RELEASE.replace("digest", "hash"),
    "a lock of a version that is none": RELEASE.replace("0.10.0", "newest"),
    "a lock of another release": RELEASE,
}


def test_every_error_says_where_what_and_what_to_do(
    disk: str, newest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ERRATA_STORE", disk)
    texts: list[str] = []

    def run(title: str, *arguments: str) -> None:
        try:
            code = main(list(arguments))
        except SystemExit as stop:  # argparse
            code = int(str(stop.code))
        result = capsys.readouterr()
        assert code != DONE and result.out.strip() in ("", "[]"), (title, code, result)
        text = result.err.replace(disk, "STORE").replace(str(tmp_path), "HERE").strip()
        texts.append(f"# {title}\n{text} [{code}]\n")

    for name in NAMES:
        run(f"load {name[:40]!r}", "load", name)
    run("load a view that is not there", "load", "tiny@0.10.0", "--view", "mistake")
    run("load a split that is not there", "load", "tiny@0.10.0", "--split", "validation")
    run("a store that is not there", "load", "tiny", "--store", "nowhere")
    run("a store of an unknown kind", "load", "tiny", "--store", "mars://x")
    run("a store with a password", "load", "tiny", "--store", "s3://me:secret@bucket/x")
    run("a store with a NUL", "load", "tiny", "--store", "a\0b")
    tags.tag(Store(disk), "tiny", "stable", "0.9.0")
    run("withdraw what is tagged", "yank", "tiny@0.9.0", "--reason", "wrong")
    run("tag what is not there", "tag", "tiny@3.0.0", "stable")
    run("a tag that is none", "tag", "tiny@0.9.0", "1.0")
    run("difference to nothing", "diff", "tiny@0.9.0", "tiny@9.9.9")
    run("sign with no key", "sign", "tiny@0.9.0", "--key", "no-such-key")
    run("pull what nobody pinned", "pull")
    run("push to nowhere", "push", "tiny@0.9.0", "hf://datasets/nobody")
    for title, content in LOCKS.items():
        Path(lock.locate_file()).write_text(content.replace("STORE", disk))
        run(title, "load", "tiny")
        Path(lock.locate_file()).unlink()
    intact = {file: file.read_bytes() for file in newest.rglob("*") if file.is_file()}
    for title, damage in DAMAGES.items():
        damage(newest)
        run(title, "load", "tiny@0.10.0")
        for file, data in intact.items():
            file.write_bytes(data)
    monkeypatch.setenv(counted.LOG, str(tmp_path / "log"))
    monkeypatch.setenv(counted.BREAK, "500")
    run("a store that vanishes in the middle", "load", "tiny", "--store", f"counted://{disk}")
    monkeypatch.setenv("ERRATA_OFFLINE", "1")
    run("a file that is not in the cache, without network", "load", "other", "--store", f"counted://{disk}")
    golden.check(Path(__file__).with_name("client-errors.txt"), "\n".join(texts))
