"""Columns of text in the width of a terminal: long names are wrapped, and what does not fit beside them follows below."""

from __future__ import annotations

import textwrap
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

LEAST = 16
"""The first column is wrapped to no less while all columns still fit beside it."""
Row = Sequence[str]


def measure_width(text: str) -> int:
    """The cells that a text takes in a terminal: letters of East Asia take two, marks on a letter none."""
    return len(text) if text.isascii() else sum(map(_measure_letter, text))


def _measure_letter(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1


def format_columns(head: Row, rows: Sequence[Row], left: int, width: int | None) -> str:
    """Columns under their names, the first `left` flush left, the others flush right; one block or several."""
    widths = [max([measure_width(name), *(measure_width(row[i]) for row in rows)]) for i, name in enumerate(head)]
    if width is None or sum(widths) + 2 * (len(widths) - 1) <= width:
        return _format_block(head, rows, left, widths)
    room = width - sum(width + 2 for width in widths[1:])
    if room >= LEAST:
        return _format_block(head, rows, left, [min(room, widths[0]), *widths[1:]])
    natural, first = widths[0], min(widths[0], max(12, width // 3))
    blocks: list[list[int]] = [[]]
    taken = first
    for i in range(1, len(head)):
        widths[i] = min(widths[i], width - first - 2)
        if taken + 2 + widths[i] > width:
            blocks.append([])
            taken = first
        blocks[-1].append(i)
        taken += 2 + widths[i]
    formatted = []
    for block in blocks:
        chosen = [0, *block]
        cells = [row for row in ([row[i] for i in chosen] for row in rows) if any(row[1:]) or len(blocks) == 1]
        rest = [widths[i] for i in block]
        block_widths = [min(natural, width - sum(width_each + 2 for width_each in rest)), *rest]
        formatted.append(_format_block([head[i] for i in chosen], cells, sum(i < left for i in chosen), block_widths))
    return "\n\n".join(formatted)


def _format_block(head: Row, rows: Sequence[Row], left: int, widths: Sequence[int]) -> str:
    lines = [*_format_row(head, left, widths), "  ".join("─" * width for width in widths)]
    return "\n".join([*lines, *(line for row in rows for line in _format_row(row, left, widths))])


def _format_row(row: Row, left: int, widths: Sequence[int]) -> list[str]:
    """A row as one line, or as some where a cell is wrapped; numbers stand in the first."""
    cells = [wrap_text(cell, width) for cell, width in zip(row, widths)]
    lines = []
    for at in range(max(len(cell) for cell in cells)):
        parts = [cell[at] if at < len(cell) else "" for cell in cells]
        blanks = [" " * (width - measure_width(part)) for part, width in zip(parts, widths)]
        both = zip(parts, blanks)
        lines.append("  ".join(p + b if i < left else b + p for i, (p, b) in enumerate(both)).rstrip())
    return lines


def wrap_text(text: str, width: int, hang: int = 2) -> list[str]:
    """A text in lines of at most `width` cells, the further ones indented like the first and by `hang` more."""
    if measure_width(text) <= width:
        return [text]
    begins = len(text) - len(text.lstrip())
    begins = begins if begins < width // 2 else 0
    further = " " * (begins + hang if begins + hang < width // 2 else begins)
    lines = [" " * begins]
    for word in _split_words(text.strip()):
        if not word.strip():
            lines[-1] += word if lines[-1].strip() else ""
            continue
        while measure_width(lines[-1] + word) > width:
            fits = ""
            if measure_width(further + word) > width:  # longer than any line: cut
                room = width - measure_width(lines[-1])
                fits = _fit_word(word, room if lines[-1].strip() else max(2, room))
            lines[-1] += fits
            word = word[len(fits) :]
            if not word:
                break
            lines.append(further)
        lines[-1] += word
    return [line.rstrip() for line in lines]


def _split_words(text: str) -> list[str]:
    """Words, their parts at hyphens, and the blanks between them, as `textwrap` finds them."""
    blanks = text.expandtabs().translate(dict.fromkeys(map(ord, "\n\v\f\r"), " "))
    return [word for word in textwrap.TextWrapper.wordsep_re.split(blanks) if word]


def _fit_word(word: str, cells: int) -> str:
    """As much of the beginning of a word as stands in so many cells, each letter with its marks."""
    taken = list(accumulate(map(_measure_letter, word)))
    return word[: bisect_right(taken, cells)]
