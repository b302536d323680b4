"""The records of a source, in batches: what kind of file it is, and who reads it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from itertools import islice
from typing import IO, Any

from catalog import hub
from catalog.file_kinds import ARCHIVES, BINARIES, KINDS, is_known, is_selected, split_suffixes
from catalog.records import arrow, csv_text, json_text
from catalog.records.archives import check_soundness, list_members
from catalog.records.hub_rows import read_hub_rows
from catalog.records.record import DOCUMENT_LIMIT
from catalog.records.unpacking import open_unpacked
from catalog.sources import Source, SourceError, is_rows
from schemas.reading import FileReading
from schemas.task import Record

BATCH_ROWS = 4096
BATCH_BYTES = 64 * 2**20
EMPTY = "holds no record; remove it from the recipe or put the data in its place"
FILE, COMPANION = "@file", "@companion"
Reader = Callable[[IO[bytes], str, FileReading], Iterator[Record]]
READERS: Mapping[str, Reader] = {
    ".jsonl": json_text.read_json_lines,
    ".ndjson": json_text.read_json_lines,
    ".json": json_text.read_json,
    ".csv": csv_text.read_csv,
    ".tsv": csv_text.read_csv,
    ".parquet": arrow.read_parquet,
    ".arrow": arrow.read_arrow,
    ".feather": arrow.read_arrow,
    ".ipc": arrow.read_arrow,
}
DEPTH = 2
"""How deep archives may lie in each other."""


def read_batches(source: Source) -> Iterator[tuple[list[Record], float]]:
    """The source's records in order, some thousands at a time, with the share of the source read so far."""
    batch: list[Record] = []
    size = 0
    share = 0.0
    for record, share in _read_records(source):
        batch.append(record)
        size += record.size
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch, share
            batch, size = [], 0
    if batch:
        yield batch, 1.0
    elif share == 0.0:
        raise SourceError(f"{source.name}: {EMPTY}")


def read_first(source: Source, most: int) -> list[Record]:
    """The first records of a source, of which no more is read than they need; `SourceError` where there is none."""
    with closing(_read_records(source)) as rows:
        records = [record for record, _ in islice(rows, most)]
    if not records:
        raise SourceError(f"{source.name}: {EMPTY}")
    return records


def _read_records(source: Source) -> Generator[tuple[Record, float]]:
    if is_rows(source.url):
        yield from read_hub_rows(source)
        return
    suffixes = split_suffixes(source.url)
    if not is_known(source.url):
        raise SourceError(f"{source.name}: unknown format '{''.join(suffixes)}'; there are {KINDS}")
    context = _read_companion(source)
    with hub.raise_os_errors(), hub.open_file(source.url) as raw:
        size = max(1, raw.seek(0, io.SEEK_END))
        raw.seek(0)
        for record in _read_file(raw, source.name, source.reading, DEPTH):
            yield (
                replace(record, context={FILE: _name_file(record), **context, **record.context}),
                min(1.0, raw.tell() / size),
            )


def _name_file(record: Record) -> str:
    return record.source.rpartition(":")[0]


def _read_companion(source: Source) -> Mapping[str, Any]:
    """The file that belongs to a source, by the name that paths of fields have for it."""
    if source.companion is None:
        return {}
    with hub.raise_os_errors(), hub.open_file(source.companion.url) as file:
        return {COMPANION: json_text.read_document(file.read(DOCUMENT_LIMIT), source.companion.name)}


def _read_file(raw: IO[bytes], name: str, reading: FileReading, depth: int) -> Iterator[Record]:
    """The records of a file, or of the files in an archive."""
    kind, packing = split_suffixes(name)
    if kind in BINARIES:
        yield from READERS[kind](_make_seekable(raw), name, reading)
        return
    with open_unpacked(raw, name, packing) as stream:
        if kind in ARCHIVES:
            yield from _read_archive(stream, name, kind, reading, depth)
        else:
            yield from READERS[kind](_open_utf8(stream, name, reading.encoding), name, reading)


def _make_seekable(raw: IO[bytes]) -> IO[bytes]:
    """The same bytes where one may jump about in them; those inside an archive are held in memory."""
    if raw.seekable():
        return raw
    data = raw.read(DOCUMENT_LIMIT + 1)
    if len(data) > DOCUMENT_LIMIT:
        raise SourceError(f"a file in an archive has more than {DOCUMENT_LIMIT // 2**20} MiB; unpack it")
    return io.BytesIO(data)


def _read_archive(stream: IO[bytes], name: str, kind: str, reading: FileReading, depth: int) -> Iterator[Record]:
    """The records of the files in an archive; those of other kinds, and those that patterns leave out, are not read."""
    header: Mapping[str, Any] = {}
    others: list[str] = []
    read = 0
    if depth == 0:
        raise SourceError(f"{name}: archives lie in each other more than {DEPTH} deep; unpack them")
    with check_soundness(name):
        for member, file in list_members(stream, name, kind):
            if member == reading.header:
                header = {json_text.HEADER: json_text.read_document(file.read(DOCUMENT_LIMIT), f"{name}/{member}")}
            elif is_known(member) and is_selected(member, reading.members):
                read += 1
                for record in _read_file(file, f"{name}/{member}", reading, depth - 1):
                    yield replace(record, context={**header, **record.context})
            else:
                others.append(member)
    if not read:
        wanted = (
            f"are called like {' or '.join(reading.members)}"
            if reading.members
            else f"are of a kind that is read ({KINDS})"
        )
        raise SourceError(f"{name}: none of its files ({', '.join(others[:3]) or 'there are none'}) {wanted}")


def _open_utf8(stream: IO[bytes], name: str, encoding: str) -> IO[bytes]:
    """A text's bytes in UTF-8, whatever its encoding; one in UTF-8 as it is."""
    try:
        info = codecs.lookup(encoding)
    except LookupError:
        raise SourceError(
            f"{name}: unknown encoding '{encoding[:40]}'; there are utf-8, utf-16, latin-1, cp1252, …"
        ) from None
    if info.name == "utf-8":
        return stream
    return io.BufferedReader(_Recoded(codecs.getreader(encoding)(stream, "surrogateescape"), name))


class _Recoded(io.RawIOBase):
    """A text of another encoding as bytes in UTF-8; what its encoding has not stays as a byte that is no UTF-8."""

    def __init__(self, text: codecs.StreamReader, name: str) -> None:
        self.text, self.name = text, name
        self.rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        if not self.rest:
            try:
                self.rest = self.text.read(2**16).encode("utf-8", "surrogateescape")
            except UnicodeError as error:
                raise SourceError(f"{self.name}: is not in that encoding ({error}); say another `encoding`") from None
        size = min(len(buffer), len(self.rest))
        buffer[:size], self.rest = self.rest[:size], self.rest[size:]
        return size
