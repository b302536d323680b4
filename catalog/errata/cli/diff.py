"""`errata diff`: what differs between two releases."""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..release.find import open_release
from .exit_codes import DONE
from .verb import RELEASE, Verb


def diff(options: Namespace) -> int:
    """`errata diff`."""
    from ..compare.difference import compare_releases
    from ..compare.text import as_html, as_text

    difference = compare_releases(
        open_release(options.before, options.store), open_release(options.after, options.store)
    )
    suffix = Path(options.output or "").suffix.lstrip(".").lower()
    form = options.format or (suffix if suffix in ("json", "html") else "text")
    if form == "json":
        content = json.dumps(difference.as_json(), indent=1, ensure_ascii=False) + "\n"
    else:
        content = as_html(difference) if form == "html" else as_text(difference) + "\n"
    if options.output:
        Path(f"{options.output}.part").write_text(content, "utf-8")
        os.replace(f"{options.output}.part", options.output)
    else:
        print(content, end="")
    return DONE


def _add_diff(parser: ArgumentParser) -> None:
    parser.add_argument("before", metavar="NAME@A", help=RELEASE)
    parser.add_argument("after", metavar="NAME@B", help="the other release")
    help = "default: by the name of --output, else text"
    parser.add_argument("--format", choices=["text", "json", "html"], help=help)
    parser.add_argument("--output", metavar="FILE", help="default: standard output")


DIFF = Verb(
    "diff",
    "Show what differs between two releases.",
    ("errata diff mwpes@1.0.0 mwpes@1.1.0", "errata diff mwpes@1.0.0 mwpes --format html --output changes.html"),
    diff,
    _add_diff,
    "Rows by their ids, labels with old and new, columns, distributions.",
)
