"""`errata report`: where the report of a release lies, or a new one, compared with another release if asked."""

from __future__ import annotations

import os
import webbrowser
from argparse import Namespace
from pathlib import Path

import errata
from errata.cli import text
from errata.cli.arguments import DONE
from errata.errors import ErrataError
from errata.release.find import Release

from flows.report.build import PAGE, page_of


def report(given: Namespace, store: str) -> int:
    """Print the place of the report; render it where a file is asked for, or the release holds none."""
    release = errata.open_release(given.name, store)
    compared = errata.open_release(given.compare, store) if given.compare else None
    there = _published(release)
    if there and not compared and not given.output:
        place = there
    else:
        place = Path(given.output or f"{release.name.replace('@', '-')}-report.html")
        _write(place, page_of(release, compared))
    link = place.absolute().as_uri()
    print(text.plain(f"report  {link}"))
    if given.open and not webbrowser.open(link):
        raise ErrataError(f"no browser could be opened here; open {link} yourself")
    return DONE


def _published(release: Release) -> Path | None:
    """The page that the release holds, on this disk; None where it holds none."""
    file = next((one for one in release.manifest["files"] if one["path"] == PAGE), None)
    return release.path(file) if file else None


def _write(place: Path, html: str) -> None:
    """Write a page whole or not at all."""
    if place.is_dir():
        raise ErrataError(f"--output {place}: is a folder; name a file, such as {place / PAGE}")
    part = place.with_name(f"{place.name}.part")
    part.write_text(html, "utf-8")
    os.replace(part, place)
