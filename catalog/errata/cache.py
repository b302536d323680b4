"""The cache: what was downloaded once is there for every process of the machine, and without a network.

<cache>/index/<store>/<corpus>.json      versions, tags and notices as the store last gave them
<cache>/manifests/<sha256>.json
<cache>/files/<corpus>/<version>-<sha256 of the manifest>/<view>/<split>-00000.parquet
<cache>/checked/<hash of a path>         size, time and SHA-256 of a file when its bytes were last compared
<cache>/locks/<hash of a path>           held by the one process that downloads the file

A file is downloaded beside its place, compared with its checksum and renamed
into it, so that nobody ever sees half of one; the system frees the lock of a
process that is killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from .errors import ErrataError, Unreadable
from .storage import Storage

CACHE = "ERRATA_CACHE"
OFFLINE = "ERRATA_OFFLINE"
CHUNK = 2**20


def find_root() -> Path:
    """The cache's folder: ERRATA_CACHE, else `errata` in the user's folder for caches."""
    folder = os.environ.get(CACHE)
    return Path(folder) if folder else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "errata"


def is_offline() -> bool:
    """Whether no store may be asked."""
    return os.environ.get(OFFLINE, "").lower() not in ("", "0", "false", "no")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _put(path: Path, data: bytes) -> None:
    """Write a small file whole, if the cache can be written: it is a convenience only."""
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        temporary.write_bytes(data)
        os.replace(temporary, path)


def read_manifest(digest: str) -> bytes | None:
    """The manifest with this SHA-256, if it is in the cache."""
    try:
        data = (find_root() / "manifests" / f"{digest}.json").read_bytes()
    except OSError:
        return None
    return data if hashlib.sha256(data).hexdigest() == digest else None


def keep_manifest(data: bytes) -> None:
    """Keep a manifest."""
    path = find_root() / "manifests" / f"{hashlib.sha256(data).hexdigest()}.json"
    if not path.exists():
        _put(path, data)


def read_index(store: str, corpus: str) -> dict[str, Any]:
    """What a store last held of a corpus: `versions`, `state`, and the manifests' `digests`; empty if nothing."""
    try:
        return dict(json.loads((find_root() / "index" / _hash(store) / f"{corpus}.json").read_bytes()))
    except (OSError, ValueError, TypeError):
        return {}


def keep_index(store: str, corpus: str, known: dict[str, Any]) -> None:
    """Keep what a store holds of a corpus."""
    _put(find_root() / "index" / _hash(store) / f"{corpus}.json", json.dumps({"store": store, **known}).encode())


def locate_file(corpus: str, version: str, digest: str, path: str) -> Path:
    """Where a release's file lies in the cache."""
    return find_root() / "files" / corpus / f"{version}-{digest[:16]}" / path


def is_intact(path: Path, file: dict[str, Any]) -> bool:
    """Whether a file is there with the bytes the manifest says; they are read only if the file changed since."""
    try:
        status = path.stat()
    except OSError:
        return False
    if status.st_size != file["bytes"]:
        return False
    record = find_root() / "checked" / _hash(str(path.absolute()))
    mark = f"{status.st_size} {status.st_mtime_ns} {status.st_ino} {file['sha256']}"
    with suppress(OSError):
        if record.read_text() == mark:
            return True
    with path.open("rb") as opened:
        same = bool(hashlib.file_digest(opened, "sha256").hexdigest() == file["sha256"])
    if same:
        _put(record, mark.encode())
    return same


def download(path: Path, file: dict[str, Any], place: Storage, at: str) -> Path:
    """The file in the cache, downloaded by one process of all that want it; `Unreadable` where its bytes are others."""
    if is_intact(path, file):
        return path
    lock = find_root() / "locks" / _hash(str(path.absolute()))
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            if not is_intact(path, file):
                _download(path, file, place, at)
    except OSError as error:
        why = error.strerror or str(error)
        raise ErrataError(
            f"cache {find_root()}: cannot be written ({why}); free it, or set {CACHE} to another folder"
        ) from None
    return path


def _download(path: Path, file: dict[str, Any], place: Storage, at: str) -> None:
    temporary = path.with_name(f".{path.name}.part")  # one at a time: the lock is held
    digest, size = hashlib.sha256(), 0
    try:
        with temporary.open("wb") as taken:
            for chunk in read_chunks(place, at):
                size += len(chunk)
                if size > file["bytes"]:
                    break
                digest.update(chunk)
                taken.write(chunk)
            taken.flush()
            os.fsync(taken.fileno())
        if size != file["bytes"] or digest.hexdigest() != file["sha256"]:
            actual = f"{size:,} bytes, SHA-256 {digest.hexdigest()[:12]}…"
            expected = f"{file['bytes']:,} bytes, {file['sha256'][:12]}…"
            raise Unreadable(
                f"{place.link(at)}: its bytes are not those that were released ({actual}; {expected} expected); nothing was kept"
            )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    is_intact(path, file)


def read_chunks(place: Storage, at: str) -> Iterator[bytes]:
    """A file of a store, piece by piece; `Unreadable` where it is missing, `Unreachable` where the store vanishes."""
    try:
        with place.open(at) as file:
            while chunk := file.read(CHUNK):
                yield chunk
    except FileNotFoundError:
        raise Unreadable(f"{place.link(at)}: is missing; `errata verify` tells more") from None
    except Exception as error:
        raise place.unreadable(at, error) from error
