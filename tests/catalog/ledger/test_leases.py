"""Leases: of any number that ask the same, one pays, whoever is killed."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Lock

import pytest

from catalog.ledger import Ledger, leases
from catalog.ledger.leases import LEASES, Leases
from catalog.storage import Store, StoreError
from tests.catalog.ledger.rows import request
from tests.command import ROOT

REQUESTS = [request(i) for i in range(10)]


@pytest.fixture(params=["file", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setattr(leases, "POLL", 0.01)
    return Store(str(tmp_path / "store") if request.param == "file" else f"memory://{uuid.uuid4().hex}/store")


def test_what_one_asks_another_does_not(store: Store) -> None:
    with Leases(store).take(REQUESTS[:6]) as first:
        assert (first.requests, first.others) == (REQUESTS[:6], frozenset())
        with Leases(store).take(REQUESTS[3:]) as second:
            assert (second.requests, second.others) == (REQUESTS[6:], frozenset({1}))
            with Leases(store).take(REQUESTS) as third:
                assert (third.requests, third.others) == ([], frozenset({1, 2}))
    with Leases(store).take(REQUESTS) as fourth:
        assert fourth.requests == REQUESTS


def test_another_limit_is_another_request(store: Store) -> None:
    longer = request(1, limit=500)
    with Leases(store).take([request(1)]), Leases(store).take([longer]) as lease:
        assert lease.requests == [longer]


def test_no_number_comes_twice_and_few_files_stay(store: Store) -> None:
    for number in range(1, 20):
        with Leases(store).take(REQUESTS):
            assert max(store.names(LEASES)) == f"{number:012d}"
        assert len(store.names(LEASES)) == 1


def test_who_is_alone_need_not_look_again(store: Store) -> None:
    mine, other = Leases(store), Leases(store)

    def is_current(which: Leases = mine) -> bool:
        news = which.news
        with which.take(REQUESTS[:2]):
            return which.news == news

    assert [is_current(), is_current()] == [True, True]
    assert not is_current(other)
    with other.take(REQUESTS[5:]):
        assert [is_current(), is_current()] == [False, False]
    # the other may have written after the last look
    assert [is_current(), is_current()] == [False, True]


class Clock:
    """The watch of who waits for leases: it goes on as far as is said, or with each sleep."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(leases, "time", clock)
    return clock


def test_a_lease_holds_as_long_as_there_are_signs_of_life(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SECONDS", 0.2)
    with Leases(store).take(REQUESTS):
        waiting, path = Leases(store), f"{LEASES}/{1:012d}"
        for _ in range(3):
            sign = store.read(path)
            assert len(waiting._read_held(1)) == len(REQUESTS)
            clock.sleep(0.15)
            until = time.monotonic() + 60
            while store.read(path) == sign:
                assert time.monotonic() < until, "there was no sign of life"
                time.sleep(0.01)


def test_a_lease_ends_without_signs_of_life(store: Store, clock: Clock) -> None:
    store.create(f"{LEASES}/{7:012d}", leases._encode(frozenset({1})))
    began, waiting = clock.now, Leases(store)
    waiting.wait(frozenset({7}), lambda: False)
    assert clock.now - began == pytest.approx(leases.SECONDS, abs=2 * leases.POLL)
    with waiting.take(REQUESTS) as after:
        assert after.requests == REQUESTS
    assert store.names(LEASES) == [f"{8:012d}"]


def test_whose_leases_are_held_at_once_is_alone_all_the_same(store: Store) -> None:
    mine = Leases(store)
    with mine.take(REQUESTS[:2]), mine.take(REQUESTS[2:4]) as second:
        assert second.requests == REQUESTS[2:4] and mine.news == 0


@pytest.mark.parametrize("clock", [0.0, 4e9], ids=["set back", "set forward"])
def test_a_clock_that_is_wrong_makes_nobody_pay_twice(
    store: Store, monkeypatch: pytest.MonkeyPatch, clock: float
) -> None:
    monkeypatch.setattr(leases, "_is_gone", lambda *_: False)
    with Leases(store).take(REQUESTS):
        monkeypatch.setattr(time, "time", lambda: clock)
        with Leases(store).take(REQUESTS) as other:
            assert other.requests == []


def test_a_lease_of_another_machine_ends_when_no_sign_of_life_was_seen_for_long(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait(60)
    for number, (machine, held) in enumerate((("another", 10), (leases._name_machine(), 0)), 1):
        with monkeypatch.context() as there:
            there.setattr(os, "getpid", lambda: gone.pid)
            there.setattr(leases, "_name_machine", lambda machine=machine: machine)
            lease = leases._encode(frozenset(range(10)))
        store.write(f"{LEASES}/{number:012d}", lease)
        waiting = Leases(store)
        assert len(waiting._read_held(number)) == held
        clock.sleep(leases.SECONDS)
        assert waiting._read_held(number) == frozenset()
        assert len(Leases(store)._read_held(number)) == held, "who comes later watches for himself"


def test_two_machines_of_one_name_do_not_look_for_each_other_s_processes() -> None:
    boot = Path("/proc/sys/kernel/random/boot_id")
    assert boot.read_text().strip() in leases._name_machine() if boot.exists() else leases._name_machine()


def test_who_was_so_slow_that_his_number_came_and_went_takes_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, create = Leases(store), store.create
    with ExitStack() as end:

        def others_come_first(path: str, data: bytes) -> bool:
            monkeypatch.setattr(store, "create", create)
            with Leases(store).take(REQUESTS):
                pass
            end.enter_context(Leases(store).take(REQUESTS[:6]))  # removes the one before
            return create(path, data)

        monkeypatch.setattr(store, "create", others_come_first)
        with slow.take(REQUESTS) as lease:
            assert lease.requests == REQUESTS[6:]


def test_a_lease_whose_end_cannot_be_written_costs_no_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: str, data: bytes) -> None:
        raise StoreError("the disk is full")

    with Leases(store).take(REQUESTS):
        monkeypatch.setattr(store, "write", fail)
    assert len(store.names(LEASES)) == 1


def test_who_needs_nothing_any_more_does_not_wait(store: Store, clock: Clock) -> None:
    with Leases(store).take(REQUESTS) as lease:
        (held,) = map(int, store.names(LEASES))
        began = clock.now
        Leases(store).wait(frozenset({held}), lambda: True)
        assert clock.now == began
        assert lease.requests == REQUESTS and store.names(LEASES) == [f"{held:012d}"], "the lease is still held"


def test_a_file_that_is_no_lease_says_so(store: Store) -> None:
    store.write(f"{LEASES}/{1:012d}", b"what?")
    with pytest.raises(StoreError, match=r"leases/000000000001: is no lease; remove it"), ExitStack() as end:
        end.enter_context(Leases(store).take(REQUESTS))


def test_many_at_once_never_hold_the_same(store: Store) -> None:
    held: Counter[str] = Counter()
    most: list[int] = []
    lock = Lock()

    def take(seed: int) -> None:
        mine = Leases(store)
        for turn in range(12):
            some = random.Random(seed * 100 + turn).sample(REQUESTS, 5)
            with mine.take(some) as lease:
                with lock:
                    held.update(item.id for item in lease.requests)
                    most.append(max(held.values(), default=0))
                time.sleep(0.001)
                with lock:
                    held.subtract(item.id for item in lease.requests)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(take, range(6)))
    assert max(most) == 1


