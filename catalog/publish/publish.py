"""Publishing: a release appears whole or not at all, and never changes.

    releases/<corpus>/<version>/
        <view>/<split>-00000.parquet
        index/<view>-00000.parquet      what later corpora are compared with, where the view has solutions
        README.md               the card
        croissant.json          the same for machines
        report.html             the quality report, and report.json, the statistics that it shows
        schemas/<view>.json     JSON Schema
        manifest.json

On a local disk the folder is made beside its place and renamed into it. On
other stores the files come first and the manifest, created exclusively, last:
a folder without a manifest is no release.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pyarrow as pa
from errata.release.manifest_shape import PUBLISHED
from errata.release.shapes import find_faults
from errata.storage import TEMPORARY

from catalog.publish.shards import Shards
from catalog.storage import Store, StoreError
from catalog.tables import format_canonical_json
from schemas.contract import Contract
from schemas.errors import ApplicationError
from schemas.frames import to_arrow_schema

FORMAT = 1
INDEX = "index"
"""The folder of a release that holds the indexes of its views."""


class PublishError(ApplicationError):
    """A version is published already with other content."""

    exit_code = 4


@dataclass
class View:
    """A view to be published: its contract, and its rows by split, part by part."""

    contract: Contract
    parts: Iterable[Mapping[str, pl.DataFrame]]
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Rows by split, set and model, filled while they are written."""
    filled: Counter[str] = field(default_factory=Counter)
    """Rows in which a column says something (no null, no empty text or list), by its name; filled likewise."""
    index: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    """From rows to those of the index that the release keeps of the view, if it keeps one."""

    def write(self, store: Store, staged: str, name: str) -> Iterator[dict[str, Any]]:
        """Write the splits of the view in shards, within the memory of a few parts.

        Args:
            store: The store.
            staged: The folder of the release, below which they are written.
            name: The view's name.

        Yields:
            What the manifest says of each file.

        """
        shards: dict[str, Shards] = {}
        index: Shards | None = None
        for part in self.parts:
            for split, frame in part.items():
                schema = to_arrow_schema(self.contract)
                shards.setdefault(split, Shards(store, f"{staged}/{name}", split, schema)).add(frame)
                self.filled.update(count_filled(frame))
                self.counts.update(count_sets(split, frame))
                if self.index is not None and frame.height:
                    indexed = self.index(frame)
                    index = index or Shards(store, f"{staged}/{INDEX}", name, make_plain_schema(indexed))
                    index.add(indexed)
        for split, writer in shards.items():
            for shard in writer.close():
                yield {"view": name, "split": split, "rows": shard.rows, **shard.seal()}
        for shard in index.close() if index is not None else ():
            yield shard.seal()


def locate_release(corpus: str, version: str) -> str:
    """Where a release lies in a store."""
    return f"releases/{corpus}/{version}"


def read_published(store: Store, corpus: str, version: str) -> dict[str, Any] | None:
    """The manifest of a release, or None where there is none."""
    path = f"{locate_release(corpus, version)}/manifest.json"
    manifest = store.read_json(path)
    if manifest is not None and (fault := next(find_faults(manifest, PUBLISHED), None)):
        raise StoreError(f"{store.link(path)}: {fault}; restore it, or release another version")
    return manifest


Describe = Callable[[list[dict[str, Any]]], tuple[Mapping[str, str], dict[str, Any]]]
"""From the data files (path, view, split, rows, bytes, sha256) to card and other texts by path, and the rest of the manifest."""


def publish(
    store: Store, corpus: str, version: str, mark: str, views: Mapping[str, View], describe: Describe
) -> dict[str, Any]:
    """Write the release of a build.

    Args:
        store: The store.
        corpus: The name of the corpus.
        version: MAJOR.MINOR.PATCH.
        mark: The fingerprint of the build.
        views: The rows to write.
        describe: Gives the other files, and what else the manifest says, once the data files are written.

    Returns:
        The manifest; of what is there already where the same version has the same data.

    Raises:
        PublishError: The version is published with other data.
        StoreError: The store cannot be written; nothing was released.

    """
    place = locate_release(corpus, version)
    staged = f"releases/{corpus}/{TEMPORARY}{uuid.uuid4().hex}" if store.local else place
    already = read_published(store, corpus, version)
    if already:
        if other := find_clash(already, version, mark, store.link(place)):
            raise other
        return already
    if not store.local:
        _claim(store, place, mark)
    try:
        files = [file for name, view in views.items() for file in view.write(store, staged, name)]
        texts, rest = describe(files)
        for path, text in texts.items():
            data = text.encode()
            store.write(f"{staged}/{path}", data)
            files.append({"path": path, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()})
        manifest = {
            "format": FORMAT,
            "corpus": corpus,
            "version": version,
            "views": list(views),
            "counts": {name: list_counts(view) for name, view in views.items()},
            "files": files,
            **rest,
        }
        return _appear(store, staged, place, manifest)
    except OSError as error:
        raise StoreError(
            f"{store.link(place)}: cannot be written ({error.strerror or error}); nothing was released"
        ) from error
    finally:
        if staged != place and store.exists(staged):
            shutil.rmtree(store.full(staged)) if store.local else store.fs.rm(store.full(staged), recursive=True)


