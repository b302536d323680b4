"""A file of a release of which only what is asked for is read, from the disk or from the store.

Each read names its own place: several threads of a reader, as DuckDB's, share a file without moving each other's
position, and nothing stays open.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fsspec.spec import AbstractBufferedFile

from ..errors import Unreadable
from ..storage import Storage


class PartialFile(AbstractBufferedFile):  # type: ignore[misc]
    """A file that is read piece by piece.

    Args:
        fs: The file system that it is a file of.
        path: Its name there.
        size: Its bytes, as they were released.
        source: Where it is read: a path on this disk, or a store and the path in it.
        options: Those of `AbstractBufferedFile`, such as `block_size` and `cache_type`.
    """

    def __init__(self, fs: Any, path: str, size: int, source: Path | tuple[Storage, str], **options: Any) -> None:
        super().__init__(fs, path, "rb", size=size, **options)
        self.source = source

    def _fetch_range(self, start: int, end: int) -> bytes:
        if isinstance(self.source, Path):
            data, name = _read_disk(self.source, start, end), str(self.source)
        else:
            storage, at = self.source
            data, name = _read_store(storage, at, start, end), storage.link(at)
        if len(data) != end - start:
            raise Unreadable(f"{name}: ends too early; `errata verify` tells more")
        return data


def _read_disk(path: Path, start: int, end: int) -> bytes:
    with path.open("rb") as opened:
        opened.seek(start)
        return opened.read(end - start)


def _read_store(storage: Storage, at: str, start: int, end: int) -> bytes:
    try:
        return bytes(storage.fs.cat_file(storage.full(at), start=start, end=end))
    except FileNotFoundError:
        raise Unreadable(f"{storage.link(at)}: is missing; `errata verify` tells more") from None
    except Exception as error:
        raise storage.unreadable(at, error) from error
