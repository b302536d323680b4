"""Two stores that should hold the same release: what one of them lost, and what it said."""

from __future__ import annotations

import json
from pathlib import Path

from tests.campaign.figures import Figures
from tests.command import files_of


def compare_releases(figures: Figures, expected: Path, actual: Path, about: str) -> None:
    """Count what a release lost that should be another, byte for byte."""
    if not (actual / "manifest.json").is_file():
        figures.lose("lost rows", f"{about}: nothing is released", count_rows(expected))
        return
    sound, other = files_of(expected), files_of(actual)
    if sound != other:
        differing = sorted(name for name in {*sound, *other} if sound.get(name) != other.get(name))
        lost = count_rows(expected) - count_rows(actual)
        figures.lose("lost rows" if lost else "other", f"{about}: {', '.join(differing)[:300]}", abs(lost) or 1)


def count_rows(release: Path) -> int:
    """The rows of all views of a release."""
    manifest = json.loads((release / "manifest.json").read_bytes())
    return sum(int(file.get("rows", 0)) for file in manifest["files"])


def read_log(figures: Figures, log: Path, about: str) -> str:
    """What builds said; a traceback in it is counted."""
    text = log.read_text("utf-8", "replace") if log.exists() else ""
    if "Traceback (most recent call last)" in text:
        figures.lose("tracebacks", f"{about}: {text.strip().splitlines()[-1][:300]}")
    return text
