"""`errata deploy` and `errata serve`: builds by a schedule."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from errata.cli.verb import Verb

from flows.cli.arguments import add_data
from flows.deploying.server import apply_settings, explain_unreachable


def run_deploy(options: Namespace) -> int:
    """`errata deploy`."""
    apply_settings(verbose=True)
    from flows.deploying.serve import deploy

    with explain_unreachable():
        return deploy(options)


def run_serve(options: Namespace) -> int:
    """`errata serve`."""
    apply_settings(verbose=True)
    from flows.deploying.serve import serve

    with explain_unreachable():
        return serve(options)


def _add_deploy(parser: ArgumentParser) -> None:
    parser.add_argument("names", metavar="DEPLOYMENT", nargs="*", help="which deployments of the file (default: all)")
    parser.add_argument("--file", metavar="FILE", help="another file of deployments, of Prefect's form")


def _add_serve(parser: ArgumentParser) -> None:
    _add_deploy(parser)
    add_data(parser)
    parser.add_argument("--limit", type=int, default=1, metavar="N", help="runs at a time, at most (default: 1)")


DEPLOY = Verb(
    "deploy",
    "Make the deployments of infra/prefect.yaml in a Prefect server, and their work pools.",
    ("errata deploy", "errata deploy nightly report", "errata deploy --file ours/prefect.yaml"),
    run_deploy,
    _add_deploy,
    "Workers of the pools run them, by the clock or when they are asked for.",
    has_store=False,  # the workers' own environment says where their builds lie
)
SERVE = Verb(
    "serve",
    "Run the deployments of infra/prefect.yaml by their schedules, without a work pool.",
    ("errata serve", "errata serve nightly --store s3://corpora/errata", "errata serve --file ours/prefect.yaml"),
    run_serve,
    _add_serve,
    "Where PREFECT_API_URL names no Prefect server, one is started on this machine.",
)

VERBS = (DEPLOY, SERVE)
