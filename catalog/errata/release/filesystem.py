"""`corpus://mwpes@1.2.0/stepwise/train-*.parquet`: releases as a file system, for whatever reads through fsspec.

    corpus://                                       the releases of the store
    corpus://mwpes@^1.2                             its views and its card
    corpus://mwpes@^1.2/stepwise                    its shards
    corpus://mwpes@^1.2/stepwise/train-00000.parquet
    corpus://mwpes@^1.2/stepwise/train.parquet      the split, where it is one shard

What the cache holds is read from there, the rest as it is asked for, without
being downloaded as a whole.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import fsspec
from fsspec.spec import AbstractFileSystem

from ..errors import NotFound
from ..storage import Storage
from .find import Release, open_release, releases
from .names import parse_name

Entry = dict[str, Any]
OPTIONS = ("block_size", "cache_type", "cache_options")
"""Options of opening a file that are heeded."""


class CorpusFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Releases as a file system that can be read only; `store` is a path or URL, by default ERRATA_STORE."""

    protocol = "corpus"
    root_marker = ""

    def __init__(self, store: str | None = None, **options: Any) -> None:
        super().__init__(store=store, **options)
        self.store = store
        self._opened: dict[tuple[str, str], Release] = {}

    def release(self, name: str) -> Release:
        """The release of a name; the same one as long as this file system lives, whatever is published meanwhile."""
        key = (Storage(self.store).url, name)
        if key not in self._opened:
            self._opened[key] = open_release(name, self.store)
        return self._opened[key]

    def invalidate_cache(self, path: str | None = None) -> None:
        """Ask again which release a name means."""
        self._opened.clear()

    def info(self, path: str, **_: Any) -> Entry:
        """Name, size and type; of files `ETag`, which changes when the bytes do."""
        path = self._strip_protocol(path)
        name, below = _split_path(path)
        if not name:
            return _describe_folder(path)
        release = self.release(name)
        if not below or below in release.views:
            return _describe_folder(path)
        return _describe_file(path, _find_file(release, path, below))

    def modified(self, path: str) -> datetime:
        """A time that differs where the bytes do (DuckDB asks for it): releases have none, for they never change."""
        seconds = int(self.info(path).get("ETag", "0")[:7], 16)
        return datetime.fromtimestamp(seconds, UTC)

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """What is in a folder; the entry itself, of a file."""
        path = self._strip_protocol(path)
        name, below = _split_path(path)
        if not name:
            entries = [_describe_folder(f"{corpus}@{version}") for corpus, version in releases(self.store)]
        elif not below:
            release = self.release(name)
            entries = [_describe_folder(f"{path}/{view}") for view in release.views]
            others = [file for file in release.manifest["files"] if not file.get("view")]
            entries += [_describe_file(f"{path}/{file['path']}", file) for file in others]
        elif below in (release := self.release(name)).views:
            entries = [_describe_file(f"{name}/{file['path']}", file) for file in release.files(below)]
        else:
            entries = [self.info(path)]
        return entries if detail else [entry["name"] for entry in entries]

    def _open(self, path: str, mode: str = "rb", block_size: Any = None, **options: Any) -> Any:
        if mode != "rb":
            raise PermissionError(f"corpus://{path}: releases never change; open it for reading")
        name, below = _split_path(path)
        release = self.release(name)
        settings = {"block_size": block_size, **options}
        known = {option: settings[option] for option in OPTIONS if settings.get(option) is not None}
        return release.open(_find_file(release, path, below), fs=self, **known)

    @classmethod
    def _strip_protocol(cls, path: Any) -> Any:
        stripped = super()._strip_protocol(path)
        if isinstance(stripped, str) and (name := stripped.partition("/")[0]):
            parse_name(name)
        return stripped


def _find_file(release: Release, path: str, below: str) -> Entry:
    """The stored file that a path names: by its own name, or as the only shard of a split."""
    own = next((file for file in release.manifest["files"] if file["path"] == below), None)
    if own:
        return dict(own)
    view, _, name = below.partition("/")
    split = name.removesuffix(".parquet")
    shards = [] if split == name or view not in release.views else release.files(view)
    shards = [file for file in shards if file["split"] == split]
    if len(shards) == 1:
        return shards[0]
    asked = path.partition("/")[0][:80]
    if shards:
        hint = f"read corpus://{asked}/{view}/{split}-*.parquet"
        # no FileNotFoundError, in whose place readers say words of their own
        raise NotFound(f"corpus://{path}: the split is {len(shards)} files; {hint}")
    raise FileNotFoundError(f"corpus://{path}: no such file; errata show {asked} lists what there is")


def _split_path(path: str) -> tuple[str, str]:
    """A release's name, and what is named in it."""
    name, _, below = path.partition("/")
    return name, below


def _describe_file(path: str, file: Entry) -> Entry:
    return {"name": path, "size": file["bytes"], "type": "file", "ETag": file["sha256"]}


def _describe_folder(path: str) -> Entry:
    return {"name": path, "size": 0, "type": "directory"}


fsspec.register_implementation("corpus", CorpusFileSystem, clobber=True)
