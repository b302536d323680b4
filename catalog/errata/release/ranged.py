"""Files of a release that are read piece by piece as they are needed, from the disk or from the store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from fsspec.spec import AbstractBufferedFile

from ..errors import Unreadable
from ..storage import Storage

Read = Callable[[int, int], bytes]
"""The bytes of a file from one place up to another."""


class RangedFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file of which only the pieces that are asked for are read."""

    def __init__(self, fs: Any, path: str, size: int, read: Read, **options: Any) -> None:
        super().__init__(fs, path, "rb", size=size, **options)
        self._pieces = read

    def _fetch_range(self, start: int, end: int) -> bytes:
        return self._pieces(start, end)


def on_disk(path: Path, name: str) -> Read:
    """A way to read any bytes of a file on this disk."""

    def read(start: int, end: int) -> bytes:
        with path.open("rb") as opened:
            opened.seek(start)
            return _whole(opened.read(end - start), end - start, name)

    return read


def in_store(place: Storage, at: str) -> Read:
    """A way to read any bytes of a file in a store; `Unreadable` where it is missing or too short."""

    def read(start: int, end: int) -> bytes:
        try:
            found = bytes(place.fs.cat_file(place.full(at), start=start, end=end))
        except FileNotFoundError:
            raise Unreadable(f"{place.link(at)}: is missing; `errata verify` tells more") from None
        except Exception as error:
            raise place.unreadable(at, error) from error
        return _whole(found, end - start, place.link(at))

    return read


def _whole(found: bytes, size: int, name: str) -> bytes:
    if len(found) != size:
        raise Unreadable(f"{name}: ends too early; `errata verify` tells more")
    return found
