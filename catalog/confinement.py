"""Confinement: the files that a recipe may name are those of its own folder and of `--data`, unless the user trusts it.

A place is looked at as it is when the recipe is planned. Who may write to these folders while a build runs can put
something else there; the recipe itself cannot.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import unquote

from fsspec.implementations.local import LocalFileSystem

from schemas.errors import ApplicationError

ADVICE = "copy it there, name its folder by --data and `${data}/…`, or give --trust if you know what the recipe reads"


class OutsideError(ApplicationError, ValueError):
    """A recipe names what it may not read; the message says what, and what to do."""

    exit_code = 2


@dataclass
class Confinement:
    """Where the files lie that a recipe may name."""

    folder: str
    """The recipe's folder."""
    data: str | None = None
    """The folder that `${data}` stands for, a path or a URL."""
    trusted: bool = False
    """Whether the user lets the recipe read whatever it names."""
    files: dict[str, None] = field(default_factory=dict)
    """What is read of it, in order, as the recipe names it."""

    def check(self, place: str, name: str) -> None:
        """Raise `OutsideError` where a file, folder, pattern or URL lies outside; symbolic links and `..` are followed.

        Args:
            place: The path or URL, from here.
            name: What the recipe calls it.

        """
        if not self.trusted and (reason := self._find_fault(place)):
            raise OutsideError(f"{name} {reason}; {ADVICE}")

    def is_allowed(self, place: str) -> bool:
        """Whether a file, folder, pattern or URL may be read."""
        return self.trusted or self._find_fault(place) is None

    def add(self, place: str, name: str) -> None:
        """Check a file or URL that is going to be read, and take it down."""
        self.check(place, name)
        self.files.setdefault(name)

    def add_path(self, path: str, name: str) -> None:
        """The same for a file that is opened by its path alone, which is no URL, or for a folder and all that lies in it."""
        path = os.path.join(os.getcwd(), path)  # `file:x` and `~` begin names like others
        self.add(path, name)
        for file in () if self.trusted else _walk(path):
            if reason := self._find_fault(file):
                raise OutsideError(f"{name}: {os.path.relpath(file, path)} in it {reason}; {ADVICE}")

    def _find_fault(self, place: str) -> str | None:
        path = find_local_path(place)
        if path is not None:
            return self._find_local_fault(os.path.realpath(path))
        if (place.startswith("hf://") and "::" not in place) or self._is_below_data(place):
            return None
        return "is neither in the recipe's folder nor below --data, but somewhere else on a network or in a container"

    def _find_local_fault(self, path: str) -> str | None:
        if os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
            return "is neither a file nor a folder"
        data = find_local_path(self.data) if self.data else None
        if data is not None and _is_inside(path, os.path.realpath(data)):
            return None
        folder = os.path.realpath(self.folder)
        if not _is_inside(path, folder):
            return f"lies outside of the recipe's folder{' and of --data' if self.data else ''} (at {path})"
        hidden = [part for part in os.path.relpath(path, folder).split(os.sep) if part.startswith(".") and part != "."]
        return f"is hidden ({hidden[0]}), which a recipe's own files are not" if hidden else None

    def _is_below_data(self, place: str) -> bool:
        """Whether a URL begins with that of `--data`, and does not leave it."""
        if not self.data or find_local_path(self.data) is not None:
            return False
        root = self.data.rstrip("/")
        rest = place.removeprefix(f"{root}/")
        # a server may read `%2e%2e` as it reads `..`
        parts = re.split(r"[/\\]", unquote(rest))
        return rest != place and "::" not in rest and ".." not in parts


def _is_inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _walk(folder: str) -> Iterator[str]:
    """All files and folders below a folder; links are not followed, as it is where they lead that is looked at."""
    for place, folders, files in os.walk(folder):
        yield from (os.path.join(place, name) for name in (*folders, *files))


def find_local_path(place: str) -> str | None:
    """The path on this disk that a place names; None where it is a URL of another storage, or of one within another."""
    protocol, mark, _ = place.partition("://")
    if "::" in place or (mark and protocol not in ("file", "local")):
        return None
    return str(LocalFileSystem._strip_protocol(place))
