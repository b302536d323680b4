"""`errata list` and `errata show`: what is in a store, and what is in a release."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentParser, Namespace

from ..errors import Unreadable
from ..release.find import open_release, releases
from ..release.load import read_first
from . import text
from .exit_codes import DONE, FAILED
from .verb import RELEASE, Verb


def list_releases(options: Namespace) -> int:
    """`errata list`."""
    rows: list[list[object]] = []
    code = DONE
    for corpus, version in releases(options.store):
        try:
            release = open_release(f"{corpus}@{version}", options.store)
        except Unreadable as error:
            text.print_error(error)
            code = FAILED
        else:
            count = sum(file["rows"] for file in release.files())
            rows.append([release.name, count, release.manifest["recipe"]["title"][:60]])
    if rows:
        print(text.format_table(["release", "rows", "title"], rows))
    elif code == DONE:
        print("no release in this store", file=sys.stderr)
    return code


def show(options: Namespace) -> int:
    """`errata show`."""
    release = open_release(options.name, options.store)
    if options.json:
        print(json.dumps(release.manifest, indent=1))
        return DONE
    width = max(40, shutil.get_terminal_size().columns)
    title = text.wrap_lines(
        text.strip_controls(f"{release.name}  {release.manifest['recipe']['title']}\n{release.url}"), width
    )
    parts = [title, text.format_splits(release, width)]
    parts.append(text.format_funnel(release.manifest["funnel"], width))
    parts.append(text.format_labels(release.manifest.get("labels", []), width))
    parts.append(text.format_types(release.manifest.get("types", []), width))
    parts.append(text.format_gates(release.manifest.get("gates", []), width))
    parts.append(text.format_counts_of_views(release, width))
    parts += [text.format_example(row, min(width, 100)) for row in read_first(release, options.examples)]
    print("\n\n".join(part for part in parts if part))
    return DONE


def _add_show(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    parser.add_argument("--examples", type=int, default=2, metavar="N", help="how many rows to show (default: 2)")
    parser.add_argument("--json", action="store_true", help="the manifest as JSON, for scripts")


LIST = Verb("list", "List the releases of a store.", ("errata list --store s3://corpora/errata",), list_releases)
SHOW = Verb(
    "show",
    "Show a release: funnel, counts by model and set, examples.",
    ("errata show mwpes", "errata show mwpes@1.0.0 --examples 5"),
    show,
    _add_show,
)
