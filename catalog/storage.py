"""Storage on any fsspec URL, where a file is seen whole or not at all.

On a local disk a file is written beside its place and renamed into it; on
other stores one put is one object, which is seen when it is complete.
"""

from __future__ import annotations

import json
import os
import uuid
from pathlib import Path
from threading import Lock
from typing import Any

from errata.errors import ErrataError
from errata.storage import TEMPORARY, Storage
from fsspec.implementations.memory import MemoryFileSystem

from schemas.errors import ApplicationError

_CREATING = Lock()
"""Held while a file is created exclusively: `memory://` first looks and then writes."""


class StoreError(ApplicationError):
    """The store cannot be read or written; the message says where, why and what to do."""


class Store(Storage):
    """A store that is written too."""

    largest = None

    def __init__(self, url: str) -> None:
        """Open a store; `StoreError` where its URL is malformed, holds a password or is of an unknown kind."""
        try:
            super().__init__(url)
        except ErrataError as error:
            raise StoreError(str(error)) from None
        self.in_memory = isinstance(self.fs, MemoryFileSystem)

    def link(self, path: str) -> str:
        """A path as a URL, for people."""
        return str(self.fs.unstrip_protocol(self.full(path)))

    def unreadable(self, path: str, error: Exception) -> StoreError:
        """The error that says what was met in reading."""
        why = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return StoreError(f"{self.link(path)}: cannot be read ({why}); check --store")

    def read_json(self, path: str) -> dict[str, Any] | None:
        """A JSON file's mapping, or None where there is no such file."""
        try:
            return dict(json.loads(self.read(path)))
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, RecursionError) as error:
            raise StoreError(
                f"{self.link(path)}: not the JSON it should be ({error}); remove it and build again"
            ) from None

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
