"""What is left of a bug: one line for people, a file with what they may send, and an exit code of its own."""

from __future__ import annotations

import platform
import sys
import tempfile
import traceback
from pathlib import Path
from types import TracebackType

from .verb import find_version

MOST_FRAMES = 50


def report_bug(error: BaseException, verb: str) -> str:
    """Write what is known of a bug to a file of the user's own.

    Args:
        error: What nobody foresaw.
        verb: The verb that met it.

    Returns:
        The line for people: what to do, and the file. The file holds places in code and types of errors, but none of their
        words, which may be data or secrets.
    """
    lines = [
        f"errata {find_version()}, Python {platform.python_version()}, {sys.platform}",
        f"verb: {verb}",
        *_describe(error),
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", prefix="errata-bug-", suffix=".txt", delete=False
        ) as file:
            file.write("\n".join(lines) + "\n")
        where = f"what is known of it, without data, is in {Path(file.name)}; please send it with what you did"
    except OSError:
        where = "what is known of it could not be written; --verbose shows it, where a verb has that"
    return f"errata: this is a bug ({type(error).__name__}): {where}"


def _describe(error: BaseException | None) -> list[str]:
    """The types of an error and of those that it came of, with the places in code."""
    lines: list[str] = []
    while error is not None and len(lines) < 10 * MOST_FRAMES:
        lines.append(f"{type(error).__module__}.{type(error).__qualname__}")
        lines += _list_places(error.__traceback__)
        error = error.__cause__ or error.__context__
    return lines


def _list_places(trace: TracebackType | None) -> list[str]:
    frames = traceback.extract_tb(trace)[-MOST_FRAMES:]
    return [f"  {'/'.join(Path(frame.filename).parts[-3:])}:{frame.lineno} {frame.name}" for frame in frames]
