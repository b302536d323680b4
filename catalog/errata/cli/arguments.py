"""The arguments of the `errata` command, and its help."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping

from ..storage import STORE

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
    "browse": ("Look at the rows of a release or a table, one after the other.", "In a terminal by keys, to a pipe as text; the first wrong step is marked."),
    "report": ("Show where the quality report of a release lies, or make it anew.", "With --compare against another release; with --output into a file."),
    "load": ("Write the rows of a release.", "JSON lines, CSV or Parquet, to a file or to standard output."),
    "verify": ("Check every file of a release against its checksum.", "With --signers, its signature too."),
    "pull": ("Download releases into the cache, or to a folder.", "Without NAME, all that errata.lock pins."),
    "lock": ("Pin releases in errata.lock.", "Without NAME, shows what is pinned; --upgrade resolves all anew."),
    "diff": ("Show what differs between two releases.", "Rows by their ids, labels with old and new, columns, distributions."),
    "gates": ("Check what a recipe asks of a release, and release nothing.", "Makes the tables that are not there; exit code 1 where a gate is missed."),
    "release": ("Propose the version of a build, from what differs.", "With --set, writes the number into the recipe and releases it."),
    "tag": ("Let a tag name a version, or show tags and their history.", "Who asks for NAME@TAG gets that version from then on."),
    "deprecate": ("Warn all who use a version.", ""),
    "yank": ("Withdraw a version: only who names exactly it still gets it, with a warning.", ""),
    "restore": ("Take back a deprecation or a withdrawal.", ""),
    "sign": ("Sign a release with an SSH key.", "It signs the manifest, which holds the checksums of all files."),
    "gc": ("Find what killed publishers left, and remove it.", "Without --remove, only shows it. What a release refers to is never touched."),
    "trace": ("Show where a row comes from, or all rows that a model touched.", ""),
    "push": ("Publish a release elsewhere: the Hugging Face Hub, or any URL.", "On the Hub the version is a tag."),
    "deploy": ("Make the deployments of infra/prefect.yaml in a Prefect server, and their work pools.", "Workers of the pools run them, by the clock or when they are asked for."),
    "serve": ("Run the deployments of infra/prefect.yaml by their schedules, without a work pool.", "Where PREFECT_API_URL names no Prefect server, one is started on this machine."),
}  # fmt: skip
EXAMPLES = {
    "build": (
        "errata build catalog/recipes/sample.yaml",
        "errata build catalog/recipes/mwpes.yaml --data DIR",
        "errata build catalog/ours.yaml --model small.revision=989aa79 --version auto",
    ),
    "plan": ("errata plan catalog/recipes/sample.yaml", "errata plan catalog/recipes/mwpes.yaml --data DIR"),
    "ledger": ("errata ledger --store s3://corpora/errata",),
    "evaluate": (
        "errata evaluate labels.jsonl --gold catalog/recipes/abacus.yaml:steps --format truth",
        "errata evaluate labels.jsonl --gold gsm8k.json --format processbench",
        "errata evaluate labels.parquet --gold prmbench.jsonl --format mapping.yaml",
    ),
    "list": ("errata list --store s3://corpora/errata",),
    "show": ("errata show mwpes", "errata show mwpes@1.0.0 --examples 5"),
    "browse": (
        "errata browse mwpes@1.0.0 --type arithmetic",
        "errata browse mwpes:stepwise --model 'gpt-4*' --search apples | less",
        "errata browse catalog/recipes/abacus.yaml:judged",
        "errata browse catalog/recipes/abacus.yaml:wrong --rejected",
    ),
    "report": ("errata report mwpes --open", "errata report mwpes@1.1.0 --compare mwpes@1.0.0 --output report.html"),
    "load": ("errata load mwpes --split test | head", "errata load mwpes@1.0.0 --output rows.parquet"),
    "verify": ("errata verify mwpes@1.0.0", "errata verify mwpes@1.0.0 --signers allowed_signers"),
    "pull": ("errata pull mwpes@^1.2 --view stepwise", "errata pull", "errata pull mwpes@1.2.0 --output data/mwpes"),
    "lock": ("errata lock mwpes@^1.2", "errata lock", "errata lock --upgrade", "errata lock --check"),
    "diff": (
        "errata diff mwpes@1.0.0 mwpes@1.1.0",
        "errata diff mwpes@1.0.0 mwpes --format html --output changes.html",
    ),
    "gates": ("errata gates catalog/recipes/abacus.yaml", "errata gates catalog/recipes/mwpes.yaml --data DIR --json"),
    "release": ("errata release catalog/recipes/mwpes.yaml", "errata release catalog/recipes/mwpes.yaml --set auto"),
    "tag": ("errata tag mwpes@1.2.0 stable", "errata tag mwpes stable --delete", "errata tag mwpes"),
    "deprecate": ("errata deprecate mwpes@1.0.0 --reason 'use 1.1: svamp was incomplete'",),
    "yank": ("errata yank mwpes@1.0.0 --reason 'wrong gold answers in svamp'",),
    "restore": ("errata restore mwpes@1.0.0 --reason 'it was the other one'",),
    "sign": ("errata sign mwpes@1.2.0 --key ~/.ssh/id_ed25519",),
    "gc": ("errata gc", "errata gc --remove --older-than 2"),
    "trace": ("errata trace mwpes@1.2.0 4f6c1a0e5b7d9c3f2a8e6b10", "errata trace mwpes@1.2.0 --model gpt-4"),
    "deploy": ("errata deploy", "errata deploy nightly report", "errata deploy --file ours/prefect.yaml"),
    "serve": (
        "errata serve",
        "errata serve nightly --store s3://corpora/errata",
        "errata serve --file ours/prefect.yaml",
    ),
    "push": ("errata push mwpes@1.2.0 hf://datasets/us/mwpes", "errata push mwpes@1.2.0 s3://public/mwpes"),
}
_NAME = "the corpus, its newest version if none is given: 1.2.3, a range as ^1.2 or >=1,<2, a tag, or 1.2.3#sha256:…"
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
        if name != "deploy":  # the workers' own environment says where their builds lie
            help = f"where tables and releases lie (default: ${STORE} or ./store)"
            one.add_argument("--store", metavar="URL", help=help)
        one.set_defaults(run=runs[name])
        if name in ("build", "plan", "gates", "release"):
            _recipe(one)
        elif name not in ("list", "ledger", "evaluate", "pull", "lock", "diff", "gc", "deploy", "serve", "browse"):
            one.add_argument("name", metavar="NAME[@VERSION]", help=_NAME)
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


def _models(one: argparse.ArgumentParser) -> None:
    help = "give a model of the recipe other weights: its model, revision or checkpoint; may be repeated"
    one.add_argument("--model", action="append", default=[], metavar="NAME.revision=VALUE", help=help)


def _build(one: argparse.ArgumentParser) -> None:
    _models(one)
    help = "auto: the least version that is no lie, if anything differs (default: the recipe's own)"
    one.add_argument("--version", choices=["auto"], help=help)
    one.add_argument("--verbose", action="store_true", help="show what Prefect logs")
    one.add_argument("--plain", action="store_true", help="plain lines instead of the live table")


def _plan(one: argparse.ArgumentParser) -> None:
    _models(one)
    help = (
        "rows to ask about, so that tokens can be foretold (default: 64 of the embedded model, else 0); paid but once"
    )
    one.add_argument("--pilot", type=_not_negative, metavar="N", help=help)


def _evaluate(one: argparse.ArgumentParser) -> None:
    place = "a file (JSON lines, JSON, CSV, Parquet), RECIPE.yaml:TABLE of a build, or a release (NAME@VERSION:VIEW)"
    help = f"what to evaluate: {place}; several are taken together"
    one.add_argument("labels", metavar="LABELS", nargs="+", help=help)
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


def _browse(one: argparse.ArgumentParser) -> None:
    one.add_argument(
        "name", metavar="NAME", help="a release (NAME@VERSION, a view after a colon), or RECIPE.yaml:TABLE"
    )
    one.add_argument("--split", help="train, validation, test, … of a release (default: all)")
    one.add_argument("--rejected", action="store_true", help="the rows that a table rejected, with the reasons")
    for name in ("type", "model", "set", "verdict"):
        one.add_argument(f"--{name}", metavar="VALUE", help=f"only rows of this {name}; * stands for anything")
    one.add_argument("--search", metavar="TEXT", help="only rows that hold this text somewhere, whatever the case")
    one.add_argument("--limit", type=_not_negative, metavar="N", help="at most N rows, to a pipe")
    _data(one)


def _load(one: argparse.ArgumentParser) -> None:
    one.add_argument("--view", help="the row format (default: the release's first)")
    one.add_argument("--split", help="train, validation, test, … (default: all)")
    one.add_argument("--limit", type=int, metavar="N", help="at most N rows")
    formats = ["jsonl", "csv", "parquet"]
    one.add_argument("--format", choices=formats, help="default: by the name of --output, else jsonl")
    one.add_argument("--output", metavar="FILE", help="default: standard output")


def _report(one: argparse.ArgumentParser) -> None:
    one.add_argument("--compare", metavar="NAME@U", help="another release, to see what shifted since")
    help = "render it into this file (default: the page that the release holds, else NAME-VERSION-report.html)"
    one.add_argument("--output", metavar="FILE", help=help)
    one.add_argument("--open", action="store_true", help="open it in the browser")


def _verify(one: argparse.ArgumentParser) -> None:
    help = "SSH public keys that may sign, a line each: `NAME KEY` (see ssh-keygen, ALLOWED SIGNERS)"
    one.add_argument("--signers", metavar="FILE", help=help)


def _pull(one: argparse.ArgumentParser) -> None:
    one.add_argument("name", metavar="NAME[@VERSION]", nargs="?", help=_NAME)
    one.add_argument("--view", help="only this row format")
    one.add_argument("--split", help="only this split (of --view, or of the first)")
    one.add_argument("--output", metavar="FOLDER", help="copy the release there, as a folder that `datasets` loads")


def _lock(one: argparse.ArgumentParser) -> None:
    one.add_argument("names", metavar="NAME[@VERSION]", nargs="*", help=_NAME)
    one.add_argument("--upgrade", action="store_true", help="resolve what is pinned anew")
    one.add_argument("--check", action="store_true", help="fail where a pinned release is not as it was, or upgradable")


def _diff(one: argparse.ArgumentParser) -> None:
    one.add_argument("before", metavar="NAME@A", help=_NAME)
    one.add_argument("after", metavar="NAME@B", help="the other release")
    one.add_argument("--format", choices=["text", "json", "html"], help="default: by the name of --output, else text")
    one.add_argument("--output", metavar="FILE", help="default: standard output")


def _release(one: argparse.ArgumentParser) -> None:
    help = "write this version into the recipe and release it; auto takes the proposed one"
    one.add_argument("--set", metavar="VERSION", help=help)
    one.add_argument("--json", action="store_true", help="everything as JSON, for scripts")


def _gates(one: argparse.ArgumentParser) -> None:
    one.add_argument("--json", action="store_true", help="everything as JSON, for scripts")


def _tag(one: argparse.ArgumentParser) -> None:
    one.add_argument("tag", metavar="TAG", nargs="?", help="latest, stable, …; without it all tags and their history")
    one.add_argument("--delete", action="store_true", help="let it name nothing any more")
    one.add_argument("--reason", default="", help="why, for the history")


def _reason(one: argparse.ArgumentParser) -> None:
    one.add_argument("--reason", required=True, help="why; all who ask for the version are told")


def _sign(one: argparse.ArgumentParser) -> None:
    one.add_argument("--key", metavar="FILE", required=True, help="an SSH key (private, or public with an agent)")


def _gc(one: argparse.ArgumentParser) -> None:
    one.add_argument("--remove", action="store_true", help="remove what was found")
    help = "leave alone what was written to in the last HOURS: its publisher may be at work (default: 24)"
    one.add_argument("--older-than", type=float, default=24.0, metavar="HOURS", help=help)


def _trace(one: argparse.ArgumentParser) -> None:
    one.add_argument("row", metavar="ROW", nargs="?", help="a row's id: solution_id, request_id or problem_id")
    one.add_argument("--model", metavar="MODEL[@REVISION]", help="all rows that this model wrote, or labelled")
    one.add_argument("--json", action="store_true", help="everything as JSON, for scripts")


def _push(one: argparse.ArgumentParser) -> None:
    one.add_argument("target", metavar="TARGET", help="hf://datasets/OWNER/NAME, a folder, or any fsspec URL")
    one.add_argument("--private", action="store_true", help="make the Hub's repository private, if it is new")


def _deploy(one: argparse.ArgumentParser) -> None:
    one.add_argument("names", metavar="DEPLOYMENT", nargs="*", help="which deployments of the file (default: all)")
    one.add_argument("--file", metavar="FILE", help="another file of deployments, of Prefect's form")


def _serve(one: argparse.ArgumentParser) -> None:
    _deploy(one)
    _data(one)
    one.add_argument("--limit", type=int, default=1, metavar="N", help="runs at a time, at most (default: 1)")


_MORE = {
    "build": _build, "plan": _plan, "evaluate": _evaluate, "show": _show, "report": _report, "load": _load, "verify": _verify, "pull": _pull,
    "lock": _lock, "diff": _diff, "gates": _gates, "release": _release, "tag": _tag, "deprecate": _reason, "yank": _reason,
    "restore": _reason, "sign": _sign, "gc": _gc, "trace": _trace, "push": _push,
    "deploy": _deploy, "serve": _serve, "browse": _browse,
}  # fmt: skip
