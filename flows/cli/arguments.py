"""Arguments that several verbs share."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError


def add_recipe(parser: ArgumentParser) -> None:
    """A recipe, and where its data lie."""
    parser.add_argument("recipe", metavar="RECIPE", help="the YAML file that declares the corpus")
    add_data(parser)
    add_trust(parser)


def add_trust(parser: ArgumentParser) -> None:
    """Whether a recipe may read whatever it names."""
    help = "let the recipe name files anywhere, and URLs: else they lie in its own folder or below --data"
    parser.add_argument("--trust", action="store_true", help=help)


def add_data(parser: ArgumentParser) -> None:
    """Where data lie."""
    help = "what ${data} stands for in the recipe (default: $ERRATA_DATA)"
    parser.add_argument("--data", metavar="DIR", default=os.environ.get("ERRATA_DATA"), help=help)


def add_models(parser: ArgumentParser) -> None:
    """Other weights for models of the recipe."""
    help = "give a model of the recipe other weights: its model, revision or checkpoint; may be repeated"
    parser.add_argument("--model", action="append", default=[], metavar="NAME.revision=VALUE", help=help)


def add_rehash(parser: ArgumentParser) -> None:
    """Sources that are hashed anew."""
    help = (
        "read and hash all sources, also those whose size and times say that they have not changed since the last time"
    )
    parser.add_argument("--rehash", action="store_true", help=help)


def add_on(parser: ArgumentParser) -> None:
    """Where units of work run."""
    help = "where units of work run: local, ray, or ray://HOST:PORT of a cluster (default: $ERRATA_ON, else [build] of the configuration)"
    parser.add_argument("--on", metavar="PLACE", help=help)


def add_json(parser: ArgumentParser) -> None:
    """Output for scripts."""
    parser.add_argument("--json", action="store_true", help="everything as JSON, for scripts")


def parse_count(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise ArgumentTypeError(f"expected a whole number, 0 or more, found {text!r}")
    return int(text)
