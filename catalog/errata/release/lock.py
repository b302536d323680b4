"""`errata.lock`: the releases that a training repository uses, each pinned by version and checksum."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ErrataError, Locked
from ..storage import has_password
from .names import DIGEST, EXACT, ReleaseSpec, parse_name

LOCK = "ERRATA_LOCK"
FORMAT = 1
HEAD = "# The releases that are used here, as `errata lock` pinned them. Commit this file.\n"


@dataclass(frozen=True)
class Pin:
    """One release that `errata.lock` names, with its checksum."""

    asked: str
    """What was asked for, as `mwpes@^1.2`."""
    version: str
    digest: str
    """SHA-256 of its manifest, in hex."""
    store: str
    """The store it was found in."""

    @property
    def corpus(self) -> str:
        """The corpus."""
        return self.asked.partition("@")[0]

    @property
    def name(self) -> str:
        """The release and no other: `mwpes@1.2.3#sha256:…`."""
        return f"{self.corpus}@{self.version}#sha256:{self.digest}"


def locate_file() -> Path:
    """The lock file: ERRATA_LOCK, else `errata.lock` in the current folder."""
    return Path(os.environ.get(LOCK) or "errata.lock")


def read_pins() -> list[Pin]:
    """What is locked; nothing where there is no lock file."""
    try:
        text = locate_file().read_text("utf-8")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise Locked(f"{locate_file()}: cannot be read ({error}); mend or remove it") from None
    if not text.strip():
        return []
    try:
        value = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Locked(
            f"{locate_file()}: not the TOML it should be ({error}); mend it, or make it anew with `errata lock`"
        ) from None
    if value.get("format") != FORMAT:
        raise Locked(
            f"{locate_file()}: its format is {value.get('format')}, this client reads {FORMAT}; upgrade `errata`"
        )
    rows = value.get("release", [])
    return [_pin(row, number) for number, row in enumerate(rows if isinstance(rows, list) else [rows], 1)]


def _pin(row: object, number: int) -> Pin:
    keys = ("asked", "version", "digest", "store")
    where = f"{locate_file()}: release {number}"
    if not isinstance(row, dict) or not all(isinstance(row.get(key), str) for key in keys):
        raise Locked(f"{where}: expected the texts {', '.join(keys)}, found {str(row)[:120]}; mend it")
    if not EXACT.fullmatch(row["version"]) or not DIGEST.fullmatch(row["digest"]):
        raise Locked(
            f"{where}: expected a version 1.2.3 and a digest sha256:…, found {row['version']!r}, {row['digest']!r}"
        )
    try:
        parse_name(row["asked"])
    except ErrataError as error:
        raise Locked(f"{where}: {error}") from None
    return Pin(row["asked"], row["version"], row["digest"].removeprefix("sha256:"), row["store"])


def find_pin(asked: ReleaseSpec) -> Pin | None:
    """The pin that answers what is asked for: that of the same words, else one of the corpus that fits them."""
    of_corpus = [pin for pin in read_pins() if pin.corpus == asked.corpus]
    same = [pin for pin in of_corpus if pin.asked == str(asked)]
    fitting = [pin for pin in of_corpus if _fits(pin, asked)]
    return next(iter([*same, *fitting]), None)


def _fits(pin: Pin, asked: ReleaseSpec) -> bool:
    if asked.range is not None:
        return pin.version in asked.range
    return asked.spec in ("", pin.version)


def write_lock(pins: Iterable[Pin]) -> None:
    """Write the lock file, whole or not at all."""
    lines = [HEAD, f"format = {FORMAT}\n"]
    for pin in sorted(pins, key=lambda pin: pin.asked):
        if has_password(pin.store):
            raise ErrataError(
                "the store's URL holds a password, which must not be in a lock file; give it by the environment"
            )
        lines.append(
            f"\n[[release]]\nasked = {_quote(pin.asked)}\nversion = {_quote(pin.version)}\n"
            f"digest = {_quote(f'sha256:{pin.digest}')}\nstore = {_quote(pin.store)}\n"
        )
    temporary = locate_file().with_name(f"{locate_file().name}.part")
    temporary.write_text("".join(lines), "utf-8")
    os.replace(temporary, locate_file())


def _quote(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")  # a TOML text is a JSON text but for DEL
