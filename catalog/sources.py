"""Records from files: JSON lines, CSV and Parquet (gzipped or not) on any URL, and data sets of the Hugging Face hub.

A record that cannot be read is a record with a fault; a file that cannot be
read is a `SourceError`.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from pathlib import PurePosixPath
from typing import IO, Any, cast
from urllib.parse import parse_qs, urlsplit

import fsspec
from errata.storage import CREDENTIALS_FAULT, has_password, mask_secrets

from catalog import hub
from catalog.digests import Digests, read_stamp
from schemas.errors import ApplicationError
from schemas.task import Record

RECORD_LIMIT = 64 * 2**20
"""Bytes of one record; a longer one is a fault, so that no line can exhaust the memory."""
BATCH_ROWS = 4096
BATCH_BYTES = 64 * 2**20
RAW_LIMIT = 10_000
EMPTY = "holds no record; remove it from the recipe or put the data in its place"
FORMATS = ".jsonl, .ndjson, .csv, .tsv, .parquet (each but the last also .gz), hf://owner/name@revision"


class SourceError(ApplicationError, ValueError):
    """A source cannot be read; the message says which, what was found and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Source:
    """A file, or a data set on the Hub, whose records are read."""

    url: str
    """Where it is."""
    name: str
    """What it is called in tables, messages and lineage: its path below the data folder or the recipe."""
    digest: str
    """SHA-256 of its bytes; of the rows of a data set on the hub its name, revision, configuration and split."""
    size: int = 0
    """Its bytes; 0 where nobody knows."""
    stamp: str = ""
    """What tells without reading that it is still the same (`catalog.digests`); empty where only its bytes do."""


def find_sources(pattern: str, name: str, digests: Digests | None = None) -> list[Source]:
    """Find the files that a path, URL or pattern names.

    Args:
        pattern: Where to look; may hold the wildcards of fsspec's `glob`.
        name: What it is called in the recipe.
        digests: The digests that are remembered; files that have not changed are not read then.

    Returns:
        The files, sorted.

    Raises:
        SourceError: There is none, or one cannot be read.

    """
    if _is_rows(pattern):
        return [Source(pattern, name, _hub_digest(pattern, name, digests))]
    masked = mask_secrets(pattern)
    if has_password(pattern):
        raise SourceError(f"{masked}: {CREDENTIALS_FAULT}")
    try:
        fs, path = hub.open_file_system(pattern)
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(f"{name}: cannot be looked for at {masked} ({error}); check the path") from None
    if hub.is_file(pattern) and (fault := hub.find_hub_fault(fs, path)):
        raise SourceError(f"{name}: the Hub does not give it ({fault}); {hub.ADVICE}")
    try:
        matches = sorted(str(match) for match in fs.glob(path)) if any(c in name for c in "*?[") else [str(path)]
        files = [match for match in matches if fs.isfile(match)]
    except (OSError, ValueError, ImportError) as error:
        raise SourceError(f"{name}: cannot be looked for at {masked} ({error}); check the path") from None
    if not files:
        raise SourceError(
            f"{name}: no such file at {masked}; check the path, and --data where it begins with ${{data}}"
        )
    # a file's name begins as the recipe writes it, up to the first wildcard, and goes on as the file is called
    fixed, beginning = (re.split(r"[*?\[]", text)[0].rpartition("/")[0] for text in (str(path), name))
    return [
        _file(fs, file, f"{beginning}/{file[len(fixed) + 1 :]}".lstrip("/") if not _absolute(name) else file, digests)
        for file in files
    ]


def _absolute(name: str) -> bool:
    return name.startswith("/") or "://" in name


def verify_unchanged(source: Source) -> None:
    """Raise `SourceError` if a file is no longer the one that was planned with; it is read only where its stamp is no proof."""
    if _is_rows(source.url):
        (now,) = find_sources(source.url, source.name)
    else:
        fs, path = hub.open_file_system(source.url)
        fs.invalidate_cache()
        if source.stamp and _stamp(fs, path, source.name) == source.stamp:
            return
        now = _file(fs, path, source.name)
    if now.digest != source.digest:
        raise SourceError(f"{source.name}: has changed while it was read; build again")


def _is_rows(url: str) -> bool:
    """Whether a URL names the rows of a data set on the Hub, which `datasets` reads, and not a file."""
    return url.startswith("hf://") and not hub.is_file(url)


