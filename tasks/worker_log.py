"""The log of a process that is ours: its last lines at hand, and all of it in a file where a folder keeps such files."""

from __future__ import annotations

import os
import re
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

LINES = 60
"""Lines that are at hand."""
LARGEST = 32 * 2**20
"""Characters of a file, at most: what comes after them is only at hand."""
KEPT = 20
"""Files of a folder: the oldest go when another comes."""
SUFFIX = ".log"
# a log may quote what a hub or a proxy was called with
_SECRET = re.compile(r"\b(hf_|sk-)\w{8,}|(?i:bearer)\s+\S+|(?<=://)[^/\s]+@")


class WorkerLog:
    """Takes lines from one thread; secrets are masked.

    Args:
        folder: Where the file is kept; nowhere unless given, or where none can be written there.
        name: Whose log it is, as the file's name says behind the time and the number of this process.

    """

    def __init__(self, folder: Path | None = None, name: str = "") -> None:
        self._lines: deque[str] = deque(maxlen=LINES)
        self._left = LARGEST
        self.path: Path | None = None
        """The file; None where there is none."""
        self._file: TextIO | None = None
        if folder:
            with suppress(OSError):
                self._file = _create_file(folder, name)
                self.path = Path(self._file.name)

    def append(self, line: str) -> None:
        """Take a line."""
        text = _SECRET.sub("***", line)
        self._lines.append(text)
        self._left -= len(text) + 1
        if self._file and self._left > 0:
            with suppress(OSError):  # a full disk ends no build
                self._file.write(text + "\n")

    def tail(self, lines: int) -> list[str]:
        """The last lines."""
        return list(self._lines)[-lines:]

    def close(self) -> None:
        """Close the file; its lines stay at hand."""
        if self._file:
            with suppress(OSError):
                self._file.close()
            self._file = None


def _create_file(folder: Path, name: str) -> TextIO:
    folder.mkdir(parents=True, exist_ok=True)
    others = sorted(folder.glob(f"*{SUFFIX}"))  # their names begin with their time
    for path in others[: max(0, len(others) - KEPT + 1)]:
        path.unlink(missing_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S-%f}-{os.getpid()}-{name}{SUFFIX}"
    return path.open("x", encoding="utf-8", errors="replace", buffering=1)
