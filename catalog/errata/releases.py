"""Releases in a store: finding, checking and loading them.

A release is the folder `releases/<corpus>/<version>` of a store, on any fsspec
URL; it exists when its `manifest.json` does.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, get_args

import fsspec

STORE = "ERRATA_STORE"
TEMPORARY = ".errata-tmp-"
"""How names begin that belong to the publishing of a release and not to the release."""
FORMAT = 1
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?")
_VERSION = re.compile(r"(?:0|[1-9]\d{0,8})\.(?:0|[1-9]\d{0,8})\.(?:0|[1-9]\d{0,8})")

Form = Literal["arrow", "polars", "datasets", "paths"]


class ErrataError(Exception):
    """Something is wrong with what was asked for, or with a release; the message says what to do."""


class NotFound(ErrataError):
    """There is no such corpus, version, view or split."""


class Unreadable(ErrataError):
    """A release is damaged, or of a format this client does not know."""


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in version.split("."))


@dataclass(frozen=True)
class Release:
    """One version of a corpus."""

    url: str
    """The folder it lies in."""
    manifest: dict[str, Any]
    """What it holds: files with checksums, columns, counts, funnel, lineage."""

    @property
    def name(self) -> str:
        """`corpus@version`."""
        return f"{self.manifest['corpus']}@{self.manifest['version']}"

    @property
    def views(self) -> list[str]:
        """Its row formats, the first being the default."""
        return list(self.manifest["columns"])

    def files(self, view: str | None = None, split: str | None = None) -> list[dict[str, Any]]:
        """The data files of a view (the first by default) and split (all by default)."""
        view = view or self.views[0]
        if view not in self.views:
            raise NotFound(f"{self.name} has no view '{view}'; there are {', '.join(self.views)}")
        found = [file for file in self.manifest["files"] if file.get("view") == view]
        if split is not None and split not in (splits := sorted({str(file["split"]) for file in found})):
            raise NotFound(f"view '{view}' of {self.name} has no split '{split}'; there are {', '.join(splits)}")
        return [file for file in found if split in (None, file["split"])]

    def faults(self) -> list[str]:
        """What differs from the manifest: missing, changed and extra files; empty if nothing does."""
        fs, root = _open(self.url)
        known = {file["path"]: file for file in self.manifest["files"]}
        there = {str(path)[len(root) :].lstrip("/") for path in fs.find(root)} - {"manifest.json"}
        there = {path for path in there if not path.startswith(TEMPORARY)}
        faults = [f"{path}: is missing" for path in sorted(known.keys() - there)]
        faults += [f"{path}: is not in the manifest" for path in sorted(there - known.keys())]
        for path in sorted(known.keys() & there):
            digest = hashlib.sha256()
            with fs.open(f"{root}/{path}", "rb") as file:
                while chunk := file.read(2**20):
                    digest.update(chunk)
            if digest.hexdigest() != known[path]["sha256"]:
                faults.append(
                    f"{path}: its bytes changed (SHA-256 {digest.hexdigest()[:12]}…, {known[path]['sha256'][:12]}… released)"
                )
        return faults


def _store(store: str | None) -> str:
    place = store or os.environ.get(STORE) or "store"
    bare = place.rstrip("/")
    return place if bare.endswith(":") else bare  # `memory://` is a store, `memory:` a folder of that name


def _open(url: str) -> tuple[Any, str]:
    """The file system of a URL and the path in it."""
    try:
        fs, path = fsspec.url_to_fs(url)
    except (ValueError, ImportError) as error:
        raise ErrataError(f"store {url}: {error}; give a path or a URL such as s3://bucket/folder") from None
    return fs, str(path)


def releases(store: str | None = None) -> list[tuple[str, str]]:
    """All corpora and versions of a store, versions in their order.

    The store is a path or URL; by default that of the environment variable
    ERRATA_STORE, or `store` in the current folder.
    """
    fs, root = _open(f"{_store(store)}/releases")
    found = []
    for corpus in filter(_NAME.fullmatch, _names(fs, root)):
        for version in _names(fs, f"{root}/{corpus}"):
            if _VERSION.fullmatch(version) and fs.exists(f"{root}/{corpus}/{version}/manifest.json"):
                found.append((corpus, version))
    return sorted(found, key=lambda one: (one[0], _order(one[1])))


def _names(fs: Any, folder: str) -> list[str]:
    try:
        return [str(path).rstrip("/").rsplit("/", 1)[-1] for path in fs.ls(folder, detail=False)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def open_release(name: str, store: str | None = None) -> Release:
    """The release that `corpus` (its newest version) or `corpus@1.2.3` names."""
    corpus, _, version = name.partition("@")
    if not _NAME.fullmatch(corpus) or (version and not _VERSION.fullmatch(version)):
        raise ErrataError(f"{name[:80]!r} names no release; write corpus or corpus@1.2.3")
    if "@" in name and not version:
        raise ErrataError(f"{name!r} names no version after '@'; write corpus@1.2.3, or leave '@' out for the newest")
    place = _store(store)
    known = releases(store)
    versions = [one for seen, one in known if seen == corpus]
    if not versions:
        near = get_close_matches(corpus, sorted({seen for seen, _ in known}), n=1)
        hint = (
            f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted({c for c, _ in known})) or 'none'}"
        )
        raise NotFound(f"store {place}: no corpus '{corpus}'; {hint}")
    version = version or versions[-1]
    if version not in versions:
        raise NotFound(f"store {place}: '{corpus}' has no version {version}; there are {', '.join(versions)}")
    url = f"{place}/releases/{corpus}/{version}"
    with fsspec.open(f"{url}/manifest.json", "rb") as file:
        try:
            manifest = dict(json.load(file))
        except (ValueError, TypeError) as error:
            raise Unreadable(f"{url}/manifest.json: not the JSON it should be ({error}); restore it") from None
    if manifest.get("format") != FORMAT:
        raise Unreadable(f"{url}: its format is {manifest.get('format')}, this client reads {FORMAT}; upgrade `errata`")
    return Release(url, manifest)


def load(
    name: str, view: str | None = None, split: str | None = None, store: str | None = None, form: Form = "arrow"
) -> Any:
    """The rows of a release: an Arrow table, a Polars frame, a `datasets.Dataset`, or the files' URLs.

    Without `split` the rows of all splits come together; `datasets` and
    `polars` must be installed where their form is asked for.
    """
    if form not in get_args(Form):
        raise ErrataError(f"unknown form {form!r}; there are {', '.join(get_args(Form))}")
    release = open_release(name, store)
    urls = [f"{release.url}/{file['path']}" for file in release.files(view, split)]
    if form == "paths":
        return urls
    import pyarrow as pa
    import pyarrow.parquet as pq

    def read(url: str) -> pa.Table:
        try:
            with fsspec.open(url, "rb") as file:
                # of Arrow's threads one may outlive the read and abort the interpreter's exit (apache/arrow#34314)
                return pq.ParquetFile(file).read(use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise Unreadable(f"{url}: cannot be read ({error}); `errata verify {release.name}` tells more") from None

    table = pa.concat_tables([read(url) for url in urls])
    if form == "arrow":
        return table
    if form == "polars":
        import polars

        return polars.from_arrow(table)
    import datasets

    return datasets.Dataset(table)
