"""`errata ledger`: what was asked of models, and spent."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict

from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.storage import locate_store

from flows.cli.arguments import add_json


def run_ledger(options: Namespace) -> int:
    """`errata ledger`."""
    from catalog.ledger import Ledger
    from catalog.storage import Store
    from flows.metrics.spend import format_spending

    ledger = Ledger(Store(locate_store(options.store)))
    if options.json:
        print(json.dumps([asdict(account) for account in ledger.spent()], indent=1))
    else:
        print(format_spending(ledger))
    return DONE


def _add_ledger(parser: ArgumentParser) -> None:
    add_json(parser)


LEDGER = Verb(
    "ledger",
    "Show what was asked of models and spent, by corpus and model.",
    ("errata ledger --store s3://corpora/errata",),
    run_ledger,
    _add_ledger,
)

VERBS = (LEDGER,)
