"""Wildcards of paths, matched in time that is linear in a name: what fsspec makes of `*a*a*a*b` backtracks for longer than anybody waits."""

from __future__ import annotations

from typing import Any

from fsspec.utils import glob_translate

from schemas.patterns import Pattern, compile_pattern

MOST_STARS = 2
"""Stars in one part of a path that fsspec is asked about as they are."""


def list_matches(fs: Any, pattern: str) -> list[str]:
    """The paths that a pattern matches, sorted.

    Args:
        fs: The file system.
        pattern: A path below it, with the wildcards of fsspec's `glob`.

    Returns:
        The paths of files and folders.

    Raises:
        ValueError: The pattern is none.

    """
    wider = loosen_pattern(pattern)
    if wider == pattern:
        return sorted(str(match) for match in fs.glob(pattern))
    exact = compile_pattern(glob_translate(pattern).removesuffix(r"\Z") + r"\z")
    matches = fs.glob(wider, detail=True).items()
    return sorted(str(path) for path, entry in matches if _is_match(exact, str(path), entry["type"] == "directory"))


def loosen_pattern(pattern: str) -> str:
    """A pattern that matches no less and takes no backtracking: parts of many stars end at their first one, a second `**` takes all below."""
    parts: list[str] = []
    for part in pattern.split("/"):
        if part == "**" and "**" in parts:
            return "/".join([*parts[: parts.index("**")], "**"])
        parts.append(f"{part[: part.index('*')]}*" if part != "**" and part.count("*") > MOST_STARS else part)
    return "/".join(parts)


def _is_match(exact: Pattern, path: str, is_folder: bool) -> bool:
    """Whether it matches whole; to fsspec, a folder's path ends in a slash where a pattern has one there."""
    texts = (path, f"{path}/")[: 1 + is_folder]
    return any((match := exact.search(text)) is not None and match[0] == text for text in texts)
