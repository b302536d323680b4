"""Digests of sources, remembered in a store: a file that has not changed since it was hashed is not read to be hashed again."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from typing import Any

from fsspec.implementations.local import LocalFileSystem

from catalog.storage import Store, StoreError

FOLDER = "digests"
RACY_SECONDS = 2.0
"""A file that changed so shortly before it is looked at may change again without a trace, as clocks of file systems are coarse."""
ENTITY_TAGS = ("ETag", "etag", "blob_id")
"""Where fsspec's file systems put what names a file's content; `blob_id` is the Hub's."""


def read_stamp(fs: Any, path: str) -> str:
    """What tells, without reading a file, whether it is still the same.

    Args:
        fs: The fsspec file system that the file is on.
        path: The file, as the file system knows it.

    Returns:
        Size and times of change on a local disk, size and entity tag elsewhere; empty where that is no proof: the
        file changed within the last seconds, or the storage gives no (strong) entity tag.

    """
    if isinstance(fs, LocalFileSystem):
        status = os.stat(path)
        if max(status.st_mtime, status.st_ctime) > time.time() - RACY_SECONDS:
            return ""
        return f"{status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
    info = fs.info(path)
    tag = next((str(info[name]) for name in ENTITY_TAGS if info.get(name)), "")
    return f"{info.get('size')} {tag}" if tag and not tag.startswith("W/") else ""


class Digests:
    """The digests that a store remembers, a small JSON file each.

    A file is named by the hash of its URL, which may hold a signature and is
    written nowhere.

    Args:
        store: Where they are kept. They save time alone: where one cannot be read or written, a source is hashed.
        rehash: Whether all that is remembered is passed over, and replaced.

    """

    def __init__(self, store: Store, rehash: bool = False) -> None:
        self.store = store
        self.rehash = rehash

    def recall(self, url: str, stamp: str) -> tuple[str, int] | None:
        """The SHA-256 and the bytes of a file whose stamp is what it was when it was hashed; None where they are not known."""
        if self.rehash or not stamp:
            return None
        try:
            known = self.store.read_json(_path(url)) or {}
        except (OSError, StoreError):
            return None
        digest, size = known.get("sha256"), known.get("bytes")
        return (
            (digest, size)
            if known.get("stamp") == stamp and isinstance(digest, str) and isinstance(size, int)
            else None
        )

    def remember(self, url: str, stamp: str, digest: str, size: int) -> None:
        """Keep a file's SHA-256 and bytes by the stamp it had before it was read."""
        if stamp:
            record = json.dumps({"stamp": stamp, "sha256": digest, "bytes": size}) + "\n"
            with suppress(OSError, StoreError):
                self.store.write(_path(url), record.encode())


class NoDigests(Digests):
    """Stands for digests where nothing depends on them, so that no source is read to be hashed."""

    def recall(self, url: str, stamp: str) -> tuple[str, int] | None:
        """Nothing, for every file."""
        return "", 0


def _path(url: str) -> str:
    return f"{FOLDER}/{hashlib.sha256(url.encode()).hexdigest()}.json"
