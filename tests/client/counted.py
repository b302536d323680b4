"""A file system `counted://` over this disk that is no local one: it notes each file it opens, and can be slow or break."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import fsspec
from fsspec.implementations.local import LocalFileSystem
from fsspec.spec import AbstractFileSystem

LOG, SLOW, BREAK = "COUNTED_LOG", "COUNTED_SLOW", "COUNTED_BREAK"


class Breaking:
    """A file that ends in an error after some bytes."""

    def __init__(self, file: Any, after: int | None, slow: float) -> None:
        self.file, self.left, self.slow = file, after, slow

    def read(self, size: int = -1) -> bytes:
        time.sleep(self.slow)
        if self.left is None:
            return bytes(self.file.read(size))
        if self.left <= 0:
            raise ConnectionResetError("connection reset by peer")
        result = bytes(self.file.read(min(size, self.left) if size > 0 else self.left))
        self.left -= len(result)
        return result

    def seek(self, place: int, whence: int = 0) -> int:
        return int(self.file.seek(place, whence))

    def tell(self) -> int:
        return int(self.file.tell())

    def __enter__(self) -> Breaking:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()


class CountedFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """This disk, behind another name."""

    protocol = "counted"
    local = LocalFileSystem()

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        return str(path).removeprefix("counted://").rstrip("/")

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        result: list[Any] = self.local.ls(path, detail=detail)
        return result

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        result: dict[str, Any] = self.local.info(self._strip_protocol(path))
        return result

    def _open(self, path: str, mode: str = "rb", **_: Any) -> Any:
        if path.endswith(".parquet"):
            with open(os.environ[LOG], "a") as log:
                log.write(f"{path}\n")
            after = os.environ.get(BREAK)
            return Breaking(self.local.open(path, mode), int(after) if after else None, float(os.environ.get(SLOW, 0)))
        return self.local.open(path, mode)


def opened(log: Path) -> list[str]:
    """The files opened so far."""
    return log.read_text().split() if log.exists() else []


fsspec.register_implementation("counted", CountedFileSystem, clobber=True)
