"""A limit of wall-clock time for what works on a stranger's words: whatever it is that takes long, it ends, in any thread."""

from __future__ import annotations

import ctypes
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
_running = threading.local()
"""The alarm of the work that a thread is at, as `alarm`."""


class TimeLimitReached(BaseException):
    """Time is up; no `except Exception` on the way keeps it."""


class _Alarm(Protocol):
    """What raises `TimeLimitReached` in the thread that started it when its time is over."""

    def start(self) -> None:
        """Begin, or go on where it stopped."""

    def stop(self) -> None:
        """Raise nothing until it is started again; raises `TimeLimitReached` where that is too late, and is to be called again."""


class _SignalAlarm:
    """An alarm of the main thread; it ends system calls, too."""

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def start(self) -> None:
        self._before = signal.signal(signal.SIGALRM, _raise_limit)
        signal.setitimer(signal.ITIMER_REAL, self._left)

    def stop(self) -> None:
        self._left = signal.setitimer(signal.ITIMER_REAL, 0)[0] or self._left
        signal.signal(signal.SIGALRM, self._before)


class _ThreadAlarm:
    """An alarm of any thread; a system call or a loop in C ends by itself before it is heard."""

    def __init__(self, seconds: float) -> None:
        self._left, self._thread = seconds, ctypes.c_ulong(threading.get_ident())

    def start(self) -> None:
        self._due = time.monotonic() + self._left
        self._timer = threading.Timer(self._left, self._raise, [TimeLimitReached])
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        self._timer.cancel()
        self._timer.join()
        self._raise(None)  # of what is done by now nothing is raised any more
        self._left = max(self._due - time.monotonic(), 0.001)

    def _raise(self, error: type[BaseException] | None) -> None:
        ctypes.pythonapi.PyThreadState_SetAsyncExc(self._thread, None if error is None else ctypes.py_object(error))


def limit_time(seconds: float, error: Exception, work: Callable[[], T]) -> T:
    """Do some work, and raise an error where it takes longer; within the work of another limit, that one holds alone.

    (Not a block of `with`: what is raised while that is entered or left, no `except` of ours would meet.)

    Args:
        seconds: How long the work may take.
        error: What is raised.
        work: The work.

    Returns:
        What the work returns.

    Raises:
        Exception: `error`, where time is up.

    """
    if _find_alarm() is not None:
        return work()
    alarm = _make_alarm(seconds)
    try:
        _running.alarm = alarm
        try:
            alarm.start()
            return work()
        finally:
            alarm.stop()
    except TimeLimitReached:
        alarm.stop()  # it may have been reached before the other call did anything; it is reached once
        raise error from None
    finally:
        _running.alarm = None


@contextmanager
def stop_clock() -> Iterator[None]:
    """Take a block out of the limit around it: its time is that of the user's own data, not of a stranger's words."""
    alarm = _find_alarm()
    if alarm is None:
        yield
        return
    alarm.stop()
    _running.alarm = None
    try:
        yield
    finally:
        _running.alarm = alarm
        alarm.start()


def _find_alarm() -> _Alarm | None:
    alarm: _Alarm | None = getattr(_running, "alarm", None)
    return alarm


def _make_alarm(seconds: float) -> _Alarm:
    """A signal where it can be one: elsewhere than in the main thread it cannot, nor where somebody else waits for it."""
    in_main = threading.current_thread() is threading.main_thread()
    return _SignalAlarm(seconds) if in_main and not signal.getitimer(signal.ITIMER_REAL)[0] else _ThreadAlarm(seconds)


def _raise_limit(*_: Any) -> None:
    raise TimeLimitReached
