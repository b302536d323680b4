"""What a table is held against: files and releases that a recipe names, found when it is planned, read when it runs."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import polars as pl
from errata import NotFound, open_release

from catalog.hub import open_file
from catalog.publish.publish import INDEX
from catalog.records.read import read_batches
from catalog.sources import Source, SourceError, verify_unchanged
from schemas.task import Files, Record, Records, Rows, SideInput


@dataclass(frozen=True)
class LocatedSideInput:
    """A side input as it is now: the files it is in, with their digests."""

    beside: SideInput
    sources: tuple[Source, ...]

    def lineage(self) -> list[str]:
        """What a fingerprint knows of it."""
        return [f"{self.beside.name} {source.name} {source.identity}" for source in self.sources]


def locate_side_input(beside: SideInput, store: str, find: Callable[[str], list[Source]]) -> LocatedSideInput:
    """The files of what a recipe names; `SourceError` or `ErrataError` where there are none."""
    if not beside.release:
        return LocatedSideInput(beside, tuple(source for place in beside.files for source in find(place)))
    release = open_release(beside.release, store)
    if beside.kind == "index":
        files = [
            file
            for file in release.manifest["files"]
            if "view" not in file and str(file["path"]).startswith(f"{INDEX}/")
        ]
        if not files:
            raise NotFound(
                f"{release.name} keeps no index, so nothing can be held against it; release it again with this version, "
                "or name it under `from` of a table of its own"
            )
    else:
        files = release.files(beside.view, beside.split)
    sources = [
        Source(f"{release.url}/{file['path']}", f"{release.name}/{file['path']}", file["sha256"]) for file in files
    ]
    return LocatedSideInput(beside, tuple(sources))


def open_side_input(located: LocatedSideInput) -> Rows | Records | Files:
    """What is beside a table, to be gone through."""
    if located.beside.kind == "bytes":
        return [_read_bytes(source) for source in located.sources]
    return _IndexFrames(located.sources) if located.beside.kind == "index" else _RecordBatches(located.sources)


def _read_bytes(source: Source) -> bytes:
    try:
        with open_file(source.url) as file:
            data = bytes(file.read())
    except OSError as error:
        raise SourceError(f"{source.name}: cannot be read ({error}); check it and build again") from None
    if hashlib.sha256(data).hexdigest() != source.digest:
        raise SourceError(
            f"{source.name}: its bytes have changed (SHA-256 {source.digest[:12]}… was expected); build again"
        )
    return data


class _RecordBatches:
    """The records of files, in order; they must still be those that were planned with."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources

    def __iter__(self) -> Iterator[Sequence[Record]]:
        for source in self.sources:
            yield from (batch for batch, _ in read_batches(source))
            verify_unchanged(source)


class _IndexFrames:
    """The rows of a release's index, file by file."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self.sources = sources

    def __iter__(self) -> Iterator[pl.DataFrame]:
        for source in self.sources:
            yield pl.read_parquet(io.BytesIO(_read_bytes(source)))
