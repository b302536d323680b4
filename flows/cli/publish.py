"""`errata sign`, `trace` and `push`: who vouches for a release, where its rows come from, and publishing it elsewhere."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, Namespace

import errata
from errata.cli import text
from errata.cli.exit_codes import DONE, WRONG
from errata.cli.verb import RELEASE, Verb
from errata.storage import locate_store

from flows.cli.arguments import add_json


def run_sign(options: Namespace) -> int:
    """`errata sign`."""
    from errata.signing import SIGNATURE, sign

    from catalog.publish.publish import locate_release
    from catalog.storage import Store

    store = locate_store(options.store)
    release = errata.open_release(options.name, store)
    place, path = Store(store), locate_release(*release.name.split("@"))
    place.write(f"{path}/{SIGNATURE}", sign(place.read(f"{path}/manifest.json"), options.key))
    print(f"{release.name} is signed: {place.link(f'{path}/{SIGNATURE}')}")
    return DONE


def run_trace(options: Namespace) -> int:
    """`errata trace`."""
    from flows.publishing import provenance

    store = locate_store(options.store)
    if (options.row is None) == (options.model is None):
        print("errata trace: name a row, or a model with --model", file=sys.stderr)
        return WRONG
    if options.row is not None:
        row = provenance.trace_row(options.name, options.row, store)
        output = (
            json.dumps(row, indent=1, ensure_ascii=False)
            if options.json
            else text.strip_controls(provenance.format_row(row))
        )
    else:
        rows = provenance.trace_model(options.name, options.model, store)
        as_text = text.strip_controls(provenance.format_model(rows))
        output = json.dumps(rows, indent=1, ensure_ascii=False) if options.json else as_text
    print(output)
    return DONE


def run_push(options: Namespace) -> int:
    """`errata push`."""
    from flows.publishing.push import push

    print(text.strip_controls(push(options.name, options.target, locate_store(options.store), private=options.private)))
    return DONE


def _add_sign(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    help = "an SSH key (private, or public with an agent)"
    parser.add_argument("--key", metavar="FILE", required=True, help=help)


def _add_trace(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    parser.add_argument("row", metavar="ROW", nargs="?", help="a row's id: solution_id, request_id or problem_id")
    help = "all rows that this model wrote, or labelled"
    parser.add_argument("--model", metavar="MODEL[@REVISION]", help=help)
    add_json(parser)


def _add_push(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME[@VERSION]", help=RELEASE)
    parser.add_argument("target", metavar="TARGET", help="hf://datasets/OWNER/NAME, a folder, or any fsspec URL")
    help = "make the Hub's repository private, if it is new"
    parser.add_argument("--private", action="store_true", help=help)


SIGN = Verb(
    "sign",
    "Sign a release with an SSH key.",
    ("errata sign mwpes@1.2.0 --key ~/.ssh/id_ed25519",),
    run_sign,
    _add_sign,
    "It signs the manifest, which holds the checksums of all files.",
)
TRACE = Verb(
    "trace",
    "Show where a row comes from, or all rows that a model touched.",
    ("errata trace mwpes@1.2.0 4f6c1a0e5b7d9c3f2a8e6b10", "errata trace mwpes@1.2.0 --model gpt-4"),
    run_trace,
    _add_trace,
)
PUSH = Verb(
    "push",
    "Publish a release elsewhere: the Hugging Face Hub, or any URL.",
    ("errata push mwpes@1.2.0 hf://datasets/us/mwpes", "errata push mwpes@1.2.0 s3://public/mwpes"),
    run_push,
    _add_push,
    "On the Hub the version is a tag.",
)

VERBS = (PUSH, SIGN, TRACE)
