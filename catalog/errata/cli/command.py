"""The `errata` command: the verbs of the client, and those of the application where it is there."""

from __future__ import annotations

import importlib
import io
import os
import signal
import sys
import threading
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..errors import ErrataError, ErrataWarning
from . import text
from .bug import report_bug
from .diff import DIFF
from .exit_codes import BUG, DONE, INTERRUPTED
from .load import LOAD
from .lock import LOCK
from .pull import PULL
from .show import LIST, SHOW
from .terminal import escape_output, shorten_lines
from .verb import Verb, build_parser
from .verify import VERIFY

VERBS = (LIST, SHOW, LOAD, VERIFY, PULL, LOCK, DIFF)
"""What works wherever the client is installed."""
OF_APPLICATION = (
    "init", "new", "preview", "lint", "plan", "build", "tasks", "formats", "views", "schema", "models", "check", "gates", "release", "ledger", "evaluate", "calibrate", "browse", "report", "view", "trace", "push", "tag",
    "deprecate", "yank",
    "restore", "sign", "gc", "migrate", "deploy", "serve", "completion",
)  # fmt: skip
"""What the application adds (`flows.cli.VERBS`), named where it is not there."""
ROOT = Path(__file__).resolve().parents[3]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; its exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    verb_name = arguments[0] if arguments else ""
    # a verb of the client does not load the application
    added = () if verb_name in {verb.name for verb in VERBS} else _find_application()
    if verb_name in OF_APPLICATION and not added:
        needs = "needs the application: run it in a checkout of Errata (make corpus shows how)"
        return text.print_error(ErrataError(f"`errata {verb_name}` {needs}"))
    absent = () if added else OF_APPLICATION
    options = build_parser((*VERBS, *added), absent).parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode shows `?`
    with warnings.catch_warnings(), escape_output():
        warnings.simplefilter("always", ErrataWarning)
        warnings.showwarning = _print_warning
        return run_verb(options)


def make_parser() -> ArgumentParser:
    """The parser of all verbs that can run here."""
    return build_parser((*VERBS, *_find_application()))


def run_verb(options: Namespace) -> int:
    """Run a verb; what people can mend is printed in lines, and what nobody foresaw in one; `--verbose` raises it."""
    try:
        code = int(options.run(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except KeyboardInterrupt:
        return print_interruption()
    except ErrataError as error:
        return text.print_error(error)
    except Exception as error:
        if getattr(options, "verbose", False):
            raise
        if isinstance(error, OSError):
            return text.print_error(error)
        code = getattr(error, "exit_code", -1)  # the application's errors, whose classes the client does not know
        if code < 0:
            print(text.strip_controls(report_bug(error, str(options.verb))), file=sys.stderr)
            return BUG
        print(shorten_lines(text.strip_controls(error)), file=sys.stderr)
        return code


def print_interruption() -> int:
    """Say that Ctrl-C ended the command; its exit code."""
    print("errata: interrupted; start it again to go on", file=sys.stderr)
    return INTERRUPTED


def _print_warning(message: Warning | str, *_: Any, **__: Any) -> None:
    print(f"errata: warning: {text.strip_controls(message)}", file=sys.stderr)


def _find_application() -> Sequence[Verb]:
    """The verbs of the application, where the client lies in a checkout of it."""
    if not (ROOT / "flows" / "cli" / "__init__.py").is_file():
        return ()
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    with _ended_by_interruption():
        verbs: Sequence[Verb] = importlib.import_module("flows.cli").VERBS
    return verbs


@contextmanager
def _ended_by_interruption() -> Iterator[None]:
    """Ctrl-C ends the process at once: a library that is being imported may take a KeyboardInterrupt for an error of its own."""
    is_ours = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not is_ours or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(print_interruption()))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
