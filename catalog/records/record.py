"""One record of a file: its text for the rejected rows, and its limits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from catalog.sources import SourceError
from schemas.task import Record, UnreadableValue

RAW_LIMIT = 10_000
"""Characters of a record's text that a rejected row shows."""
DOCUMENT_LIMIT = 512 * 2**20
"""Bytes of a JSON document, which is read whole; JSON lines have no such limit."""


def shorten_raw(line: bytes) -> str:
    """A record's text for the rejected rows: bounded, printable as UTF-8, without NUL."""
    return line[: 4 * RAW_LIMIT].decode("utf-8", "replace").rstrip("\r\n").replace("\0", "\u2400")[:RAW_LIMIT]


def make_record(where: str, value: Mapping[str, Any], limit: int) -> Record:
    """A record whose text is what JSON makes of its values; a cell that is too large makes it faulty."""
    text = json.dumps(value, default=_show, ensure_ascii=False).encode("utf-8", "replace")
    if len(text) > limit and (cell := _find_large_cell(value, limit)):
        return Record(
            where,
            None,
            shorten_raw(text),
            ("record too large", f"more than {limit} bytes in {cell}; raise `record_limit`"),
        )
    return Record(where, dict(value), shorten_raw(text), size=len(text))


def make_fault(where: str, raw: bytes, reason: str, detail: str) -> Record:
    """A record that cannot be read."""
    return Record(where, None, shorten_raw(raw), (reason, detail))


def _find_large_cell(value: Mapping[str, Any], limit: int) -> str | None:
    sizes = {name: len(json.dumps(cell, default=_show)) for name, cell in value.items()}
    largest = max(sizes, key=lambda name: sizes[name])
    return f"{largest!r}" if sizes[largest] > limit else None


def _show(value: Any) -> str:
    return value.detail if isinstance(value, UnreadableValue) else str(value)


def check_encoding(line: bytes, name: str) -> None:
    """Raise `SourceError` where a text's first bytes are those of UTF-16."""
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(
            f"{name}: is UTF-16 by its first bytes; say `encoding: utf-16`, or convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)"
        )
