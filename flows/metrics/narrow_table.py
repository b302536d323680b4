"""Tables whose first column is shortened until their lines fit."""

from __future__ import annotations

from collections.abc import Sequence

from errata.cli import text

WIDTH = 80
"""Cells of a line, at most."""
LEAST = 12
"""Cells of a name, however little room there is."""


def format_narrow_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table of 80 columns; what is left out of long names is the middle, since names differ at their ends."""
    shown = [[f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row] for row in [head, *rows]]
    room = WIDTH - sum(2 + max(len(row[i]) for row in shown) for i in range(1, len(head)))
    return text.format_table(
        head, [[_shorten(text.strip_controls(row[0]), max(room, LEAST)), *row[1:]] for row in rows]
    )


def _shorten(name: str, room: int) -> str:
    first = (room - 1) // 2
    return name if len(name) <= room else f"{name[:first]}…{name[first + 1 - room :]}"