def _file(fs: Any, path: str, name: str, digests: Digests | None = None) -> Source:
    """A file as a source, hashed unless its digest is remembered."""
    url, stamp = str(fs.unstrip_protocol(path)), _stamp(fs, path, name)
    if digests and (known := digests.recall(url, stamp)):
        return Source(url, name, *known, stamp)
    digest, size = hashlib.sha256(), 0
    with _readable(name), fs.open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
            size += len(chunk)
    if digests:
        digests.remember(url, stamp, digest.hexdigest(), size)
    return Source(url, name, digest.hexdigest(), size, stamp)


def _stamp(fs: Any, path: str, name: str) -> str:
    with _readable(name):
        return read_stamp(fs, path)


@contextmanager
def _readable(name: str) -> Iterator[None]:
    """Raise what storage raises of a file as `SourceError`."""
    try:
        with hub.raise_os_errors():
            yield
    except OSError as error:
        raise SourceError(f"{name}: cannot be read ({error.strerror or error}); check its permissions") from None


def read_batches(source: Source) -> Iterator[tuple[list[Record], float]]:
    """The source's records in order, some thousands at a time, with the share of the source read so far."""
    batch: list[Record] = []
    size = 0
    share = 0.0
    for record, share in _records(source):
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
    records = [record for record, _ in islice(_records(source), most)]
    if not records:
        raise SourceError(f"{source.name}: {EMPTY}")
    return records


def _records(source: Source) -> Iterator[tuple[Record, float]]:
    if _is_rows(source.url):
        yield from _hub(source)
        return
    suffixes = PurePosixPath(source.url).suffixes
    packed = suffixes[-1:] == [".gz"]
    kind = (suffixes[-2:-1] if packed else suffixes[-1:]) or [""]
    readers: dict[str, Callable[[IO[bytes], str], Iterator[Record]]] = {
        ".jsonl": _json_lines,
        ".ndjson": _json_lines,
        ".csv": _csv,
        ".tsv": _csv,
        ".parquet": _parquet,
    }
    if kind[0] not in readers or (packed and kind[0] == ".parquet"):
        raise SourceError(f"{source.name}: unknown format '{''.join(suffixes[-2:])}'; there are {FORMATS}")
    fs, path = hub.open_file_system(source.url)
    with hub.raise_os_errors(), fs.open(path, "rb") as raw:
        size = max(1, raw.seek(0, io.SEEK_END))
        raw.seek(0)
        with _unpacked(raw, source.name, packed) as stream:
            for record in readers[kind[0]](stream, source.name):
                yield record, min(1.0, raw.tell() / size)


