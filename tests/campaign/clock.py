"""Clocks that jump: of all processes of a build by libfaketime, where one is here that works, else of the build's own process alone."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread

MOST = 0.5
"""Seconds between two jumps, at most."""
YEAR = 86400.0 * 365
LIBRARY = "libfaketime*.so.1"
_TRIAL = "import time; begin = time.monotonic(); time.sleep(0.1); print(time.time() - time.monotonic() + begin)"


@cache
def find_library() -> Path | None:
    """A libfaketime with which another process sleeps, and has another time; None where there is none.

    Debian's (0.9.10) does not do: where durations are left alone, a sleep of Python's fails with it.
    """
    package = find_spec("libfaketime")
    places = [(Path(place), "**/") for place in (package.submodule_search_locations or () if package else ())]
    places += [(Path("/usr/local/lib"), "faketime/"), (Path("/usr/lib"), "*/faketime/")]
    libraries = (library for place, below in places for library in sorted(place.glob(below + LIBRARY)))
    return next((library for library in libraries if _works(library)), None)


def _works(library: Path) -> bool:
    with TemporaryDirectory() as folder:
        file = Path(folder, "clock")
        set_shift(file, YEAR)
        try:
            trial = [sys.executable, "-c", _TRIAL]
            result = subprocess.run(
                trial, env=make_environment(library, file), capture_output=True, text=True, timeout=60, check=False
            )
        except subprocess.TimeoutExpired:
            return False
    return result.returncode == 0 and float(result.stdout) > time.time() + YEAR / 2


def make_environment(library: Path, file: Path) -> dict[str, str]:
    """What processes are started with whose clock is shifted by what a file says; durations go on evenly, as where a clock is set."""
    return {
        "LD_PRELOAD": str(library), "FAKETIME_TIMESTAMP_FILE": str(file), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }  # fmt: skip


def choose_shift(chance: random.Random) -> float:
    """Seconds by which a clock is wrong."""
    return chance.choice((0.0, -1.0, 3600.0, -3600.0, 400 / 365 * YEAR, -10 * YEAR, chance.uniform(-90, 90)))


def jump(seed: str) -> Callable[[], float]:
    """A clock for one process that is years ahead or behind, and jumps."""
    chance, now = random.Random(seed), time.time
    shift = [0.0]

    def read() -> float:
        if chance.random() < 0.05:
            shift[0] = choose_shift(chance)
        return now() + shift[0]

    return read


@contextmanager
def keep_jumping(file: Path, seed: str) -> Iterator[None]:
    """Have the clock jump whose shift stands in a file."""
    chance, end = random.Random(seed), Event()

    def run() -> None:
        while not end.wait(chance.uniform(0.02, MOST)):
            set_shift(file, choose_shift(chance))

    thread = Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def set_shift(file: Path, shift: float) -> None:
    """Set the clock whose shift stands in a file."""
    part = file.with_suffix(".part")
    part.write_text(f"{shift:+.3f}\n")
    part.replace(file)
