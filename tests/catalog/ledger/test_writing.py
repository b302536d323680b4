"""Writers: when they write, many at once, and what is left of one that is killed."""

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from catalog.ledger import Ledger
from catalog.storage import Store, StoreError
from tests.catalog.ledger.rows import answer, request
from tests.command import ROOT

KILLS = 12
COUNT = 20


def memory() -> Store:
    return Store(f"memory://{uuid.uuid4().hex}/store")


def count_answered(store: Store, questions: range) -> int:
    return len(Ledger(store).find([request(i) for i in questions]))


def test_completions_are_written_by_count() -> None:
    store = memory()
    writer = Ledger(store).writer("corpus", "table", count=10, seconds=1e6)
    for i in range(25):
        writer.append(request(i), answer(request(i)))
        assert count_answered(store, range(30)) == (i + 1) // 10 * 10
    writer.close()
    assert count_answered(store, range(30)) == 25
    writer.close()
    assert len(Ledger(store)) == 25


def test_a_single_completion_is_written_in_time() -> None:
    store = memory()
    with Ledger(store).writer("corpus", "table", seconds=0.2) as writer:
        writer.append(request(1), answer(request(1)))
        until = time.monotonic() + 60
        while not count_answered(store, range(2)):
            assert time.monotonic() < until
            time.sleep(0.01)


def test_flush_writes_what_waits_and_the_ledger_knows_it() -> None:
    ledger = Ledger(memory())
    with ledger.writer("corpus", "table", seconds=1e6) as writer:
        writer.append(request(1), answer(request(1)))
        assert not ledger.find([request(1)])
        writer.flush()
        assert ledger.find([request(1)])


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_was_appended_before_an_error_is_written(error: type[BaseException]) -> None:
    store = memory()

    def interrupted() -> None:
        with Ledger(store).writer("corpus", "table") as writer:
            writer.append(request(1), answer(request(1)))
            raise error

    with pytest.raises(error):
        interrupted()
    assert count_answered(store, range(2)) == 1


def test_an_answer_to_something_else_and_a_closed_writer_are_refused() -> None:
    writer = Ledger(memory()).writer("corpus", "table")
    with pytest.raises(ValueError, match=r"reply to request .* expected"):
        writer.append(request(1), answer(request(2)))
    writer.close()
    with pytest.raises(ValueError, match="closed"):
        writer.append(request(1), answer(request(1)))


def test_a_store_that_fails_for_a_while_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store = memory()
    with Ledger(store).writer("corpus", "table", count=5, seconds=1e6) as writer:
        with monkeypatch.context() as patch:
            patch.setattr(store.fs, "pipe_file", lambda *_, **__: (_ for _ in ()).throw(OSError(28, "No space left")))
            for i in range(8):
                if i < 4:
                    writer.append(request(i), answer(request(i)))
                else:
                    with pytest.raises(StoreError, match=r"cannot be written \(No space left"):
                        writer.append(request(i), answer(request(i)))
        writer.append(request(8), answer(request(8)))
    assert count_answered(store, range(9)) == 9


def test_threads_share_a_writer(tmp_path: Path) -> None:
    store = Store(str(tmp_path))

    def some(thread: int) -> None:
        for i in range(thread * 200, thread * 200 + 200):
            writer.append(request(i), answer(request(i)))

    with Ledger(store).writer("corpus", "table", count=16) as writer, ThreadPoolExecutor(8) as threads:
        list(threads.map(some, range(8)))
    assert count_answered(store, range(1600)) == 1600
    assert Ledger(store).spent()[0].requests == 1600


def write(url: str, begin: int, rows: int) -> None:
    with Ledger(Store(url)).writer("corpus", "table", count=COUNT) as writer:
        for i in range(begin, begin + rows):
            writer.append(request(i), answer(request(i)))


@pytest.mark.build
def test_processes_write_at_once(tmp_path: Path) -> None:
    processes = [get_context("spawn").Process(target=write, args=(str(tmp_path), i * 400, 400)) for i in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    ledger = Ledger(Store(str(tmp_path)))
    assert len(ledger.find([request(i) for i in range(1600)])) == 1600
    assert ledger.spent()[0].requests == 1600


WRITER = f"""
import sys
from catalog.ledger import Ledger
from catalog.storage import Store
from tests.catalog.ledger.rows import answer, request

with Ledger(Store(sys.argv[1])).writer("corpus", "table", count={COUNT}) as writer:
    for i in range(int(sys.argv[2]), int(sys.argv[2]) + 100_000):
        writer.append(request(i), answer(request(i)))
        print(i, flush=True)
"""


def killed(url: str, begin: int, lines: int, seconds: float) -> int:
    """Start a writer, kill it some seconds after it has said so many lines; how many completions it says it took."""
    command = [sys.executable, "-c", WRITER, url, str(begin)]
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        numbers = [process.stdout.readline() for _ in range(lines)]
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        numbers += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return len(numbers)


@pytest.mark.kill
def test_a_killed_writer_loses_one_flush_at_most(tmp_path: Path) -> None:
    chance = random.Random()
    for kill in range(KILLS):
        begin = kill * 100_000
        took = killed(str(tmp_path), begin, chance.randint(1, 150), chance.uniform(0, 0.02))
        ledger = Ledger(Store(str(tmp_path)))
        known = ledger.find([request(i) for i in range(begin, begin + took + 2)])
        there = [request(i).id in known for i in range(begin, begin + took)]
        assert all(there[: max(0, took - COUNT)]), "more than a flush is lost"
        assert ledger.ignored == []
        if kill % 4 == 3:
            ledger.compact()
            assert set(known) <= set(ledger.find([request(i) for i in range(begin, begin + took + 2)]))
    assert ledger.spent()[0].requests == len(ledger) > 0
