"""Keys pressed in a terminal, one at a time."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager

NAMES = {
    "\x1b[A": "up", "\x1b[B": "down", "\x1b[C": "right", "\x1b[D": "left", "\x1bOA": "up", "\x1bOB": "down", "\x1bOC": "right",
    "\x1bOD": "left", "\x1b[5~": "page up", "\x1b[6~": "page down", "\x1b[H": "home", "\x1b[F": "end", "\x1b[1~": "home",
    "\x1b[4~": "end", "\x1b": "escape", "\r": "enter", "\n": "enter", "\x7f": "backspace", "\x08": "backspace",
}  # fmt: skip


@contextmanager
def set_cbreak() -> Iterator[None]:
    """Keys are read as they are pressed, and not shown, until this ends."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    try:
        tty.setcbreak(fd)
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def wait_for_key(seconds: float) -> bool:
    """Whether a key is pressed within some time."""
    return bool(select.select([sys.stdin.fileno()], [], [], seconds)[0])


def read_key() -> str:
    """The next key, by name or as its character; empty where the terminal has gone."""
    fd = sys.stdin.fileno()
    data = os.read(fd, 1)
    if data == b"\x1b":
        while wait_for_key(0.02) and len(data) < 8:
            data += os.read(fd, 1)
            if data not in (b"\x1b[", b"\x1bO") and (data[-1:].isalpha() or data[-1:] == b"~"):
                break
    elif data and data[0] >= 0xC0:  # the further bytes of a character
        for _ in range(1 + (data[0] >= 0xE0) + (data[0] >= 0xF0)):
            data += os.read(fd, 1)
    key = data.decode("utf-8", "replace")
    return NAMES.get(key, key)
