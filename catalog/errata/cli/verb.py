"""A verb of the `errata` command: its help, its arguments and what it does, declared in one place."""

from __future__ import annotations

from argparse import Action, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ..storage import STORE

EPILOG = """\
exit codes: 0 done, 1 failed, 2 the command or the recipe is wrong, 3 there is no such
release, 4 refused (the version is published with other content), 70 a bug, 130 interrupted.

A store is a path or any fsspec URL (s3://bucket/folder); without --store it is that of the
environment variable ERRATA_STORE, or the folder `store`.
"""
RELEASE = "the corpus, its newest version if none is given: 1.2.3, a range as ^1.2 or >=1,<2, a tag, or 1.2.3#sha256:…"
"""The help of an argument that names a release."""


def add_nothing(parser: ArgumentParser) -> None:
    """The arguments of a verb that has none of its own."""


@dataclass(frozen=True)
class Verb:
    """A verb of the command."""

    name: str
    help: str
    """One sentence, for the list of all verbs."""
    examples: Sequence[str]
    """Whole commands."""
    run: Callable[[Namespace], int]
    """From the arguments to the exit code; errors are raised."""
    add_arguments: Callable[[ArgumentParser], None] = add_nothing
    more: str = ""
    """What the verb's own help says behind `help`."""
    has_store: bool = True
    """Whether it takes --store."""


class _ShowVersion(Action):
    """`errata --version`; what it takes to find out is imported when it is asked for."""

    def __call__(self, parser: ArgumentParser, *_: Any) -> NoReturn:
        """Print the version and end."""
        print(f"errata {find_version()}")
        parser.exit()


def find_version() -> str:
    """The version of this client: of the checkout that it lies in, else of the package that is installed."""
    project = Path(__file__).resolve().parents[3] / "pyproject.toml"
    if project.is_file():
        import tomllib

        return str(tomllib.loads(project.read_text("utf-8"))["project"]["version"])
    from importlib.metadata import version

    return version("errata")


def build_parser(verbs: Sequence[Verb], absent: Sequence[str] = ()) -> ArgumentParser:
    """The command's parser.

    Args:
        verbs: What can run here.
        absent: The names of verbs that cannot, for want of the application.

    Returns:
        A parser whose namespace holds the chosen verb's `run`.
    """
    needs = f"\n{', '.join(absent)}:\nthese need the application and run in a checkout of Errata.\n" if absent else ""
    top = ArgumentParser(
        "errata", description="Corpora of the reasoning mistakes that language models make: build, look at, load.",
        epilog=EPILOG + needs, formatter_class=RawDescriptionHelpFormatter,
    )  # fmt: skip
    top.add_argument("--version", action=_ShowVersion, nargs=0, help="show the version and exit")
    parsers = top.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb in verbs:
        examples = "\n".join(f"  {example}" for example in verb.examples)
        parser = parsers.add_parser(
            verb.name, help=verb.help, description=f"{verb.help} {verb.more}".strip(),
            epilog=f"examples:\n{examples}\n\n{EPILOG}", formatter_class=RawDescriptionHelpFormatter,
        )  # fmt: skip
        if verb.has_store:
            help = f"where tables and releases lie (default: ${STORE} or ./store)"
            parser.add_argument("--store", metavar="URL", help=help)
        parser.set_defaults(run=verb.run)
        verb.add_arguments(parser)
    return top
