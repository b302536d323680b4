"""`errata gc` and `errata migrate`: what killed publishers left, and tables of an older format."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from errata.cli import text
from errata.cli.exit_codes import DONE, FAILED
from errata.cli.verb import Verb
from errata.storage import locate_store

from flows.cli.arguments import add_json


def run_gc(options: Namespace) -> int:
    """`errata gc`."""
    from catalog import garbage
    from catalog.storage import Store

    store = Store(locate_store(options.store))
    leftovers = garbage.find_garbage(store, options.older_than)
    removed = {each.path for each in garbage.remove(store, leftovers)} if options.remove else set()
    rows: list[list[object]] = [
        [each.path, each.what, each.files, each.size, f"{each.hours:.1f}"] for each in leftovers
    ]
    if options.json:
        print(json.dumps([{**asdict(each), "removed": each.path in removed} for each in leftovers], indent=1))
        return DONE if len(removed) == len(leftovers) or not options.remove else FAILED
    if rows:
        print(text.format_table(["garbage", "what it is", "files", "bytes", "hours old"], rows, left=2))
    if options.remove:
        print(f"{len(removed)} removed" if rows else "nothing to remove")
        return DONE if len(removed) == len(leftovers) else FAILED
    print("errata gc --remove removes it" if rows else "no garbage")
    return DONE


def _add_gc(parser: ArgumentParser) -> None:
    parser.add_argument("--remove", action="store_true", help="remove what was found")
    help = "leave alone what was written to in the last HOURS: its publisher may be at work (default: 24)"
    parser.add_argument("--older-than", type=float, default=24.0, metavar="HOURS", help=help)
    add_json(parser)


GC = Verb(
    "gc",
    "Find what killed publishers and builds left, and remove it.",
    ("errata gc", "errata gc --remove --older-than 2"),
    run_gc,
    _add_gc,
    "Without --remove, only shows it. What a release refers to is never touched.",
)


def run_migrate(options: Namespace) -> int:
    """`errata migrate`."""
    from catalog.storage import Store
    from catalog.store_format import migrate_store

    count = 0
    for table in migrate_store(Store(locate_store(options.store))):
        count += 1
        print(table.path if table.complete else f"{table.path}: was not complete, and was removed")
    print(f"{count} tables migrated" if count else "nothing to migrate")
    return DONE


MIGRATE = Verb(
    "migrate",
    "Bring the tables of a store to the format of this Errata.",
    ("errata migrate", "errata migrate --store s3://bucket/errata"),
    run_migrate,
    more="Complete tables stay as they are, but for their manifests; a table that was not complete is removed, and made again by its "
    "build, for which no model is asked twice. No build may be at work in the store meanwhile.",
)

VERBS = (GC, MIGRATE)
