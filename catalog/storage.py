"""Storage on any fsspec URL, where a file is seen whole or not at all.

On a local disk a file is written beside its place and renamed into it; on
other stores one put is one object, which is seen when it is complete; of those that
are not known to be so, `Store.find_weakness` says it.
"""

from __future__ import annotations

import json
import os
import time
import uuid
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from errata.errors import ErrataError, ErrataWarning
from errata.storage import TEMPORARY, Storage
from fsspec.implementations.memory import MemoryFileSystem

from schemas.errors import ApplicationError

ATOMIC = frozenset(("file", "local", "memory", "s3", "s3a", "gs", "gcs"))
"""Protocols of stores that show a file when it is whole, and create one only where there is none."""
READ_ONLY = frozenset(("http", "https"))
CONFLICT = "ConditionalRequestConflict"
"""What S3 answers where several create an object at once: none may have."""
BUSY = (0.2, 1.0, 3.0)
"""Seconds to wait before an object is created again, where others just do so."""
OBJECT_STORES = frozenset(("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss"))
"""Protocols of stores that have no folders."""
_CREATING = Lock()
"""Held while a file is created exclusively: `memory://` first looks and then writes."""


class StoreError(ApplicationError):
    """The store cannot be read or written; the message says where, why and what to do."""


class _Files(dict[str, Any]):
    """What is in memory. It is listed as it is at one moment: fsspec goes through the items themselves, and fails where a thread writes meanwhile."""

    def items(self) -> Any:
        """Those of now."""
        return dict(self).items()


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
        with _CREATING:
            if self.in_memory and not isinstance(MemoryFileSystem.store, _Files):
                MemoryFileSystem.store = _Files(MemoryFileSystem.store)

    @property
    def is_read_only(self) -> bool:
        """Whether it can be read alone."""
        return not READ_ONLY.isdisjoint(self._list_protocols())

    def find_weakness(self) -> str | None:
        """What people must know of it before they write to it; None of those where a file appears whole or not at all."""
        protocols = self._list_protocols()
        if self.is_read_only:
            return f"store {self.url}: {protocols[0]} is only read; build into another store and copy its folder to the server"
        if ATOMIC.isdisjoint(protocols):
            return (
                f"store {self.url}: {protocols[0]} is not known to show files whole and to create them only where there are "
                "none: run one build at a time, and let nobody read before it has ended; file and s3 have no such limits"
            )
        return None

    def _list_protocols(self) -> tuple[str, ...]:
        protocol = self.fs.protocol
        return (protocol,) if isinstance(protocol, str) else tuple(protocol)

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

    def read_range(self, path: str, start: int, stop: int) -> bytes:
        """Some bytes of a file, fewer where it ends before; `FileNotFoundError` if there is none."""
        try:
            return bytes(self.fs.cat_file(self.full(path), start=start, end=stop))
        except (FileNotFoundError, NotADirectoryError):
            raise FileNotFoundError(self.link(path)) from None
        except Exception as error:
            raise self.unreadable(path, error) from error

    def measure(self, path: str) -> dict[str, int]:
        """The bytes of each file in a folder, by its name; none if there is no such folder."""
        infos = self._list(path, detail=True)
        return {str(info["name"]).rsplit("/", 1)[-1]: int(info.get("size") or 0) for info in infos}

    def written(self, path: str) -> float:
        """When a file was written: seconds since 1970, UTC; `FileNotFoundError` if there is none."""
        return float(self.fs.modified(self.full(path)).timestamp())

    def write(self, path: str, data: bytes) -> None:
        """Write a file, replacing any there."""
        with self.writing(path):
            self._put(path, data)

    def write_chunks(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a file of any length; what the chunks raise leaves none, and `StoreError` is what the store raises."""
        if self.local:
            self._write_chunks(path, chunks)
            return
        with self.writing(path):
            self.fs.makedirs(self.fs._parent(self.full(path)), exist_ok=True)
            file = self.fs.open(self.full(path), "wb", autocommit=False)
        try:
            for chunk in chunks:
                with self.writing(path):
                    file.write(chunk)
            with self.writing(path):
                file.close()
        except BaseException:
            file.discard()
            raise
        with self.writing(path):
            file.commit()

    def create(self, path: str, data: bytes) -> bool:
        """Write a file that must not be there yet; False, and nothing changed, where another is."""
        with self.writing(path):
            return self._create(path, data)

    def check_writable(self) -> None:
        """Raise `StoreError` now rather than after an hour of work; warn of a weak store."""
        if not self.is_read_only and (weakness := self.find_weakness()):
            warnings.warn(weakness, ErrataWarning, stacklevel=2)
        probe = f"{TEMPORARY}{uuid.uuid4().hex}"
        self.write(probe, b"")
        with self.writing(probe):
            self.fs.rm_file(self.full(probe))

    @contextmanager
    def writing(self, path: str) -> Iterator[None]:
        """Raise what a file system raises of writing as `StoreError`; botocore's and aiohttp's errors are no `OSError`."""
        if self.is_read_only:
            raise StoreError(str(self.find_weakness()))
        try:
            yield
        except StoreError:
            raise
        except Exception as error:
            raise self._unwritable(path, error) from error

    def _unwritable(self, path: str, error: Exception) -> StoreError:
        why = " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())[:200]
        return StoreError(f"{self.link(path)}: cannot be written ({why}); free it, or give another place with --store")

    def _put(self, path: str, data: bytes) -> None:
        if self.local:
            temporary = self._temporary(path, data)
            os.replace(temporary, self.full(path))
        else:
            self._make_parent(path)
            self.fs.pipe_file(self.full(path), data)

    def _make_parent(self, path: str) -> None:
        """Make the folder of a file, where there are such: an object store has none, and to ask for one is a request."""
        if OBJECT_STORES.isdisjoint(self._list_protocols()):
            self.fs.makedirs(self.fs._parent(self.full(path)), exist_ok=True)

    def _create(self, path: str, data: bytes) -> bool:
        if self.in_memory:
            with _CREATING:
                return self._create_object(path, data)
        if not self.local:
            # a reply that got lost was asked for again, and then our own object is in the way
            return self._create_patiently(path, data) or self.read(path) == data
        temporary = self._temporary(path, data)
        try:
            os.link(temporary, self.full(path))
        except FileExistsError:
            return False
        finally:
            os.unlink(temporary)
        return True

    def _create_patiently(self, path: str, data: bytes) -> bool:
        for seconds in BUSY:
            try:
                return self._create_object(path, data)
            except OSError as error:
                if CONFLICT not in str(error):
                    raise
                time.sleep(seconds)
        return self._create_object(path, data)

    def _create_object(self, path: str, data: bytes) -> bool:
        self._make_parent(path)
        try:
            self.fs.pipe_file(self.full(path), data, mode="create")
        except FileExistsError:
            return False
        return True

    def _write_chunks(self, path: str, chunks: Iterable[bytes]) -> None:
        with self.writing(path):
            temporary = self._temporary(path, b"")
        try:
            with open(temporary, "wb") as file:
                for chunk in chunks:
                    with self.writing(path):
                        file.write(chunk)
            with self.writing(path):
                os.replace(temporary, self.full(path))
        except BaseException:
            os.unlink(temporary)
            raise

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
