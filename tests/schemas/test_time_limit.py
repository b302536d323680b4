"""A limit of time: it ends what takes long, and nothing else."""

from __future__ import annotations

import re
import signal
import threading
import time

import pytest

from schemas.time_limit import limit_time, stop_clock


def spin(seconds: float) -> None:
    """Work, and keep every usual error to itself."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            re.fullmatch("(a+)+", "a" * 12 + "b")
        except Exception:
            continue


def test_what_takes_longer_ends() -> None:
    began = time.monotonic()
    with pytest.raises(ValueError, match="too long"), limit_time(0.1, ValueError("too long")):
        spin(10)
    assert time.monotonic() - began < 5


def test_what_is_in_time_is_as_it_was() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with limit_time(60, ValueError()):
        pass
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0 and signal.getsignal(signal.SIGALRM) is before


def test_an_inner_limit_leaves_the_outer_one() -> None:
    def work() -> None:
        with limit_time(0.1, ValueError("inner")):
            pass
        spin(10)

    with pytest.raises(ValueError, match="outer"), limit_time(0.2, ValueError("outer")):
        work()


def test_what_is_paused_is_not_counted() -> None:
    with limit_time(0.2, ValueError()), stop_clock():
        spin(0.4)

    def work() -> None:
        with stop_clock():
            spin(0.4)
        spin(10)

    with pytest.raises(ValueError, match="after"), limit_time(0.2, ValueError("after")):
        work()


def test_other_threads_are_not_disturbed() -> None:
    errors: list[BaseException] = []

    def work() -> None:
        try:
            with limit_time(0.05, ValueError()), stop_clock():
                spin(0.2)
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert errors == []
