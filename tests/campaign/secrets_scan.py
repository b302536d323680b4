"""A key that is like no other text, and a search for it in all that a build leaves, whatever packs it."""

from __future__ import annotations

import base64
import gzip
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import polars as pl

VARIABLE = "ERRATA_CAMPAIGN_KEY"
KEY = "sk-canary/7e1f+c0ffee-0123456789abcdef"
FORMS = tuple(
    {KEY.encode(), quote(KEY, safe="").encode(), base64.b64encode(KEY.encode()), KEY.replace("/", "\\/").encode()}
)
DATABASE = b"SQLite format 3\0"


def bind_key(folder: Path) -> dict[str, str]:
    """The environment of a build that may send the key to this machine, by a configuration in a folder."""
    config = folder / "config.toml"
    config.write_text(f'[keys]\n{VARIABLE} = ["127.0.0.1", "errata.invalid"]\n')
    return {VARIABLE: KEY, "ERRATA_CONFIG": str(config)}


def find_secrets(folder: Path) -> list[str]:
    """The files below a folder that hold the key, as text or packed."""
    return [str(path) for path in sorted(folder.rglob("*")) if path.is_file() and holds_key(_unpack(path))]


def holds_key(data: bytes) -> bool:
    """Whether the key stands somewhere in bytes, in one of its forms."""
    return any(form in data for form in FORMS)


def _unpack(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".parquet" and data:
        # what a kill cut off cannot be read by anybody
        try:
            frame = pl.read_parquet(data)
            return data + frame.write_json().replace("\\/", "/").encode("utf-8", "replace")
        except pl.exceptions.PolarsError:
            return data
    if data[:2] == b"\x1f\x8b":
        return data + gzip.decompress(data)
    return data + _read_database(path) if data.startswith(DATABASE) else data


def _read_database(path: Path) -> bytes:
    """All that an SQLite database holds, as SQL: in its pages a long text lies in pieces."""
    with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as database:
        return "\n".join(database.iterdump()).encode("utf-8", "replace")
