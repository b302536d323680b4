"""`errata new`: a recipe of one's own that begins as one of the catalog."""

from __future__ import annotations

import json
import os
import re
import shutil
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.errors import ErrataError

from flows.cli.arguments import add_json

if TYPE_CHECKING:
    from schemas.recipe.recipe import Recipe

ROOT = Path(__file__).parents[2]
RECIPES = ROOT / "catalog" / "recipes"
SCHEMA = ROOT / "docs" / "recipe.schema.json"
LARGEST = 10 * 2**20
"""Bytes of a file of a recipe's own that is copied with it."""


def run_new(options: Namespace) -> int:
    """`errata new`."""
    known = {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}
    if options.recipe is None:
        return _list_recipes(known, options.json)
    key = options.recipe.removesuffix(".yaml").replace("-", "_")
    if key not in known:
        from schemas.recipe.wording import advise

        raise ErrataError(f"unknown recipe '{options.recipe}'; {advise(options.recipe, known)}")
    corpus = options.as_ or options.recipe.removesuffix(".yaml").replace("_", "-")
    path = Path(f"{corpus}.yaml")
    check_name(corpus)
    check_absent(path)
    copied = copy_recipe(known[key], path, corpus)
    print(
        "\n".join(
            [
                f"{path}: corpus '{corpus}', from {known[key].relative_to(ROOT)}",
                *(f"  beside it {each}" for each in copied),
            ]
        )
    )
    print(f"\nerrata preview {path} shows what becomes of a few rows, errata build {path} builds it")
    return DONE


def _list_recipes(known: dict[str, Path], as_json: bool) -> int:
    """The recipes of the catalog and their titles."""
    from schemas.recipe.document import Document

    rows = [
        {"recipe": name, "title": str(Document(path.read_text("utf-8"), str(path)).value["title"])}
        for name, path in known.items()
    ]
    if as_json:
        print(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        print(text.format_table(["recipe", "title"], [list(row.values()) for row in rows], left=2))
    return DONE


def check_name(corpus: str) -> None:
    """Raise `ErrataError` where a name is none of a corpus."""
    from schemas.recipe.recipe import NAME

    if not re.fullmatch(NAME, corpus):
        raise ErrataError(f"--as {corpus[:80]!r}: a corpus' name has lower-case letters, digits, - and _, at most 64")


def check_absent(path: Path) -> None:
    """Raise `ErrataError` where there is such a file: nothing is written over."""
    if path.exists():
        raise ErrataError(f"{path}: is there already; remove it, or choose another name with --as")


def write_schema_line(path: Path) -> str:
    """The line by which an editor knows a recipe in a folder."""
    from flows.planning.lint import SCHEMA_LINE

    folder = path.resolve().parent
    return f"{SCHEMA_LINE}{os.path.relpath(SCHEMA, folder) if folder.is_relative_to(ROOT) else SCHEMA}\n"


def copy_recipe(source: Path, path: Path, corpus: str) -> list[str]:
    """Copy a recipe of the catalog under another name, with the files that lie beside it.

    Args:
        source: The recipe in the catalog.
        path: Where its copy is to lie.
        corpus: The name of the new corpus, whose versions begin anew.

    Returns:
        The files that were copied with it.

    """
    from flows.planning.lint import SCHEMA_LINE
    from flows.planning.recipe_file import open_recipe

    recipe = open_recipe(str(source))
    lines = [line for line in recipe.text.splitlines(keepends=True) if not line.startswith(SCHEMA_LINE)]
    changed = "".join(lines)
    for key, value in (("corpus", corpus), ("version", "0.1.0")):
        changed = re.sub(rf"^{key}: .*$", f"{key}: {value}", changed, count=1, flags=re.MULTILINE)
    path.write_text(write_schema_line(path) + changed, "utf-8")
    return [str(place) for place in _copy_files(recipe, source.parent, path.parent)]


def _copy_files(recipe: Recipe, folder: Path, target: Path) -> list[Path]:
    """Copy the small files that a recipe names below its own folder."""
    copied = []
    for table in recipe.tables:
        for place in table.task.locations(table.parameters):
            file, copy = folder / place, target / place
            if (
                "${data}" in place
                or "://" in place
                or not file.is_file()
                or copy.exists()
                or file.stat().st_size > LARGEST
            ):
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)
            copied.append(copy)
    return copied


def _add_new(parser: ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", nargs="?", help="one of the catalog; without it all are listed")
    help = "the name of the new corpus, and of its file (default: the recipe's)"
    parser.add_argument("--as", dest="as_", metavar="NAME", help=help)
    add_json(parser)


NEW = Verb(
    "new",
    "Begin a recipe of your own with one of the catalog.",
    ("errata new", "errata new sample --as ours"),
    run_new,
    _add_new,
    "Writes NAME.yaml in this folder, with the small files that lie beside the recipe.",
    has_store=False,
)

VERBS = (NEW,)