def _claim(store: Store, place: str, mark: str) -> None:
    """Where files cannot be staged beside their place, say whose they are before the first is written."""
    path = f"{place}/{TEMPORARY}claim"
    if not store.create(path, mark.encode()) and (owner := store.read(path).decode()) != mark:
        raise PublishError(
            f"{store.link(place)}: another build ({owner}) is publishing this version, or was killed while it did; "
            "wait for it, or remove what it left with: errata gc --remove"
        )


def _appear(store: Store, staged: str, place: str, manifest: dict[str, Any]) -> dict[str, Any]:
    """The one moment in which the release comes to be."""
    data = format_canonical_json(manifest)
    if store.local:
        store.write(f"{staged}/manifest.json", data)
        try:
            os.rename(store.full(staged), store.full(place))
            return manifest
        except OSError:
            if not store.exists(f"{place}/manifest.json"):
                raise
    elif store.create(f"{place}/manifest.json", data):
        return manifest
    return _check_same(store.read_json(f"{place}/manifest.json") or {}, manifest, store, place)


def find_clash(published: Mapping[str, Any], version: str, mark: str, link: str) -> PublishError | None:
    """The error of publishing, under a version that is there, what has another fingerprint; None if it is the same."""
    if published["fingerprint"] == mark:
        return None
    return PublishError(
        f"{link}: version {version} is published with other content (fingerprint {published['fingerprint']}, this build has "
        f"{mark}); a release never changes: raise `version` in the recipe"
    )


def _check_same(published: dict[str, Any], built: dict[str, Any], store: Store, place: str) -> dict[str, Any]:
    """The manifest there, if it is of the same build and holds the same data."""

    def data(manifest: dict[str, Any]) -> dict[str, str]:
        return {file["path"]: file["sha256"] for file in manifest["files"] if file.get("split")}

    other = find_clash(published, built["version"], built["fingerprint"], store.link(place))
    if other:
        raise other
    differing = sorted(
        path
        for path in data(published).keys() | data(built).keys()
        if data(published).get(path) != data(built).get(path)
    )
    if differing:
        raise PublishError(
            f"{store.link(place)}: version {built['version']} is published with other bytes in {', '.join(differing[:3])} "
            "though of the same build (other library versions?); keep it, or raise `version` in the recipe"
        )
    return published


def count_filled(frame: pl.DataFrame) -> dict[str, int]:
    """For each column the rows in which it says something: no null, no empty text, no list of nothing but these."""
    if not frame.height:
        return {}
    says = (_is_filled(pl.col(name), kind).sum().alias(name) for name, kind in frame.schema.items())
    return frame.select(says).row(0, named=True)


def count_sets(split: str, frame: pl.DataFrame) -> Counter[tuple[str, str, str]]:
    """The rows of a split by set and model, where the view has these."""
    counts: Counter[tuple[str, str, str]] = Counter()
    if {"set", "model"} <= set(frame.columns):
        for of_set, model, n in frame.group_by("set", "model").len().iter_rows():
            counts[(split, of_set, model)] += n
    return counts


def _is_filled(column: pl.Expr, kind: pl.DataType) -> pl.Expr:
    if kind == pl.String:
        return column.str.len_bytes() > 0
    if isinstance(kind, pl.List):
        return column.list.eval(_is_filled(pl.element(), kind.inner)).list.any()  # type: ignore[arg-type]
    return column.is_not_null()


def make_plain_schema(frame: pl.DataFrame) -> pa.Schema:
    """The Arrow schema of a frame, in types that every reader knows (no views)."""
    return frame.head(0).to_arrow(compat_level=pl.CompatLevel.oldest()).schema


def list_counts(view: View) -> list[dict[str, Any]]:
    """Rows by split, set and model, when they are written."""
    return [{"split": s, "set": p, "model": m, "rows": n} for (s, p, m), n in sorted(view.counts.items())]
