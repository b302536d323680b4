"""How fast an endpoint is asked: at an even rate, and not at all while it wants to be left alone."""

from __future__ import annotations

import asyncio
import random
from time import monotonic

LONGEST_REST = 60.0
"""Seconds between two attempts at a request, at most."""


class Stopped(Exception):
    """The asking ends, and nothing new is to be begun."""


async def sleep_until_stopped(seconds: float, stop: asyncio.Event) -> None:
    """Wait; raises `Stopped` as soon as `stop` is set, or at once where it is."""
    try:
        async with asyncio.timeout(max(0.0, seconds)):
            await stop.wait()
    except TimeoutError:
        if not stop.is_set():
            return
    raise Stopped


def choose_backoff(attempt: int, base: float) -> float:
    """Seconds to rest after the `attempt`-th failed one (from 1): doubled each time, and a random share of it.

    Half of it is random, so that requests that failed together do not come back together.

    Args:
        attempt: The number of the failed attempt, from 1.
        base: Seconds after the first.

    Returns:
        Seconds.

    """
    longest = min(LONGEST_REST, base * 2.0 ** min(attempt - 1, 32))
    return longest * random.uniform(0.5, 1.0)  # noqa: S311  (no result depends on it)


class Pace:
    """When the next request may begin. Of one event loop."""

    def __init__(self, per_minute: int | None) -> None:
        self._interval = 60.0 / per_minute if per_minute else 0.0
        self._next = 0.0
        self._line = asyncio.Lock()

    def pause(self, seconds: float) -> None:
        """Let no request begin for so many seconds."""
        self._next = max(self._next, monotonic() + seconds)

    async def turn(self, stop: asyncio.Event) -> None:
        """Wait until one more request may begin; raises `Stopped` as soon as `stop` is set."""
        async with self._line:
            while (wait := self._next - monotonic()) > 0:  # it may be put off while we rest
                await sleep_until_stopped(wait, stop)
            if stop.is_set():
                raise Stopped
            self._next = max(self._next, monotonic() + self._interval)
