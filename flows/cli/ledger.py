"""`errata ledger`: what was asked of models, and spent."""

from __future__ import annotations

from argparse import Namespace

from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb
from errata.storage import locate_store


def run_ledger(options: Namespace) -> int:
    """`errata ledger`."""
    from catalog.ledger import Ledger
    from catalog.storage import Store
    from flows.metrics.spend import format_spending

    print(format_spending(Ledger(Store(locate_store(options.store)))))
    return DONE


LEDGER = Verb(
    "ledger",
    "Show what was asked of models and spent, by corpus and model.",
    ("errata ledger --store s3://corpora/errata",),
    run_ledger,
)

VERBS = (LEDGER,)
