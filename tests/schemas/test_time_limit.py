"""A limit of time: it ends what takes long, and nothing else, in whatever thread."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

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


def run_here(work: Callable[[], None]) -> None:
    work()


def run_in_thread(work: Callable[[], None]) -> None:
    errors: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]


def run_beside_a_timer(work: Callable[[], None]) -> None:
    """In the main thread, whose alarm somebody else waits for."""
    with set_timer(60):
        work()
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0


@contextmanager
def set_timer(seconds: float) -> Iterator[None]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


everywhere = pytest.mark.parametrize("run", [run_here, run_in_thread, run_beside_a_timer])


@everywhere
def test_what_takes_longer_ends(run: Callable[[Callable[[], None]], None]) -> None:
    def work() -> None:
        with limit_time(0.1, ValueError("too long")):
            spin(30)

    began = time.monotonic()
    with pytest.raises(ValueError, match="too long"):
        run(work)
    assert time.monotonic() - began < 20


@everywhere
def test_what_is_in_time_is_as_it_was(run: Callable[[Callable[[], None]], None]) -> None:
    before, threads = signal.getsignal(signal.SIGALRM), threading.active_count()

    def work() -> None:
        with limit_time(60, ValueError()):
            pass

    run(work)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0 and signal.getsignal(signal.SIGALRM) is before
    assert threading.active_count() == threads


@everywhere
def test_an_inner_limit_leaves_the_outer_one(run: Callable[[Callable[[], None]], None]) -> None:
    def work() -> None:
        with limit_time(0.2, ValueError("outer")):
            with limit_time(0.1, ValueError("inner")):
                pass
            spin(30)

    with pytest.raises(ValueError, match="outer"):
        run(work)


@everywhere
def test_what_is_paused_is_not_counted(run: Callable[[Callable[[], None]], None]) -> None:
    def pause() -> None:
        with limit_time(0.3, ValueError()), stop_clock(), stop_clock():
            spin(0.6)

    def work() -> None:
        with limit_time(0.3, ValueError("after")):
            with stop_clock():
                spin(0.6)
            spin(30)

    run(pause)
    with pytest.raises(ValueError, match="after"):
        run(work)


def test_other_threads_are_not_disturbed() -> None:
    """Of two threads that work side by side the one that is in time is left in peace."""
    ended: list[str] = []

    def work(name: str, seconds: float) -> None:
        try:
            with limit_time(seconds, ValueError()):
                spin(0.6)
        except ValueError:
            ended.append(name)

    threads = [threading.Thread(target=work, args=limit) for limit in (("short", 0.1), ("long", 60.0))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["short"]


def test_what_ends_just_in_time_is_not_ended_later() -> None:
    """Limits that are reached while their block ends: what follows runs undisturbed, or the block is said to take too long."""
    outcomes: list[str] = []

    def work() -> None:
        for _ in range(200):
            try:
                with limit_time(0.001, ValueError()):
                    spin(0.0009)
                outcomes.append("in time")
            except ValueError:
                outcomes.append("too long")
        spin(0.1)
        outcomes.append("after")

    run_in_thread(work)
    assert len(outcomes) == 201 and outcomes[-1] == "after", (
        "each block ends once, and nothing is raised behind the last"
    )
    assert set(outcomes[:-1]) <= {"in time", "too long"}
