"""`corpus://mwpes@1.2.0/stepwise/train.parquet`: releases as a file system, for whatever reads through fsspec.

    corpus://                              the releases of the store
    corpus://mwpes@^1.2                    its views and its card
    corpus://mwpes@^1.2/stepwise           its splits
    corpus://mwpes@^1.2/stepwise/train.parquet

A split is one file, however many it is stored in; those can be named too
(`train-00000.parquet`). What the cache holds is read from there, the rest as
it is asked for, without being downloaded as a whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import fsspec
from fsspec.spec import AbstractFileSystem

from ..storage import Storage
from .find import Release, open_release, releases
from .joined import Joined, join
from .names import wanted
from .ranged import RangedFile

Entry = dict[str, Any]


class CorpusFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Releases as a file system that can be read only; `store` is a path or URL, by default ERRATA_STORE."""

    protocol = "corpus"
    root_marker = ""

    def __init__(self, store: str | None = None, **options: Any) -> None:
        super().__init__(store=store, **options)
        self.store = store
        self._opened: dict[tuple[str, str], Release] = {}
        self._joined: dict[tuple[str, str], Joined] = {}

    def release(self, name: str) -> Release:
        """The release of a name; the same one as long as this file system lives, whatever is published meanwhile."""
        key = (Storage(self.store).url, name)
        if key not in self._opened:
            self._opened[key] = open_release(name, self.store)
        return self._opened[key]

    def invalidate_cache(self, path: str | None = None) -> None:
        """Ask again which release a name means."""
        self._opened.clear()
        self._joined.clear()

    def info(self, path: str, **_: Any) -> Entry:
        """Name, size and type; of files `ETag`, which changes when the bytes do."""
        path = self._strip_protocol(path)
        name, below = _parted(path)
        if not name:
            return _folder(path)
        release = self.release(name)
        if not below or below in release.views:
            return _folder(path)
        files = self._files(release, below)
        if not files:
            raise FileNotFoundError(f"corpus://{path}: no such file; errata show {name} lists what there is")
        size = files[0]["bytes"] if len(files) == 1 else self._join(release, below, files).size
        return {"name": path, "size": size, "type": "file", "ETag": "-".join(file["sha256"] for file in files)[:129]}

    def modified(self, path: str) -> datetime:
        """A time that differs where the bytes do (DuckDB asks for it): releases have none, for they never change."""
        seconds = int(self.info(path).get("ETag", "0")[:7], 16)
        return datetime.fromtimestamp(seconds, UTC)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is in a folder; the entry itself, of a file."""
        path = self._strip_protocol(path)
        name, below = _parted(path)
        if not name:
            found = [_folder(f"{corpus}@{version}") for corpus, version in releases(self.store)]
        elif not below:
            release = self.release(name)
            plain = [file["path"] for file in release.manifest["files"] if not file.get("view")]
            found = [_folder(f"{path}/{view}") for view in release.views]
            found += [self.info(f"{path}/{one}") for one in plain]
        elif below in (release := self.release(name)).views:
            splits = dict.fromkeys(file["split"] for file in release.files(below))
            found = [self.info(f"{path}/{split}.parquet") for split in splits]
        else:
            found = [self.info(path)]
        return found if detail else [entry["name"] for entry in found]

    def _files(self, release: Release, below: str) -> list[Entry]:
        """The stored files that a path names: one by its own name, or all of a split."""
        own = [file for file in release.manifest["files"] if file["path"] == below]
        view, _, file = below.partition("/")
        split = file.removesuffix(".parquet")
        if own or split == file or view not in release.views:
            return own
        return [file for file in release.files(view) if file["split"] == split]

    def _join(self, release: Release, below: str, files: list[Entry]) -> Joined:
        key = (release.digest, below)
        if key not in self._joined:
            parts = [(release.at(file), file["bytes"], release.reader(file)) for file in files]
            self._joined[key] = join(parts)
        return self._joined[key]

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **options: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"corpus://{path}: releases never change; open it for reading")
        name, below = _parted(path)
        release = self.release(name)
        files = self._files(release, below)
        if not files:
            raise FileNotFoundError(f"corpus://{path}: no such file; errata show {name[:80]} lists what there is")
        joined = self._join(release, below, files) if len(files) > 1 else None
        size, read = (files[0]["bytes"], release.reader(files[0])) if joined is None else (joined.size, joined.read)
        return RangedFile(self, path, size, read, block_size=block_size or "default", **_known(options))

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        found = super()._strip_protocol(path)
        if isinstance(found, str) and (name := found.partition("/")[0]):
            wanted(name)
        return found


def _known(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name in ("cache_type", "cache_options")}


def _parted(path: str) -> tuple[str, str]:
    """A release's name, and what is named in it."""
    name, _, below = path.partition("/")
    return name, below


def _folder(path: str) -> Entry:
    return {"name": path, "size": 0, "type": "directory"}


fsspec.register_implementation("corpus", CorpusFileSystem, clobber=True)
