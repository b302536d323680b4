"""`errata browse`: the rows of a table or a release, in a terminal or to a pipe."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from errata.cli.verb import Verb
from errata.storage import locate_store

from flows.cli.arguments import add_data, add_trust, parse_count


def run_browse(options: Namespace) -> int:
    """`errata browse`."""
    from flows.cli.browser import browse

    return browse(options, locate_store(options.store))


def _add_browse(parser: ArgumentParser) -> None:
    help = "a release (NAME@VERSION, a view after a colon), RECIPE.yaml:TABLE, or files"
    parser.add_argument("name", metavar="NAME", help=help)
    parser.add_argument("--split", help="train, validation, test, … of a release (default: all)")
    parser.add_argument("--rejected", action="store_true", help="the rows that a table rejected, with the reasons")
    for name in ("type", "model", "set", "verdict"):
        parser.add_argument(f"--{name}", metavar="VALUE", help=f"only rows of this {name}; * stands for anything")
    parser.add_argument("--search", metavar="TEXT", help="only rows that hold this text somewhere, whatever the case")
    parser.add_argument("--limit", type=parse_count, metavar="N", help="at most N rows, to a pipe")
    add_data(parser)
    add_trust(parser)


BROWSE = Verb(
    "browse",
    "Look at the rows of a release, a table or files, one after the other.",
    (
        "errata browse mwpes@1.0.0 --type arithmetic",
        "errata browse mwpes:stepwise --model 'gpt-4*' --search apples | less",
        "errata browse catalog/recipes/abacus.yaml:judged",
        "errata browse catalog/recipes/abacus.yaml:wrong --rejected",
    ),
    run_browse,
    _add_browse,
    "In a terminal by keys, to a pipe as text; the first wrong step is marked.",
)

VERBS = (BROWSE,)
