"""`errata list` and `errata show`: what is in a store, and what is in a release."""

from __future__ import annotations

import json
import shutil
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from typing import Any

from ..errors import Unreadable
from ..release.find import Release, open_release, releases
from ..release.load import read_first
from ..tag_log import TagState, read_state
from . import text
from .exit_codes import DONE, FAILED
from .verb import RELEASE, Verb


def list_releases(options: Namespace) -> int:
    """`errata list`."""
    entries: list[dict[str, Any]] = []
    code = DONE
    states: dict[str, TagState] = {}
    for corpus, version in releases(options.store):
        try:
            release = open_release(f"{corpus}@{version}", options.store)
            if corpus not in states:
                states[corpus] = read_state(release.storage, corpus)
        except Unreadable as error:
            text.print_error(error)
            code = FAILED
        else:
            entries.append(_describe_release(release, states[corpus]))
    if options.json:
        print(json.dumps(entries, indent=1, ensure_ascii=False))
    elif entries:
        print(_format_list(entries))
    elif code == DONE:
        print("no release in this store", file=sys.stderr)
    return code


def _describe_release(release: Release, state: TagState) -> dict[str, Any]:
    """What a list says of a release: the rows are those of its first view, the bytes those of all its files."""
    version = release.manifest["version"]
    notice = state.notices.get(version)
    return {
        "release": release.name,
        "rows": sum(file["rows"] for file in release.files()),
        "view": release.views[0],
        "bytes": sum(int(file.get("bytes", 0)) for file in release.manifest["files"]),
        "released": release.find_date(),
        "tags": sorted(tag for tag, of in state.tags.items() if of == version),
        "notice": notice.kind if notice else None,
        "title": release.manifest["recipe"]["title"],
    }


def _format_list(entries: Sequence[dict[str, Any]]) -> str:
    """The releases as a table; the title takes what is left of the terminal."""
    rows: list[list[object]] = []
    for entry in entries:
        marks = ", ".join([*entry["tags"], *([entry["notice"]] if entry["notice"] else [])])
        date = (entry["released"] or "")[:10]
        rows.append([entry["release"], f"{entry['rows']:,}", date, marks, format_bytes(entry["bytes"])])
    head = ["release", "rows", "date", "tags", "size"]
    taken = len(text.format_table(head, rows).split("\n", 1)[0]) + 2
    room = max(30, min(60, shutil.get_terminal_size().columns - taken - 10))
    titled = [[*row, entry["title"][:room]] for row, entry in zip(rows, entries)]
    return text.format_table([*head, "title"], titled)


def format_bytes(size: int) -> str:
    """Bytes in a unit that people read."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:,.1f} GB"


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


def _add_list(parser: ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="everything as JSON, for scripts")


LIST = Verb(
    "list",
    "List the releases of a store.",
    ("errata list", "errata list --store s3://corpora/errata --json"),
    list_releases,
    _add_list,
    "With the rows of the first view, the size of all files, and tags.",
)
SHOW = Verb(
    "show",
    "Show a release: funnel, counts by model and set, examples.",
    ("errata show mwpes", "errata show mwpes@1.0.0 --examples 5"),
    show,
    _add_show,
)