@contextmanager
def _unpacked(raw: IO[bytes], name: str, packed: bool) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked; what is wrong with the packing becomes a `SourceError`."""
    if not packed:
        buffered = io.BufferedReader(cast(io.RawIOBase, raw), 2**20)  # files of fsspec read no line of bounded length
        yield cast(IO[bytes], buffered)
        if not buffered.closed:
            buffered.detach()
        return
    try:
        with gzip.open(raw, "rb") as stream:
            yield cast(IO[bytes], stream)
    except EOFError:
        raise SourceError(f"{name}: the gzip stream ends early, so the file was cut off; fetch it again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise SourceError(f"{name}: not a sound gzip file ({error}); fetch it again, or rename it") from None


def _json_lines(stream: IO[bytes], name: str) -> Iterator[Record]:
    number = 0
    while line := stream.readline(RECORD_LIMIT):
        number += 1
        if number == 1:
            _check_encoding(line, name)
            line = line.removeprefix(b"\xef\xbb\xbf")
        where = f"{name}:{number}"
        if len(line) >= RECORD_LIMIT and not line.endswith(b"\n"):
            while (rest := stream.readline(RECORD_LIMIT)) and not rest.endswith(b"\n"):
                pass
            yield Record(where, None, _raw(line), ("record too large", f"more than {RECORD_LIMIT} bytes"))
        elif line.strip():
            yield _json_record(where, line)


def _json_record(where: str, line: bytes) -> Record:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"byte {error.start + 1} of the line is 0x{line[error.start]:02x}"
        return Record(where, None, _raw(line), ("not UTF-8", detail))
    try:
        value = _DECODER.decode(text)
        if "\\ud" in text.lower():
            json.dumps(value, default=str, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return Record(where, None, _raw(line), ("not JSON", "half of a surrogate pair in a text"))
    except (ValueError, RecursionError) as error:
        return Record(where, None, _raw(line), ("not JSON", str(error) or type(error).__name__))
    if not isinstance(value, dict):
        return Record(where, None, _raw(line), ("not a mapping", f"found a {type(value).__name__}"))
    return Record(where, value, _raw(line), size=len(line))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)


def _csv(stream: IO[bytes], name: str) -> Iterator[Record]:
    csv.field_size_limit(RECORD_LIMIT)
    # bytes that are not UTF-8 become lone surrogates, so that one row is faulty and not the file
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(text, delimiter="\t" if ".tsv" in PurePosixPath(name).suffixes else ",")
    try:
        header = next(rows, [])
        _check_encoding("".join(header[:1]).encode("utf-8", "surrogateescape"), name)
        if len(set(header)) < len(header) or not all(header):
            raise SourceError(f"{name}:1: the columns need names that differ, found {header}; mend the first line")
        for number, row in enumerate(rows, 2):
            if row:
                yield _csv_record(f"{name}:{number}", header, row)
    except csv.Error as error:
        raise SourceError(f"{name}:{rows.line_num}: not CSV ({error}); mend the line") from None
    finally:
        text.detach()


def _csv_record(where: str, header: list[str], row: list[str]) -> Record:
    raw = ",".join(row)
    try:
        raw.encode("utf-8")
    except UnicodeEncodeError:
        return Record(where, None, _raw(raw.encode("utf-8", "surrogateescape")), ("not UTF-8", "a byte of the row"))
    raw = _raw(raw.encode())
    if len(row) != len(header):
        return Record(where, None, raw, ("wrong number of fields", f"{len(row)} where the header has {len(header)}"))
    return Record(where, dict(zip(header, row)), raw, size=sum(map(len, row)))


def _parquet(stream: IO[bytes], name: str) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    number = 0
    try:
        for batch in pq.ParquetFile(stream).iter_batches(batch_size=BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                text = json.dumps(row, default=str, ensure_ascii=False).encode()
                yield Record(f"{name}:{number}", row, _raw(text), size=len(text))
    except (pa.ArrowException, OSError) as error:
        raise SourceError(f"{name}: not a sound Parquet file ({error}); fetch it again") from None


def _hub_parts(url: str, name: str) -> tuple[str, str | None, str | None, str]:
    """Repository (or folder), revision, configuration and split of `hf://owner/name@revision?config=…&split=…`."""
    parts = urlsplit(url)
    repository, _, revision = (parts.netloc + parts.path).partition("@")
    query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    if unknown := set(query) - {"config", "split"}:
        raise SourceError(f"{name}: unknown '{min(unknown)}' after '?'; there are config and split")
    if not repository.startswith("/") and not re.fullmatch("[0-9a-f]{40}", revision):
        raise SourceError(
            f"{name}: names no commit; pin one (hf://owner/name@ and 40 hexadecimal digits): branches move"
        )
    return repository, revision or None, query.get("config"), query.get("split", "train")


def _hub_digest(url: str, name: str, digests: Digests | None = None) -> str:
    """What stands for the content: the pinned revision, or, of a local folder, the bytes of its files."""
    repository, *rest = _hub_parts(url, name)
    digest = hashlib.sha256(repr(rest).encode())
    if repository.startswith("/"):
        fs = fsspec.filesystem("file")
        files = sorted(fs.find(repository))
        if not files:
            raise SourceError(f"{name}: no folder with files at {repository}; check the path")
        for file in files:
            digest.update(f"{file[len(repository) :]}\0{_file(fs, file, name, digests).digest}\n".encode())
    else:
        digest.update(repository.encode())
    return digest.hexdigest()


def _hub(source: Source) -> Iterator[tuple[Record, float]]:
    import datasets

    repository, revision, config, split = _hub_parts(source.url, source.name)
    try:
        rows = datasets.load_dataset(repository, config, split=split, revision=revision, streaming=True)
        total = (rows.info.splits or {}).get(split)
        expected = total.num_examples if total and total.num_examples else 0
        for number, row in enumerate(rows, 1):
            text = json.dumps(row, default=str, ensure_ascii=False).encode("utf-8", "replace")
            record = Record(f"{source.name}:{number}", dict(row), _raw(text), size=len(text))
            yield record, min(1.0, number / expected) if expected else 0.5
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        reason = str(error).strip().split("\n")[0]
        raise SourceError(
            f"{source.name}: `datasets` cannot load it ({reason}); check name, revision and split"
        ) from None


def _check_encoding(line: bytes, name: str) -> None:
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{name}: is UTF-16 by its first bytes; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)")


def _raw(line: bytes) -> str:
    """A record's text for the rejected rows: bounded, printable as UTF-8, without NUL."""
    return line[: 4 * RAW_LIMIT].decode("utf-8", "replace").rstrip("\r\n").replace("\0", "\u2400")[:RAW_LIMIT]
