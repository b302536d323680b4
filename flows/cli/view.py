"""`errata view`: the report of a release with all its rows, in a browser on this machine."""

from __future__ import annotations

import sys
import webbrowser
from argparse import ArgumentParser, ArgumentTypeError, Namespace

import errata
from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import RELEASE, Verb
from errata.errors import ErrataError
from errata.storage import locate_store


def run_view(options: Namespace) -> int:
    """`errata view`: serve until it is interrupted."""
    from flows.viewing.changes import view_changes
    from flows.viewing.rows import ViewedRows
    from flows.viewing.server import Viewer

    store = locate_store(options.store)
    release = errata.open_release(options.name, store)
    against = errata.open_release(options.against, store) if options.against else None
    if against and sys.stderr.isatty():
        print(text.strip_controls(f"{release.name} is compared with {against.name}, row by row …"), file=sys.stderr)
    changes = view_changes(release, against, options.view) if against else None
    rows = changes.after if changes else ViewedRows(release, options.view)
    try:
        try:
            server = Viewer(release, rows, options.port, changes)
        except OSError as error:
            raise ErrataError(
                f"--port {options.port}: cannot be listened on ({error.strerror}); name another, or none"
            ) from None
        with server:
            beside = f" beside {against.name}" if against else ""
            shown = f"{release.name}{beside}: {rows.total:,} rows of {rows.view}, on this machine alone; end with Ctrl-C\n{server.url}"
            print(text.strip_controls(shown), flush=True)
            if not options.no_open:
                webbrowser.open(server.url)
            try:
                server.serve_forever()
            except KeyboardInterrupt:
                print()
        return DONE
    finally:
        rows.close()


def _parse_port(value: str) -> int:
    if not (value.isdecimal() and len(value) < 6 and int(value) <= 65_535):
        raise ArgumentTypeError(f"expected a number from 0 to 65535, found {value[:80]!r}")
    return int(value)


def _add_view(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    parser.add_argument("--view", metavar="VIEW", help="whose rows (default: the release's first view)")
    parser.add_argument(
        "--against", metavar="NAME@U", help="another release, such as the one before: what changed, row by row"
    )
    parser.add_argument("--port", type=_parse_port, default=0, metavar="N", help="listen here (default: a free port)")
    parser.add_argument("--no-open", action="store_true", help="print the address and open no browser")


VIEW = Verb(
    "view",
    "Look at the report and at all rows of a release in the browser.",
    (
        "errata view mwpes",
        "errata view mwpes@1.1.0 --against mwpes@1.0.0",
        "errata view mwpes@1.0.0 --view stepwise --port 8000 --no-open",
    ),
    run_view,
    _add_view,
    "On this machine alone, read-only; filters and rows have addresses, and what is filtered can be downloaded.",
)

VERBS = (VIEW,)
