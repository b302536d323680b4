"""The processes that compare expressions: bounded, replaced, and never a reason for a mistake."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tasks.verify.math_verify import pool
from tasks.verify.math_verify.pool import FIRST, PATIENCE, ComparisonPool, ComparisonWorker, compared
from tasks.verify.math_verify.worker import LATER
from tasks.verify.memo import hash_key
from tasks.worker_process import WorkerProcess, WorkerSilent

FAILURES = {"timed out", "too large", "died"}
NEVER_ENDS = "9^{9^{9^{9}}}"


PATIENT = 60
"""Seconds for replies that must come on however busy a machine."""


def ready(seconds: int = PATIENT, mebibytes: int = 1536) -> ComparisonWorker:
    worker = ComparisonWorker(seconds, mebibytes)
    assert worker.compare("1", "1") == "equal"
    return worker


@pytest.fixture(scope="module")
def worker() -> Iterator[ComparisonWorker]:
    worker = ready()
    yield worker
    worker.process.kill()


@pytest.fixture
def workers() -> Iterator[ComparisonPool]:
    workers = ComparisonPool(2, PATIENT)
    yield workers
    workers.close()


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize(
    ("gold", "answer", "reply"),
    [
        (r"\frac{1}{2}", "0.5", "equal"),
        ("x^2 + 1", "1 + x^2", "equal"),
        (r"2\sqrt{3}", r"\sqrt{12}", "equal"),
        ("25", "5*5", "equal"),
        ("18", r"\boxed{18}", "equal"),
        ("18", "$18$", "equal"),
        ("x", "y", "different"),
        ("30", "5*5", "different"),
        ("(1,2)", "(2,1)", "different"),
        ("18", "", "unparsable"),
        ("18", "\0", "unparsable"),
        ("18", "\ud800", "unparsable"),
        ("", "18", "gold unparsable"),
    ],
)
def test_expressions_are_compared(worker: ComparisonWorker, gold: str, answer: str, reply: str) -> None:
    assert worker.compare(gold, answer) == reply


def test_an_answer_is_never_run_nor_a_file_read(worker: ComparisonWorker, tmp_path: Path) -> None:
    target, secret = tmp_path / "touched", tmp_path / "secret.tex"
    secret.write_text("18")
    for answer in (
        f"__import__('os').system('touch {target}')",
        rf"\write18{{touch {target}}}",
        rf"$(touch {target})$",
    ):
        assert worker.compare("18", answer) != "equal"
    assert not target.exists()
    assert worker.compare("18", rf"\input{{{secret}}}") == "unparsable"
    assert worker.compare("18", r"\input{/etc/passwd}") == "unparsable"


@pytest.mark.parametrize(
    "answer", [NEVER_ENDS, "99999999999999!", r"2^{2^{40}}", "{" * 100_000, "(" * 100_000, r"\frac{" * 3_000]
)
def test_a_pair_that_never_ends_is_no_difference_and_leaves_no_process(answer: str) -> None:
    worker = ready(seconds=1)
    pid = worker.process.pid
    try:
        assert worker.compare("1", answer) in FAILURES | {"unparsable"}
    finally:
        worker.process.kill()
    assert not worker.process.alive and gone(pid)


def test_a_busy_machine_is_no_reason_for_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = ready(seconds=1)
    silences, receive = threading.Semaphore(0), worker.process.receive

    def note_silence(seconds: float) -> object:
        try:
            return receive(seconds)
        except WorkerSilent:
            silences.release()
            raise

    monkeypatch.setattr(worker.process, "receive", note_silence)
    try:
        os.kill(worker.process.pid, signal.SIGSTOP)
        with ThreadPoolExecutor(1) as threads:
            reply = threads.submit(worker.compare, "x + 1", "1 + x")
            assert all(silences.acquire(timeout=60) for _ in range(2)), "its time is over more than once"
            os.kill(worker.process.pid, signal.SIGCONT)
            assert reply.result(120) == "equal"
        monkeypatch.setattr(pool, "PATIENCE", 1.5)
        os.kill(worker.process.pid, signal.SIGSTOP)
        assert worker.compare("x + 1", "1 + x") == "timed out", "it is not waited for without end"
    finally:
        worker.process.kill()


def test_memory_is_bounded() -> None:
    worker = ready(seconds=2, mebibytes=300)
    try:
        assert resource.prlimit(worker.process.pid, resource.RLIMIT_AS) == (300 * 2**20, 300 * 2**20)
        assert worker.compare("1", r"10^{10^{9}} + 7^{10^{9}}") in FAILURES
    finally:
        worker.process.kill()


def test_a_worker_that_died_says_so_however_often_it_is_asked() -> None:
    worker = ready()
    os.kill(worker.process.pid, signal.SIGKILL)
    while worker.process.alive:
        time.sleep(0.01)
    assert [worker.compare("1", "1"), worker.compare("1", "1")] == ["died", "died"]


def test_a_worker_s_own_end_comes_after_its_parent_s_patience() -> None:
    assert max(FIRST, PATIENCE) < LATER  # or a busy machine's first reply would be a death


def test_half_a_reply_is_none() -> None:
    worker = ready()
    worker.process.kill()
    half = "import os, sys; os.read(int(sys.argv[1]), 99); os.write(int(sys.argv[2]), b'\"equal\"')"
    worker.process = WorkerProcess([sys.executable, "-c", half], {})
    assert worker.compare("x", "y") == "died"


def test_a_dead_worker_is_replaced(workers: ComparisonPool) -> None:
    assert workers.compare("x", "x") == "equal"
    first = workers._idle.get()
    assert first is not None
    first.process.kill()
    workers._idle.put(first)
    assert workers.compare("x", "y") == "different"
    second = workers._idle.get()
    workers._idle.put(second)
    assert second is not None and second.process.pid != first.process.pid


def test_eight_threads_get_their_own_replies_from_two_workers(workers: ComparisonPool) -> None:
    pairs = [("x + 1", f"{1 + i % 3} + x") for i in range(64)]
    with ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(lambda pair: workers.compare(*pair), pairs))
    assert replies == ["different" if i % 3 else "equal" for i in range(64)]


def test_an_interrupted_comparison_leaves_no_reply_for_the_next(workers: ComparisonPool) -> None:
    assert workers.compare("x", "x") == "equal"

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.3)
        with pytest.raises(KeyboardInterrupt):
            workers.compare("1", NEVER_ENDS)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert workers.compare("x", "y") == "different"


def test_closing_ends_the_processes() -> None:
    workers = ComparisonPool(1, PATIENT)
    workers.compare("x", "x")
    worker = workers._idle.get()
    workers._idle.put(worker)
    workers.close()
    assert worker is not None and gone(worker.process.pid)


def test_a_pair_is_asked_once() -> None:
    compared.memory.clear()
    assert compared("x + 1", "1 + x") == compared("x + 1", "1 + x") == "equal"
    assert compared.memory.take_fresh() == {hash_key("x + 1", "1 + x"): "equal"}


def test_what_math_verify_swallows_is_no_difference() -> None:
    script = (
        "import sys; sys.path.insert(0, 'tasks/verify/math_verify'); import worker; from math_verify import grader\n"
        "def broken(*_, **__): raise MemoryError\n"
        "grader.simplify = broken\n"
        "worker.watch('simplify')\n"
        "print(worker.compare('(x+1)^2', 'x^2+2x+1'))"
    )
    root = Path(__file__).parents[3]
    result = subprocess.run(
        [sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stdout.split("\n")[0] == "too large"
