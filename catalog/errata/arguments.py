"""The arguments of the `errata` command, and its help."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping

from .releases import STORE

DONE, FAILED, WRONG, MISSING, REFUSED = range(5)
EPILOG = """\
exit codes: 0 done, 1 failed, 2 the command or the recipe is wrong, 3 there is no such
release, 4 refused (the version is published with other content), 130 interrupted.

A store is a path or any fsspec URL (s3://bucket/folder); without --store it is that of the
environment variable ERRATA_STORE, or the folder `store`.
"""
VERBS = {
    "build": ("Build a recipe's release.", "Tables that exist already are not made again: kill it at any moment and start it again."),
    "plan": ("Show what a build would do.", "Lists the recipe's tables, which exist already, and what would run and be asked of models."),
    "ledger": ("Show what was asked of models and spent, by corpus and model.", ""),
    "evaluate": ("Compare labels of the first wrong step with gold.", "Exact locations and their F1 by set, retention, precision, distances."),
    "list": ("List the releases of a store.", ""),
    "show": ("Show a release: funnel, counts by model and set, examples.", ""),
    "load": ("Write the rows of a release.", "JSON lines, CSV or Parquet, to a file or to standard output."),
    "verify": ("Check every file of a release against its checksum.", ""),
}  # fmt: skip
EXAMPLES = {
    "build": ("errata build catalog/sample.yaml", "errata build catalog/mwpes.yaml --data DIR"),
    "plan": ("errata plan catalog/sample.yaml", "errata plan catalog/mwpes.yaml --data DIR"),
    "ledger": ("errata ledger --store s3://corpora/errata",),
    "evaluate": (
        "errata evaluate labels.jsonl --gold catalog/abacus.yaml:steps --format truth",
        "errata evaluate labels.jsonl --gold gsm8k.json --format processbench",
        "errata evaluate labels.parquet --gold prmbench.jsonl --format mapping.yaml",
    ),
    "list": ("errata list --store s3://corpora/errata",),
    "show": ("errata show mwpes", "errata show mwpes@1.0.0 --examples 5"),
    "load": ("errata load mwpes --split test | head", "errata load mwpes@1.0.0 --output rows.parquet"),
    "verify": ("errata verify mwpes@1.0.0",),
}
Run = Callable[[argparse.Namespace], int]


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """The command's arguments; `runs` says what each verb does."""
    top = argparse.ArgumentParser(
        "errata", description="Corpora of the reasoning mistakes that language models make: build, look at, load.",
        epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    verbs = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for name, (help, more) in VERBS.items():
        examples = "\n".join(f"  {example}" for example in EXAMPLES[name])
        one = verbs.add_parser(
            name, help=help, description=f"{help} {more}".strip(), epilog=f"examples:\n{examples}\n\n{EPILOG}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        one.add_argument("--store", metavar="URL", help=f"where tables and releases lie (default: ${STORE} or ./store)")
        one.set_defaults(run=runs[name])
        if name in ("build", "plan"):
            _recipe(one)
        elif name not in ("list", "ledger", "evaluate"):
            one.add_argument("name", metavar="NAME[@VERSION]", help="the corpus; its newest version if none is given")
        if name in _MORE:
            _MORE[name](one)
    return top


def _recipe(one: argparse.ArgumentParser) -> None:
    one.add_argument("recipe", metavar="RECIPE", help="the YAML file that declares the corpus")
    _data(one)


def _data(one: argparse.ArgumentParser) -> None:
    data = os.environ.get("ERRATA_DATA")
    one.add_argument(
        "--data", metavar="DIR", default=data, help="what ${data} stands for in the recipe (default: $ERRATA_DATA)"
    )


def _build(one: argparse.ArgumentParser) -> None:
    one.add_argument("--verbose", action="store_true", help="show what Prefect logs")
    one.add_argument("--plain", action="store_true", help="plain lines instead of the live table")


def _plan(one: argparse.ArgumentParser) -> None:
    help = (
        "rows to ask about, so that tokens can be foretold (default: 64 of the embedded model, else 0); paid but once"
    )
    one.add_argument("--pilot", type=_not_negative, metavar="N", help=help)


def _evaluate(one: argparse.ArgumentParser) -> None:
    place = "a file (JSON lines, JSON, CSV, Parquet), RECIPE.yaml:TABLE of a build, or a release (NAME@VERSION:VIEW)"
    one.add_argument("labels", metavar="LABELS", help=f"what to evaluate: {place}")
    one.add_argument("--gold", metavar="GOLD", help="where the gold lies, likewise (default: in the rows of LABELS)")
    formats = "processbench, mr-ben, verify-then-generate, bigbench-mistake, injected, a YAML file with a field mapping, or truth"
    help = f"how the gold is written: {formats}, which works out what is so in Abacus' world (default)"
    one.add_argument("--format", default="truth", metavar="FORMAT", help=help)
    help = "a column of labels: the first wrong step counted from 0, -1 for none, null where undecided; may be repeated (default: first_error, prediction, and all that end in _first_error)"
    one.add_argument("--label", action="append", default=[], metavar="COLUMN", help=help)
    help = "the column of LABELS that holds gold's ids; several with commas (default: as gold calls it, id, solution_id, source)"
    one.add_argument("--id", default="", metavar="COLUMN", help=help)
    help = "the column that tells labellers apart, where each has rows of its own (default: labeller, if there is one)"
    one.add_argument("--labeller", metavar="COLUMN", help=help)
    help = "the number of the first step in LABELS (default: 0, refused where the labels look counted from 1)"
    one.add_argument("--base", type=int, choices=[0, 1], help=help)
    help = "what rows are grouped by (default: set)"
    one.add_argument("--by", choices=["set", "length"], default="set", help=help)
    one.add_argument("--json", action="store_true", help="everything as JSON, for scripts")
    _data(one)


def _not_negative(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected a whole number, 0 or more, found {text!r}")
    return int(text)


def _show(one: argparse.ArgumentParser) -> None:
    one.add_argument("--examples", type=int, default=2, metavar="N", help="how many rows to show (default: 2)")
    one.add_argument("--json", action="store_true", help="the manifest as JSON, for scripts")


def _load(one: argparse.ArgumentParser) -> None:
    one.add_argument("--view", help="the row format (default: the release's first)")
    one.add_argument("--split", help="train, validation, test, … (default: all)")
    one.add_argument("--limit", type=int, metavar="N", help="at most N rows")
    formats = ["jsonl", "csv", "parquet"]
    one.add_argument("--format", choices=formats, help="default: by the name of --output, else jsonl")
    one.add_argument("--output", metavar="FILE", help="default: standard output")


_MORE = {"build": _build, "plan": _plan, "evaluate": _evaluate, "show": _show, "load": _load}
