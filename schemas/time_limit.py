"""A limit of wall-clock time for what works on a stranger's words: whatever it is that takes long, it ends."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class TimeLimitReached(BaseException):
    """Time is up; no `except Exception` on the way keeps it."""


@contextmanager
def limit_time(seconds: float, error: Exception) -> Iterator[None]:
    """Raise an error where a block takes longer; within the block of another limit, that one holds alone.

    It works by a signal, and so in the main thread alone: elsewhere nothing is limited.

    Args:
        seconds: How long the block may take.
        error: What is raised.

    Yields:
        Nothing.

    Raises:
        Exception: `error`, where time is up.

    """
    if threading.current_thread() is not threading.main_thread() or signal.getitimer(signal.ITIMER_REAL)[0]:
        yield
        return
    before = signal.signal(signal.SIGALRM, _stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    except TimeLimitReached:
        raise error from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def stop_clock() -> Iterator[None]:
    """Take a block out of the limit around it: its time is that of the user's own data, not of a stranger's words."""
    left = signal.getitimer(signal.ITIMER_REAL)[0]
    if not left or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.setitimer(signal.ITIMER_REAL, 0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, left)


def _stop(*_: Any) -> None:
    raise TimeLimitReached
