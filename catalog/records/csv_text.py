"""Comma-separated values: a record a row, of which each is at fault by itself."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from itertools import count
from pathlib import PurePosixPath
from typing import IO

from catalog.records.record import check_encoding, make_fault, shorten_raw
from catalog.sources import SourceError
from schemas.reading import CsvOptions, FileReading
from schemas.task import Record

_GROUPED = re.compile(r"[+-]?\d{1,3}(?:\.\d{3})+(?:,\d+)?")
_DECIMAL = re.compile(r"[+-]?\d+,\d+")
_OTHERS = (";", "\t", "|")


def read_csv(stream: IO[bytes], name: str, reading: FileReading) -> Iterator[Record]:
    """The rows of a file of comma-separated values, in UTF-8."""
    options, limit = reading.csv, reading.record_limit
    csv.field_size_limit(limit)
    # bytes that are not UTF-8 become lone surrogates, so that one row is faulty and not the file
    text = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(_bound_lines(text, limit), delimiter=_choose_delimiter(name, options), quotechar=options.quote)
    try:
        first = [] if isinstance(options.header, list) else next(rows, [])
        header = _read_header(first, name, options)
        if first and options.header is False:
            yield _make_record(f"{name}:1", header, first, options)
        for number in count(1 if isinstance(options.header, list) else 2):
            try:
                row = next(rows)
            except StopIteration:
                return
            except csv.Error as error:
                yield make_fault(f"{name}:{number}", b"", *_describe_fault(error, limit))
                continue
            if row:
                yield _make_record(f"{name}:{number}", header, row, options)
    except csv.Error as error:
        raise SourceError(f"{name}:{rows.line_num}: not CSV ({error}); mend the line") from None
    finally:
        text.detach()


def _describe_fault(error: csv.Error, limit: int) -> tuple[str, str]:
    if "field larger" in str(error):
        return (
            "record too large",
            f"a cell of more than {limit} bytes (a quotation mark without its end?); raise `record_limit`",
        )
    return "not CSV", str(error)


def _bound_lines(text: io.TextIOWrapper, limit: int) -> Iterator[str]:
    """The lines of a text; one that is too long comes cut off, with a cell too large for any row."""
    while line := text.readline(limit):
        if len(line) < limit or line.endswith(("\n", "\r")):
            yield line
            continue
        while (rest := text.readline(limit)) and not rest.endswith(("\n", "\r")):
            pass
        yield line + "x" * (limit + 1)


def _choose_delimiter(name: str, options: CsvOptions) -> str:
    return options.delimiter or ("\t" if ".tsv" in PurePosixPath(name).suffixes else ",")


def _read_header(first: list[str], name: str, options: CsvOptions) -> list[str]:
    """The columns' names: of the first line, as the recipe says, or by their numbers."""
    if isinstance(options.header, list):
        return options.header
    if not options.header:
        return [f"column_{number}" for number in range(1, len(first) + 1)]
    check_encoding("".join(first[:1]).encode("utf-8", "surrogateescape"), name)
    header = [column.strip() or f"column_{number}" for number, column in enumerate(first, 1)]
    if len(set(header)) < len(header):
        raise SourceError(f"{name}:1: the columns need names that differ, found {first}; mend the first line")
    if len(first) == 1 and options.delimiter is None:
        for other in _OTHERS:
            if other in first[0]:
                raise SourceError(
                    f"{name}:1: the first line is one column {first[0][:60]!r}; is it parted by {other!r}? "
                    f"say `csv: {{delimiter: {other!r}}}` (or ',' if it is one column)"
                )
    return header


def _make_record(where: str, header: list[str], row: list[str], options: CsvOptions) -> Record:
    raw = ",".join(row)
    try:
        data = raw.encode("utf-8")
    except UnicodeEncodeError:
        return make_fault(where, raw.encode("utf-8", "surrogateescape"), "not UTF-8", "a byte of the row")
    if len(row) != len(header):
        return make_fault(where, data, "wrong number of fields", f"{len(row)} where the header has {len(header)}")
    cells = [_convert_decimal(cell) for cell in row] if options.decimal == "," else row
    return Record(where, dict(zip(header, cells)), shorten_raw(data), size=len(data))


def _convert_decimal(cell: str) -> str:
    """A number with a decimal comma as one with a point; other cells as they are."""
    text = cell.strip()
    if _GROUPED.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    return text.replace(",", ".") if _DECIMAL.fullmatch(text) else cell
