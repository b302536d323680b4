"""`errata lint`: what of a recipe is sound and yet a danger, or hard on its readers."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from errata.cli import text
from errata.cli.exit_codes import DONE, FAILED
from errata.cli.verb import Verb

from flows.cli.arguments import add_json


def run_lint(options: Namespace) -> int:
    """`errata lint`."""
    from flows.planning.lint import lint_recipe
    from flows.planning.recipe_file import open_recipe

    remarks = [remark for recipe in options.recipes for remark in lint_recipe(open_recipe(recipe))]
    dangers = sum(remark.kind == "danger" for remark in remarks)
    if options.json:
        print(json.dumps([asdict(remark) for remark in remarks], indent=1, ensure_ascii=False))
    else:
        for remark in remarks:
            print(text.strip_controls(remark))
        rest = len(remarks) - dangers
        print(f"{dangers} dangers, {rest} of style" if remarks else "nothing to mend")
    return FAILED if dangers else DONE


def _add_lint(parser: ArgumentParser) -> None:
    parser.add_argument("recipes", metavar="RECIPE", nargs="+", help="YAML files that declare corpora")
    add_json(parser)


LINT = Verb(
    "lint",
    "Look for dangers and bad style in recipes, without running them.",
    ("errata lint catalog/recipes/sample.yaml",),
    run_lint,
    _add_lint,
    "Exit code 1 where there is a danger; what is wrong altogether is an error, as everywhere.",
    has_store=False,
)

VERBS = (LINT,)
