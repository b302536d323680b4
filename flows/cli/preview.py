"""`errata preview`: a recipe on a few rows, table by table, in this process and without a release."""

from __future__ import annotations

import shutil
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.storage import locate_store

from flows.cli.arguments import add_models, add_recipe, parse_count

if TYPE_CHECKING:
    from flows.planning.plan import Plan

ROWS = 20


def run_preview(options: Namespace) -> int:
    """`errata preview`."""
    from flows.cli.build import parse_changes
    from flows.planning.plan import make_plan

    plan = make_plan(
        options.recipe,
        options.data,
        locate_store(options.store),
        parse_changes(options.model),
        hash_sources=False,
        trust=options.trust,
    )
    return show_preview(plan, max(1, options.rows), options.until, not options.ask_nothing)


def show_preview(plan: Plan, most: int, until: str | None = None, ask: bool = True) -> int:
    """Show a plan's tables on a few rows."""
    from flows.cli.table_preview import format_preview
    from flows.planning.first_records import check_mappings
    from flows.running.preview import make_previews

    width = min(120, max(60, shutil.get_terminal_size().columns))
    check_mappings(plan)
    print(f"{plan.recipe.corpus} {plan.recipe.version} on at most {most:,} rows of each source; nothing is released")
    for preview in make_previews(plan, most, until, ask):
        print(f"\n{format_preview(preview, plan, width)}", flush=True)
    where = f"{plan.recipe.file}{plan.flags}"
    print(text.strip_controls(f"\nerrata plan {where} says what a build would ask, errata build {where} builds it"))
    return DONE


def _add_preview(parser: ArgumentParser) -> None:
    add_recipe(parser)
    add_models(parser)
    help = f"records of each table's files, or rows made of numbers, at most (default: {ROWS})"
    parser.add_argument("--rows", type=parse_count, default=ROWS, metavar="N", help=help)
    parser.add_argument("--until", metavar="TABLE", help="only the tables that lead to this one, and it")
    help = "ask no model: show the first request of each table that would"
    parser.add_argument("--ask-nothing", action="store_true", help=help)


PREVIEW = Verb(
    "preview",
    "Run a recipe on a few rows and show what becomes of them.",
    (
        "errata preview catalog/recipes/sample.yaml",
        "errata preview catalog/recipes/abacus.yaml --rows 5 --until verified",
    ),
    run_preview,
    _add_preview,
    "In seconds, in this process, without a release. Models are asked about these rows alone; what they answer is in the ledger then.",
)

VERBS = (PREVIEW,)
