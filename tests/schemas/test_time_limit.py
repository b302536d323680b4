"""A limit of time: it ends what takes long, and nothing else, in whatever thread."""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from schemas import time_limit
from schemas.time_limit import TimeLimitReached, limit_time, stop_clock


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
    with pytest.raises(ValueError, match="too long"):
        run(lambda: limit_time(0.1, ValueError("too long"), lambda: spin(600)))


@everywhere
def test_what_is_in_time_is_as_it_was(run: Callable[[Callable[[], None]], None]) -> None:
    before, threads = signal.getsignal(signal.SIGALRM), {*threading.enumerate()}
    run(lambda: limit_time(60, ValueError(), lambda: None))
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0 and signal.getsignal(signal.SIGALRM) is before
    assert {*threading.enumerate()} <= threads


def test_work_returns_what_it_returns() -> None:
    assert limit_time(60, ValueError(), lambda: 42) == 42


@everywhere
def test_an_inner_limit_leaves_the_outer_one(run: Callable[[Callable[[], None]], None]) -> None:
    def work() -> None:
        limit_time(0.1, ValueError("inner"), lambda: None)
        spin(600)

    with pytest.raises(ValueError, match="outer"):
        run(lambda: limit_time(0.2, ValueError("outer"), work))


@everywhere
def test_what_is_paused_is_not_counted(run: Callable[[Callable[[], None]], None]) -> None:
    def pause() -> None:
        alarm: Any = time_limit._find_alarm()
        with stop_clock(), stop_clock():
            before = alarm._left
            spin(0.3)
            ended = time.monotonic()
        with stop_clock():
            assert before - alarm._left <= time.monotonic() - ended + 0.01

    def work() -> None:
        with stop_clock():
            spin(0.3)
        spin(600)

    run(lambda: limit_time(60, ValueError(), pause))
    with pytest.raises(ValueError, match="after"):
        run(lambda: limit_time(0.2, ValueError("after"), work))


def test_other_threads_are_not_disturbed() -> None:
    """Of two threads that work side by side the one that is in time is left in peace."""
    ended: list[str] = []

    def work(name: str, seconds: float, work: Callable[[], None]) -> None:
        try:
            limit_time(seconds, ValueError(), work)
        except ValueError:
            ended.append(name)

    def spin_longer() -> None:
        while not ended:
            spin(0.05)
        spin(0.2)

    limits = (("short", 0.1, lambda: spin(600)), ("long", 600.0, spin_longer))
    threads = [threading.Thread(target=work, args=limit) for limit in limits]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["short"]


@pytest.mark.parametrize("run", [run_here, run_in_thread])
def test_what_ends_just_in_time_is_not_ended_later(run: Callable[[Callable[[], None]], None]) -> None:
    """Limits that are reached while their work ends: what follows runs undisturbed, or the work is said to take too long."""
    outcomes: list[str] = []
    before = signal.getsignal(signal.SIGALRM)

    def work() -> None:
        for _ in range(1000):
            try:
                limit_time(0.001, ValueError(), lambda: spin(0.0009))
                outcomes.append("in time")
            except ValueError:
                outcomes.append("too long")
        spin(0.1)
        outcomes.append("after")

    run(work)
    assert len(outcomes) == 1001 and outcomes[-1] == "after", "each ends once, and nothing is raised behind the last"
    assert set(outcomes[:-1]) <= {"in time", "too long"}
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize("stops", [1, 2])
def test_a_limit_that_is_reached_before_it_is_taken_back_is_the_error(
    stops: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Late:
        """An alarm that goes off when it is to be stopped."""

        stopped = 0

        def start(self) -> None:
            """Nothing."""

        def stop(self) -> None:
            self.stopped += 1
            if self.stopped < stops:
                raise TimeLimitReached

    alarm = Late()
    monkeypatch.setattr(time_limit, "_make_alarm", lambda _: alarm)
    if stops == 1:
        assert limit_time(1, ValueError("late"), lambda: 42) == 42
    else:
        with pytest.raises(ValueError, match="late"):
            limit_time(1, ValueError("late"), lambda: 42)
    assert alarm.stopped == stops and time_limit._find_alarm() is None
