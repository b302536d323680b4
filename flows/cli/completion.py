"""`errata completion`: what lets a shell complete verbs, options and files."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace, _SubParsersAction
from typing import Any

from errata.cli.exit_codes import DONE
from errata.cli.verb import Verb

SHELLS = ("bash", "zsh", "tcsh")
FILES = ("recipe", "recipes", "files", "file", "output", "data", "store")
"""Arguments that are files or folders."""


def run_completion(options: Namespace) -> int:
    """`errata completion`."""
    import shtab
    from errata.cli.command import make_parser

    parser = make_parser()
    _mark_files(parser, shtab.FILE)
    print(shtab.complete(parser, options.shell))
    return DONE


def _mark_files(parser: ArgumentParser, complete: Any) -> None:
    """Have arguments that are files completed as such."""
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for verb in action.choices.values():
                _mark_files(verb, complete)
        elif action.dest in FILES:
            action.complete = complete  # type: ignore[attr-defined]


def _add_completion(parser: ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=", ".join(SHELLS))


COMPLETION = Verb(
    "completion",
    "Print what lets a shell complete verbs, options and files.",
    ("errata completion bash > ~/.local/share/bash-completion/completions/errata",),
    run_completion,
    _add_completion,
    has_store=False,
)

VERBS = (COMPLETION,)
