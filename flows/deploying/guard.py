"""Ends what `errata serve` has started, once that is gone: run by path, with a pipe of its as standard input."""

from __future__ import annotations

import runpy
import signal
import sys
import time
from pathlib import Path

_TASKS = Path(__file__).parents[2] / "tasks"
SECONDS = 8.0
"""How long it looks: what a run had started is nobody's only when the run itself is gone."""


def main() -> None:
    """Wait for the end of the process that started this one, and end what bears its mark."""
    # by path: the package `tasks` takes seconds to import
    end_orphans = runpy.run_path(str(_TASKS / "orphans.py"))["end_orphans"]

    def end() -> None:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            end_orphans()
            time.sleep(0.2)

    runpy.run_path(str(_TASKS / "end_with_parent.py"))["end_with_parent"](sys.stdin.fileno(), end)
    while True:
        signal.pause()


if __name__ == "__main__":
    main()
