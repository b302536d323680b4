"""The verbs of the `errata` command that the application adds; what they need is imported when one of them runs."""

from errata.cli.command import OF_APPLICATION

from flows.cli import (
    browse,
    build,
    calibrate,
    check,
    completion,
    deploy,
    evaluate,
    init,
    ledger,
    lint,
    models,
    new,
    preview,
    publish,
    reference,
    release,
    report,
    tags,
    tidy,
    view,
)

GROUPS = (
    browse, build, calibrate, check, completion, deploy, evaluate, init, ledger, lint, models, new, preview, publish, reference, release, report,
    tags, tidy, view,
)  # fmt: skip
VERBS = tuple(
    sorted((verb for group in GROUPS for verb in group.VERBS), key=lambda verb: OF_APPLICATION.index(verb.name))
)
"""The verbs of all groups, in the order in which the client names them."""
