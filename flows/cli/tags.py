"""`errata tag`, `deprecate`, `yank` and `restore`: the tags and notices of a corpus."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace

import errata
from errata import tag_log
from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import RELEASE, Verb
from errata.errors import ErrataError
from errata.release.names import EXACT, parse_name
from errata.storage import Storage, locate_store

from flows.cli.arguments import add_json


def run_tag(options: Namespace) -> int:
    """`errata tag`: move, remove or show."""
    from catalog import tags
    from catalog.storage import Store

    store = locate_store(options.store)
    asked = parse_name(options.name)
    if options.tag is None:
        return _show_history(asked.corpus, store, options.json)
    if options.delete:
        tags.tag(Store(store), asked.corpus, options.tag, None, options.reason)
        print(f"{asked.corpus}@{options.tag} names nothing any more")
        return DONE
    release = errata.open_release(options.name, store)
    tags.tag(Store(store), asked.corpus, options.tag, release.manifest["version"], options.reason)
    print(f"{asked.corpus}@{options.tag} is {release.name} now")
    return DONE


def _show_history(corpus: str, store: str, as_json: bool) -> int:
    """Show tags and notices, and every change of them."""
    place = Storage(store)
    versions = [name for name in place.names(f"releases/{corpus}") if EXACT.fullmatch(name)]
    if not versions:
        raise errata.NotFound(f"store {store}: no corpus '{corpus}'; errata list shows what there is")
    now = tag_log.read_state(place, corpus)
    newest = now.newest(versions) or "none"
    events = [tag_log.read_event(place, path) for path in tag_log.list_events(place, corpus)]
    if as_json:
        print(json.dumps({**now.as_json(), "latest": newest, "events": events}, indent=1, ensure_ascii=False))
        return DONE
    rows: list[list[object]] = [[tag, version] for tag, version in sorted({tag_log.LATEST: newest, **now.tags}.items())]
    print(text.format_table(["tag", "version"], rows, left=2))
    if now.notices:
        rows = [[version, notice.kind, notice.reason] for version, notice in sorted(now.notices.items())]
        print("\n" + text.format_table(["version", "notice", "reason"], rows, left=3))
    if events:
        head = ["when", "what", "before", "version", "reason"]
        print("\n" + text.format_table(head, [_list_event(event) for event in events], left=5))
    return DONE


def _list_event(event: dict[str, str]) -> list[object]:
    change = f"{event['what']} {event.get('tag', '')}".strip()
    return [event["time"], change, event.get("before") or "", event["version"] or "–", event["reason"]]


def run_note(options: Namespace) -> int:
    """`errata deprecate`, `errata yank` and `errata restore`."""
    from catalog import tags
    from catalog.storage import Store

    asked = parse_name(options.name)
    if asked.exact is None:
        raise ErrataError(f"{options.name}: errata {options.verb} needs one version; write {asked.corpus}@1.2.3")
    tags.note(Store(locate_store(options.store)), asked.corpus, asked.exact, options.verb, options.reason)
    done = {"deprecate": "is deprecated", "yank": "is withdrawn", "restore": "stands again"}[options.verb]
    print(f"{asked.corpus}@{asked.exact} {done}: {text.strip_controls(options.reason)}")
    return DONE


def _add_tag(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    help = "latest, stable, …; without it all tags and their history"
    parser.add_argument("tag", metavar="TAG", nargs="?", help=help)
    parser.add_argument("--delete", action="store_true", help="let it name nothing any more")
    parser.add_argument("--reason", default="", help="why, for the history")
    add_json(parser)


def _add_note(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    parser.add_argument("--reason", required=True, help="why; all who ask for the version are shown it")


TAG = Verb(
    "tag",
    "Let a tag name a version, or show tags and their history.",
    ("errata tag mwpes@1.2.0 stable", "errata tag mwpes stable --delete", "errata tag mwpes"),
    run_tag,
    _add_tag,
    "Who asks for NAME@TAG gets that version from then on.",
)
DEPRECATE = Verb(
    "deprecate",
    "Warn all who use a version.",
    ("errata deprecate mwpes@1.0.0 --reason 'use 1.1: svamp was incomplete'",),
    run_note,
    _add_note,
)
YANK = Verb(
    "yank",
    "Withdraw a version: only who names exactly it still gets it, with a warning.",
    ("errata yank mwpes@1.0.0 --reason 'wrong gold answers in svamp'",),
    run_note,
    _add_note,
)
RESTORE = Verb(
    "restore",
    "Take back a deprecation or a withdrawal.",
    ("errata restore mwpes@1.0.0 --reason 'it was the other one'",),
    run_note,
    _add_note,
)

VERBS = (DEPRECATE, RESTORE, TAG, YANK)
