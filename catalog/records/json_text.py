"""JSON: a record a line, or documents with the list of their records somewhere inside."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import IO, Any

from catalog.records.record import DOCUMENT_LIMIT, check_encoding, make_fault, make_record, shorten_raw
from catalog.sources import SourceError
from schemas.reading import FileReading
from schemas.task import Record

HEADER = "@header"
WHOLE = "."
"""The path to the records of a document that is one itself."""


class DuplicateKeyError(ValueError):
    """A JSON object names a key twice."""


class _Ambiguous(dict[str, Any]):
    """An object that names a key twice."""

    key = ""


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise DuplicateKeyError(f"the key {_find_duplicate(pairs)[:60]!r} is there twice")
    return value


def _mark_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        value = _Ambiguous(pairs)
        value.key = _find_duplicate(pairs)
    return value


def _find_duplicate(pairs: list[tuple[str, Any]]) -> str:
    names = [name for name, _ in pairs]
    return next(name for name in names if names.count(name) > 1)


# NaN and Infinity, which JSON has not and Python writes, are at fault only where a field with one is used
_LINE = json.JSONDecoder(parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=_refuse_duplicates)
_DOCUMENT = json.JSONDecoder(parse_float=Decimal, parse_constant=Decimal, object_pairs_hook=_mark_duplicates)


def read_json_lines(stream: IO[bytes], name: str, reading: FileReading) -> Iterator[Record]:
    """The records of a file that has one a line; of one whose objects go over several lines those of a document."""
    number, limit = 0, reading.record_limit
    while line := stream.readline(limit):
        number += 1
        if number == 1:
            check_encoding(line, name)
            line = line.removeprefix(b"\xef\xbb\xbf")
        where = f"{name}:{number}"
        if number == 1 and line.strip() in (b"{", b"["):
            yield from _read_values(line + _read_bounded(stream, name), name, reading)
            return
        if len(line) >= limit and not line.endswith(b"\n"):
            while (rest := stream.readline(limit)) and not rest.endswith(b"\n"):
                pass
            yield make_fault(where, line, "record too large", f"more than {limit} bytes; raise `record_limit`")
        elif line.strip():
            yield parse_line(where, line)


def parse_line(where: str, line: bytes) -> Record:
    """The record of one line."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        detail = f"byte {error.start + 1} of the line is 0x{line[error.start]:02x}"
        return make_fault(where, line, "not UTF-8", detail)
    try:
        value = _LINE.decode(text)
        if "\\ud" in text.lower():
            json.dumps(value, default=str, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return make_fault(where, line, "not JSON", "half of a surrogate pair in a text")
    except DuplicateKeyError as error:
        return make_fault(where, line, "duplicate key", str(error))
    except (ValueError, RecursionError, ArithmeticError) as error:
        return make_fault(where, line, "not JSON", str(error) or type(error).__name__)
    if not isinstance(value, dict):
        return make_fault(where, line, "not a mapping", f"found a {type(value).__name__}")
    return Record(where, value, shorten_raw(line), size=len(line))


def read_json(stream: IO[bytes], name: str, reading: FileReading) -> Iterator[Record]:
    """The records of a JSON document; of a file that has one a line, those of the lines."""
    first = stream.readline(reading.record_limit)
    check_encoding(first, name)
    first = first.removeprefix(b"\xef\xbb\xbf")
    second = stream.readline(reading.record_limit) if first.endswith(b"\n") else b""
    if second.strip() and not reading.rows and parse_line("", first).value is not None:
        yield parse_line(f"{name}:1", first)
        yield from _read_further_lines(second, stream, name, reading)
        return
    yield from _read_values(first + second + _read_bounded(stream, name), name, reading)


def _read_further_lines(line: bytes, stream: IO[bytes], name: str, reading: FileReading) -> Iterator[Record]:
    yield parse_line(f"{name}:2", line)
    for record in read_json_lines(stream, name, reading):
        number = int(record.source.rpartition(":")[2]) + 2
        yield replace(record, source=f"{name}:{number}")


def read_document(data: bytes, name: str) -> Any:
    """A JSON document whole; `SourceError` where it is none."""
    values = _parse_values(data, name)
    if len(values) != 1:
        raise SourceError(f"{name}: holds {len(values)} JSON values, expected one; mend it")
    _refuse_ambiguous(values[0], name)
    return values[0]


def _read_bounded(stream: IO[bytes], name: str) -> bytes:
    data = stream.read(DOCUMENT_LIMIT + 1)
    if len(data) > DOCUMENT_LIMIT:
        raise SourceError(
            f"{name}: a JSON document of more than {DOCUMENT_LIMIT // 2**20} MiB, which is read whole; write one record a line "
            "(jq -c '.[]') and name it .jsonl"
        )
    return data


def _parse_values(data: bytes, name: str) -> list[Any]:
    """The JSON values of a text, one behind the other."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(
            f"{name}:{line}: byte {error.start + 1} is not UTF-8; say its `encoding`, or mend it"
        ) from None
    values, at = [], 0
    try:
        while at < len(text):
            if text[at].isspace():
                at += 1
                continue
            value, at = _DOCUMENT.raw_decode(text, at)
            values.append(value)
    except json.JSONDecodeError as error:
        raise SourceError(f"{name}:{error.lineno}: not JSON ({error.msg}, column {error.colno}); mend it") from None
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise SourceError(f"{name}: not JSON ({error or type(error).__name__}); mend it") from None
    return values


def _read_values(data: bytes, name: str, reading: FileReading) -> Iterator[Record]:
    values = _parse_values(data, name)
    if len(values) == 1:
        yield from _list_rows(values[0], name, reading)
    else:
        yield from _make_records(values, name, reading, None)


def _list_rows(document: Any, name: str, reading: FileReading) -> Iterator[Record]:
    """The records of a document, from the first of the paths that leads to a list."""
    if isinstance(document, dict) and reading.rows != [WHOLE]:
        _refuse_ambiguous({key: value for key, value in document.items() if not isinstance(value, list)}, name)
        _refuse_ambiguous(document if isinstance(document, _Ambiguous) else None, name)
    if isinstance(document, list) and not reading.rows:
        yield from _make_records(document, name, reading, None)
        return
    for path in reading.rows:
        if path == WHOLE and isinstance(document, dict):
            yield from _make_records([document], name, reading, None)
            return
        rows = _follow(document, path)
        if isinstance(rows, list):
            yield from _make_records(rows, name, reading, document)
            return
    lists = _find_lists(document)
    if isinstance(document, list):
        yield from _make_records(document, name, reading, None)
    elif isinstance(document, dict) and not reading.rows and not lists:
        yield from _make_records([document], name, reading, None)
    else:
        raise SourceError(_describe_missing(document, name, reading, lists))


def _describe_missing(document: Any, name: str, reading: FileReading, lists: Sequence[str]) -> str:
    if not isinstance(document, dict):
        return f"{name}: holds a {type(document).__name__}, expected a list of objects, or an object that has one"
    sought = f"has no list at {' or '.join(map(repr, reading.rows))}" if reading.rows else "is one object"
    advice = f"lists are at {', '.join(lists)}; say which by `rows: {lists[0]}`" if lists else "say where by `rows`"
    return f"{name}: {sought}, and its records may be in a list inside; {advice}"


def _find_lists(document: Any, prefix: str = "") -> list[str]:
    """The paths to lists of objects (or of lists) in a document, at most two levels down."""
    paths = []
    for key, value in document.items() if isinstance(document, dict) else ():
        if isinstance(value, list) and value and all(isinstance(item, dict | list) for item in value[:3]):
            paths.append(f"{prefix}{key}")
        elif isinstance(value, dict) and not prefix:
            paths += _find_lists(value, f"{key}.")
    return paths[:6]


def _follow(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _make_records(rows: Sequence[Any], name: str, reading: FileReading, document: Any) -> Iterator[Record]:
    """Records of the items of a list, numbered from 1; `document` is what speaks of all of them."""
    names = _read_columns(document, name, reading.columns) if reading.columns else None
    context: Mapping[str, Any] = {} if document is None else {HEADER: document}
    for number, row in enumerate(rows, 1):
        where = f"{name}:{number}"
        text = json.dumps(row, default=str, ensure_ascii=False)[:RAW].encode("utf-8", "replace")
        if names is not None and isinstance(row, list):
            if len(row) != len(names):
                yield make_fault(
                    where, text, "wrong number of fields", f"{len(row)} where there are {len(names)} columns"
                )
                continue
            row = dict(zip(names, row))
        if not isinstance(row, dict):
            yield make_fault(where, text, "not a mapping", f"found a {type(row).__name__}")
        elif (key := _find_ambiguous(row)) is not None:
            yield make_fault(where, text, "duplicate key", f"the key {key[:60]!r} is there twice")
        else:
            yield replace(make_record(where, row, reading.record_limit), context=context)


RAW = 40_000


def _read_columns(document: Any, name: str, path: str) -> list[str]:
    names = _follow(document, path)
    if not isinstance(names, list) or not all(isinstance(column, str) for column in names):
        raise SourceError(f"{name}: has no list of names at '{path}'; say by `columns` where they are")
    if len(set(names)) < len(names):
        raise SourceError(f"{name}: the columns need names that differ, found {names}; mend them")
    return names


def _find_ambiguous(value: Any) -> str | None:
    """A key that is twice in an object, or in what it holds."""
    if isinstance(value, _Ambiguous):
        return value.key
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for item in inner if (key := _find_ambiguous(item)) is not None), None)


def _refuse_ambiguous(value: Any, name: str) -> None:
    if (key := _find_ambiguous(value)) is not None:
        raise SourceError(f"{name}: the key {key[:60]!r} is there twice in an object; mend it")
