"""`errata report`: where the report of a release lies, or a new one, compared with another release if asked."""

from __future__ import annotations

import os
import webbrowser
from argparse import ArgumentParser, Namespace
from pathlib import Path

import errata
from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import RELEASE, Verb
from errata.errors import ErrataError
from errata.release.find import Release
from errata.storage import locate_store


def run_report(options: Namespace) -> int:
    """Print the place of the report; render it where a file is asked for, or the release holds none."""
    from flows.report.build import render_release

    store = locate_store(options.store)
    release = errata.open_release(options.name, store)
    compared = errata.open_release(options.compare, store) if options.compare else None
    published = _find_published(release)
    if published and not compared and not options.output:
        place = published
    else:
        place = Path(options.output or f"{release.name.replace('@', '-')}-report.html")
        _write(place, render_release(release, compared))
    link = place.absolute().as_uri()
    print(text.strip_controls(f"report  {link}"))
    if options.open and not webbrowser.open(link):
        raise ErrataError(f"no browser could be opened here; open {link} yourself")
    return DONE


def _find_published(release: Release) -> Path | None:
    """The page that the release holds, on this disk; None where it holds none."""
    from flows.report.build import PAGE

    file = next((file for file in release.manifest["files"] if file["path"] == PAGE), None)
    return release.path(file) if file else None


def _write(place: Path, html: str) -> None:
    """Write a page whole or not at all."""
    from flows.report.build import PAGE

    if place.is_dir():
        raise ErrataError(f"--output {place}: is a folder; name a file, such as {place / PAGE}")
    part = place.with_name(f"{place.name}.part")
    part.write_text(html, "utf-8")
    os.replace(part, place)


def _add_report(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    parser.add_argument("--compare", metavar="NAME@U", help="another release, to see what shifted since")
    help = "render it into this file (default: the page that the release holds, else NAME-VERSION-report.html)"
    parser.add_argument("--output", metavar="FILE", help=help)
    parser.add_argument("--open", action="store_true", help="open it in the browser")


REPORT = Verb(
    "report",
    "Show where the quality report of a release lies, or make it anew.",
    ("errata report mwpes --open", "errata report mwpes@1.1.0 --compare mwpes@1.0.0 --output report.html"),
    run_report,
    _add_report,
    "With --compare against another release; with --output into a file.",
)

VERBS = (REPORT,)
