"""Releases in a store, or in the cache: finding and checking them.

A release is the folder `releases/<corpus>/<version>` of a store, on any fsspec
URL; it exists when its `manifest.json` does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import UTC
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Any

from .. import cache
from ..errors import ErrataError, NotFound, Unreadable
from ..signing import SIGNATURE
from ..storage import TEMPORARY, Storage
from .names import EXACT, NAME, parse_name, sort_versions
from .partial_file import PartialFile
from .resolve import ResolvedRelease, resolve


@dataclass(frozen=True)
class Release:
    """One version of a corpus."""

    url: str
    """The folder it lies in."""
    manifest: dict[str, Any] = field(repr=False)
    """What it holds: files with checksums, columns, counts, funnel, lineage."""
    digest: str
    """SHA-256 of its manifest, by which it can be pinned."""
    store: str
    """The store it lies in."""

    @property
    def name(self) -> str:
        """`corpus@version`."""
        return f"{self.manifest['corpus']}@{self.manifest['version']}"

    @property
    def pin(self) -> str:
        """`corpus@version#sha256:…`: this release and no other."""
        return f"{self.name}#sha256:{self.digest}"

    @property
    def views(self) -> list[str]:
        """Its row formats, the first being the default."""
        return list(self.manifest.get("views", self.manifest["columns"]))

    @cached_property
    def storage(self) -> Storage:
        """Its store."""
        return Storage(self.store)

    def at(self, file: dict[str, Any]) -> str:
        """Where a file lies in the store."""
        return f"releases/{self.name.replace('@', '/')}/{file['path']}"

    def find_date(self) -> str | None:
        """When it was released, as an ISO date and time (UTC); None where its store does not say. Its files do not: a build again makes the same bytes."""
        path = f"releases/{self.name.replace('@', '/')}/manifest.json"
        try:
            changed = self.storage.fs.modified(self.storage.full(path))
        except Exception:  # a store of any kind, which may not know
            return None
        return str(changed.astimezone(UTC).isoformat(timespec="seconds"))

    def files(self, view: str | None = None, split: str | None = None) -> list[dict[str, Any]]:
        """The data files of a view and split.

        Args:
            view: The row format; else the release's first.
            split: Its split; else all.

        Returns:
            Of each file `path` (below the release's folder), `bytes`, `rows`, `sha256`, `view` and `split`.

        Raises:
            NotFound: There is no such view or split.

        """
        view = self.views[0] if view is None else view
        if view not in self.views:
            near = get_close_matches(view, self.views, n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(self.views)}"
            raise NotFound(f"{self.name} has no view '{view}'; {hint}")
        files = [file for file in self.manifest["files"] if file.get("view") == view]
        if split is not None and split not in (splits := sorted({str(file["split"]) for file in files})):
            raise NotFound(f"view '{view}' of {self.name} has no split '{split}'; there are {', '.join(splits)}")
        return [file for file in files if split in (None, file["split"])]

    def local(self, file: dict[str, Any]) -> Path | None:
        """Where a file lies on this disk, its bytes being those released; None if it must be downloaded first."""
        if self.storage.local:
            path = Path(self.storage.full(self.at(file)))
            if cache.is_intact(path, file):
                return path
        path = self._cached(file)
        return path if cache.is_intact(path, file) else None

    def path(self, file: dict[str, Any]) -> Path:
        """A file on this disk, downloaded into the cache if need be, its bytes compared with its checksum.

        Args:
            file: One of `files`.

        Returns:
            Where it lies on this disk.

        Raises:
            ErrataError: It cannot be had: the store does not answer, its bytes are others than those released, or ERRATA_OFFLINE forbids to download it.

        """
        local = self.local(file)
        if local is not None:
            return local
        if self.storage.local:
            raise self._damaged(file)
        if cache.is_offline():
            raise ErrataError(f"{self.name}: {file['path']} is not in the cache; unset {cache.OFFLINE} to download it")
        return cache.download(self._cached(file), file, self.storage, self.at(file))

    def open(self, file: dict[str, Any], fs: Any = None, **options: Any) -> PartialFile:
        """A file, open for reading: on the disk where it lies there, else read from the store as it is asked for.

        Args:
            file: One of the manifest's `files`.
            fs: The file system that the file is said to be of; the store's by default.
            options: Those of a buffered file of fsspec, such as `block_size` and `cache_type`.

        Returns:
            A file of bytes.

        Raises:
            Unreadable: The file is missing or damaged; in reading, or the store does not answer.
            ErrataError: It would have to be read from a store while none may be asked.
        """
        local = self.local(file)
        if not local and self.storage.local:
            raise self._damaged(file)
        if not local and cache.is_offline():
            raise ErrataError(f"{self.name}: {file['path']} is not in the cache; unset {cache.OFFLINE} to read it")
        at = self.at(file)
        return PartialFile(fs or self.storage.fs, at, file["bytes"], local or (self.storage, at), **options)

    def _cached(self, file: dict[str, Any]) -> Path:
        return cache.locate_file(self.manifest["corpus"], self.manifest["version"], self.digest, file["path"])

    def _damaged(self, file: dict[str, Any]) -> Unreadable:
        where = self.storage.link(self.at(file))
        changed = self.storage.exists(self.at(file))
        why = "its bytes changed since it was released" if changed else "it is missing"
        return Unreadable(f"{where}: cannot be read ({why}); `errata verify {self.name}` tells more")

    def faults(self) -> list[str]:
        """What differs from the manifest in the store: missing, changed and extra files; empty if nothing does."""
        place, folder = self.storage, f"releases/{self.name.replace('@', '/')}"
        known = {file["path"]: file for file in self.manifest["files"]}
        try:
            place.fs.invalidate_cache()
            paths = place.fs.find(place.full(folder))
        except Exception as error:
            raise place.unreadable(folder, error) from error
        stored = {str(path)[len(place.full(folder)) :].lstrip("/") for path in paths} - {"manifest.json", SIGNATURE}
        stored = {path for path in stored if not path.startswith(TEMPORARY)}
        faults = [f"{path}: is missing" for path in sorted(known.keys() - stored)]
        faults += [f"{path}: is not in the manifest" for path in sorted(stored - known.keys())]
        for path in sorted(known.keys() & stored):
            digest = hashlib.sha256()
            for chunk in cache.read_chunks(place, f"{folder}/{path}"):
                digest.update(chunk)
            if digest.hexdigest() != known[path]["sha256"]:
                now, released = digest.hexdigest()[:12], known[path]["sha256"][:12]
                faults.append(f"{path}: its bytes changed (SHA-256 {now}…, {released}… released)")
        return faults


def releases(store: str | None = None) -> list[tuple[str, str]]:
    """All corpora and versions of a store, versions in their order.

    Args:
        store: A path or URL; else that of the environment variable ERRATA_STORE, or `store` in the current folder.

    Returns:
        Pairs of corpus and version.

    Raises:
        Unreachable: The store does not answer.

    """
    place = Storage(store)
    result = []
    for corpus in filter(NAME.fullmatch, place.names("releases")):
        versions = [version for version in place.names(f"releases/{corpus}") if EXACT.fullmatch(version)]
        for version in sort_versions(versions):
            if place.exists(f"releases/{corpus}/{version}/manifest.json"):
                result.append((corpus, version))
    return result


def open_release(name: str, store: str | None = None) -> Release:
    """The release that a name asks for.

    What `errata.lock` in the current folder pins is what it pins. A withdrawn
    version is given only to who names exactly it, with an `ErrataWarning`.

    Args:
        name: `corpus`, its newest version; or with `@1.2.3`, `@^1.2`, `@~1.2`, `@>=1.0,<2`, `@tag`, `@1.2.3#sha256:…`.
        store: A path or URL; else that of the environment variable ERRATA_STORE, or `store` in the current folder.

    Returns:
        The release; none of its files is read yet.

    Raises:
        ErrataError: What was asked for is wrong, or the release cannot be read: `NotFound`, `Yanked`, `Locked`, `Unreadable`, `Unreachable`.

    """
    result: ResolvedRelease = resolve(parse_name(name), store)
    return Release(
        f"{result.store}/releases/{result.corpus}/{result.version}", result.manifest, result.digest, result.store
    )
