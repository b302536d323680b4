"""Storage on any fsspec URL, where a file is seen whole or not at all.

On a local disk a file is written beside its place and renamed into it; on
other stores one put is one object, which is seen when it is complete.
"""

from __future__ import annotations

import json
import os
import re
import uuid
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from schemas.errors import ApplicationError

TEMPORARY = ".errata-tmp-"
_CREATING = Lock()
"""Held while a file is created exclusively: `memory://` first looks and then writes."""


class StoreError(ApplicationError):
    """The store cannot be read or written; the message says where, why and what to do."""


def without_secrets(url: str) -> str:
    """The URL, if no password stands in it: it would be written to manifests and logs. Else `StoreError`."""
    try:
        secret = urlsplit(url).password is not None
    except ValueError:
        secret = False
    if secret:
        place = re.sub(r"//[^/@]*@", "//…@", url)
        raise StoreError(f"'{place}' holds a password; give it by the environment or the storage's own configuration")
    return url


class Store:
    """A folder on a file system; every path is relative to it, with `/` between its parts."""

    def __init__(self, url: str) -> None:
        self.url = without_secrets(url)
        try:
            self.fs, root = fsspec.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise StoreError(f"store '{url}': {error}; give a path or a URL such as s3://bucket/folder") from None
        self.root = str(root).rstrip("/")
        self.local = isinstance(self.fs, LocalFileSystem)
        self.in_memory = isinstance(self.fs, MemoryFileSystem)

    def full(self, path: str) -> str:
        """The path as the file system knows it."""
        return f"{self.root}/{path}" if path else self.root

    def link(self, path: str) -> str:
        """The path as a URL, for people."""
        return str(self.fs.unstrip_protocol(self.full(path)))

    def exists(self, path: str) -> bool:
        """Whether there is a file or folder."""
        return bool(self.fs.exists(self.full(path)))

    def read(self, path: str) -> bytes:
        """A file's bytes; `FileNotFoundError` if there is none."""
        return bytes(self.fs.cat_file(self.full(path)))

    def read_json(self, path: str) -> dict[str, Any] | None:
        """A JSON file's mapping, or None where there is no such file."""
        try:
            return dict(json.loads(self.read(path)))
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.link(path)}: cannot be read ({error.strerror or error}); check --store") from error
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"{self.link(path)}: not the JSON it should be ({error}); remove it and build again"
            ) from None

    def names(self, path: str) -> list[str]:
        """The names in a folder, sorted; none if there is no such folder."""
        try:
            self.fs.invalidate_cache(self.full(path))  # others write meanwhile
            found = self.fs.ls(self.full(path), detail=False)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = (str(one).rstrip("/").rsplit("/", 1)[-1] for one in found)
        return sorted(name for name in names if not name.startswith(TEMPORARY))

    def written(self, path: str) -> float:
        """When a file was written: seconds since 1970, UTC; `FileNotFoundError` if there is none."""
        return float(self.fs.modified(self.full(path)).timestamp())

    def write(self, path: str, data: bytes) -> None:
        """Write a file, replacing any there."""
        try:
            self._put(path, data)
        except OSError as error:
            raise self._unwritable(path, error) from error

    def create(self, path: str, data: bytes) -> bool:
        """Write a file that must not be there yet; False, and nothing changed, where it is."""
        try:
            return self._create(path, data)
        except OSError as error:
            raise self._unwritable(path, error) from error

    def check_writable(self) -> None:
        """Raise `StoreError` now rather than after an hour of work."""
        probe = f"{TEMPORARY}{uuid.uuid4().hex}"
        self.write(probe, b"")
        self.fs.rm_file(self.full(probe))

    def _unwritable(self, path: str, error: OSError) -> StoreError:
        why = error.strerror or str(error) or type(error).__name__
        return StoreError(f"{self.link(path)}: cannot be written ({why}); free it, or give another place with --store")

    def _put(self, path: str, data: bytes) -> None:
        if self.local:
            temporary = self._temporary(path, data)
            os.replace(temporary, self.full(path))
        else:
            self.fs.makedirs(self.fs._parent(self.full(path)), exist_ok=True)
            self.fs.pipe_file(self.full(path), data)

    def _create(self, path: str, data: bytes) -> bool:
        if not self.local:
            self.fs.makedirs(self.fs._parent(self.full(path)), exist_ok=True)
            try:
                with _CREATING:
                    self.fs.pipe_file(self.full(path), data, mode="create")
            except FileExistsError:
                return False
            return True
        temporary = self._temporary(path, data)
        try:
            os.link(temporary, self.full(path))
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        return True

    def _temporary(self, path: str, data: bytes) -> str:
        """The data on disk under a name nobody reads, in the folder of its later place."""
        place = Path(self.full(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        temporary = place.parent / f"{TEMPORARY}{uuid.uuid4().hex}"
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        return str(temporary)
