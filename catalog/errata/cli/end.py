"""The end of the command's process."""

from __future__ import annotations

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

from .command import main, print_interruption


def run_command() -> NoReturn:
    """The `errata` command as a program: run it, and end the process with its exit code."""
    try:
        code = main()
    except KeyboardInterrupt:  # while the application is imported
        code = print_interruption()
    end_process(code)


def end_process(code: int) -> NoReturn:
    """End this process as Python does: wait for threads, call what is to be called at the end, write what waits to be written.

    What is left out are the destructors of C++ libraries: where one of Arrow's
    threads has just begun, as after reading a few rows, they abort a program
    that did all that it was to do, once in about a hundred times (pyarrow 26).

    Args:
        code: The exit code.

    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