def start_asker(store: Store, seed: int, seconds: float, held: int = 0) -> "subprocess.Popen[str]":
    """One that asks 120 questions; where it is said, it stops in the middle of a lease when so many are answered."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "tests.catalog.ledger.asker", store.url, "120", *map(str, (seed, seconds, held))]
    return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def collect_paid(process: "subprocess.Popen[str]") -> list[str]:
    out, _ = process.communicate(timeout=240)
    return out.split()


@pytest.mark.build
def test_four_processes_lose_nothing_and_pay_nothing_twice(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    processes = [start_asker(store, seed, 60) for seed in range(4)]
    with ThreadPoolExecutor(4) as threads:
        paid = list(threads.map(collect_paid, processes))
    assert [process.returncode for process in processes] == [0] * 4
    assert sorted(id_ for some in paid for id_ in some) == sorted(request(i).id for i in range(120))
    ledger = Ledger(store)
    assert len(ledger.find([request(i) for i in range(120)])) == 120
    assert ledger.spent()[0].requests == 120


def others_wait(store: Store) -> None:
    """Wait until another has taken a lease beside the first."""
    until = time.monotonic() + 240
    while len(store.names(LEASES)) < 2:
        assert time.monotonic() < until, "nobody else asks"
        time.sleep(0.01)


@pytest.mark.kill
def test_who_is_killed_keeps_nobody_waiting_for_ever(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    processes = [start_asker(store, 0, 3600, held=10)]
    assert processes[0].stdout
    first = [processes[0].stdout.readline().strip() for _ in range(10)]
    processes += [start_asker(store, seed, 3600) for seed in (1, 2, 3)]
    others_wait(store)
    processes[0].send_signal(signal.SIGKILL)
    first += collect_paid(processes[0])
    with ThreadPoolExecutor(3) as threads:
        paid = list(threads.map(collect_paid, processes[1:]))
    assert [process.returncode for process in processes] == [-signal.SIGKILL, 0, 0, 0]
    others = [id_ for some in paid for id_ in some]
    assert len(others) == len(set(others)), "those that live pay nothing twice"
    assert {*first, *others} == {request(i).id for i in range(120)}
    ledger = Ledger(store)
    assert len(ledger.find([request(i) for i in range(120)])) == 120
    assert ledger.spent()[0].requests == 120, "what the killed one paid is there, but for what it had not written"
