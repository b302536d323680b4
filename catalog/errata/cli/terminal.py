"""What a terminal is shown: text in which no character of data steers it or hides what stands there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

LONGEST_LINE = 2_000
"""Characters of a line of an error that are shown."""
# 8-bit controls, what turns the direction of writing, invisible signs, line ends of Unicode, halves of characters
_UNSEEN = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f]")
# what no verb writes of its own: it writes line ends, and ESC in sequences of colours and of the cursor alone
_NOT_OURS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f]|\x1b(?!\[[0-9;?]*[A-Za-z])")


def escape_unseen(text: str) -> str:
    """A text with the code of each character that nobody would see; colours and moves of the cursor, which are our own, are left as they are."""
    return _UNSEEN.sub(_escape, _NOT_OURS.sub(_escape, text))


def escape_controls(text: str) -> str:
    """The same for data, in which ESC and its like are no sequences of our own."""
    return _UNSEEN.sub(_escape, _CONTROLS.sub(_escape, text))


def shorten_lines(text: str) -> str:
    """A text of which long lines are cut: what somebody else wrote may be of any length."""
    return "\n".join(
        line if len(line) <= LONGEST_LINE else f"{line[:LONGEST_LINE]}… ({len(line) - LONGEST_LINE:,} characters more)"
        for line in text.split("\n")
    )


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


class _TerminalText:
    """A text stream on a terminal, through which nothing unseen goes."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, escaped."""
        self._stream.write(escape_unseen(text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write lines, escaped."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


class TerminalBytes:
    """Takes the bytes of rows in UTF-8 and shows them in a terminal, line by line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._waiting = stream, b""

    def write(self, data: bytes) -> int:
        """Show the lines that are whole."""
        whole, end, self._waiting = (self._waiting + data).rpartition(b"\n")
        lines = (whole + end).decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
        self._stream.write("\n".join(escape_controls(line) for line in lines))
        return len(data)

    def flush(self) -> None:
        """Show what came behind the last line end."""
        self._stream.write(escape_controls(self._waiting.decode("utf-8", "replace")))
        self._waiting = b""
        self._stream.flush()


@contextmanager
def escape_output() -> Iterator[None]:
    """While it lasts nothing unseen is written to a terminal; what goes to files and pipes is as it is."""
    before: tuple[Any, Any] = sys.stdout, sys.stderr
    for name, stream in zip(("stdout", "stderr"), before):
        if stream is not None and stream.isatty():
            setattr(sys, name, _TerminalText(stream))
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
