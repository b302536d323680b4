"""Worker processes: messages there and back, their end told, nothing left of them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from tasks import worker_process
from tasks.worker_process import JSON, PICKLE, Codec, WorkerEnded, WorkerProcess, WorkerSilent

ROOT = Path(__file__).parents[2]
ECHO = """
import os, subprocess, sys, time
requests, replies = os.fdopen(int(sys.argv[1]), "rb"), os.fdopen(int(sys.argv[2]), "wb", buffering=0)
for line in requests:
    match line.strip():
        case b'"half"': replies.write(b'"ha'); os._exit(0)
        case b'"exit"': print("  Authorization: Bearer abcdefgh s3://u:p@ss@host/b  "); sys.exit("the last word")
        case b'"child"': replies.write(b"%d\\n" % subprocess.Popen(["sleep", "600"]).pid)
        case b'"silent"': time.sleep(600)
        case b'"log"': print("a line", flush=True)
        case _: replies.write(line)
"""
Start = Callable[..., WorkerProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    started = []

    def start_one(codec: Codec = JSON) -> WorkerProcess:
        started.append(WorkerProcess([sys.executable, "-c", ECHO], dict(os.environ), codec))
        return started[-1]

    yield start_one
    for worker in started:
        worker.kill()


def wait(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + 120
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


def was_heard(worker: WorkerProcess, at: float) -> bool:
    return worker._logged == at


def list_pipes() -> set[str]:
    """The pipes that this process has open."""
    links = set()
    for path in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # that of the folder itself
            links.add(os.readlink(path))
    return {link for link in links if link.startswith("pipe:")}


def is_gone(pid: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(
    ("codec", "messages"),
    [
        (JSON, [1, "two\n\u2028", {"three": [None, 4.5]}, "x" * 1_000_000]),
        (PICKLE, [(1, {2}), ValueError("three"), b"\n" * 100_000]),
    ],
)
def test_messages_come_back_whole_and_in_order(start: Start, codec: Codec, messages: list[object]) -> None:
    worker = start(codec)
    for message in messages:
        worker.send(message)
    assert [repr(worker.receive(60)) for _ in messages] == [repr(message) for message in messages]


@pytest.mark.parametrize(
    ("message", "how", "code"),
    [("half", "its process ended with exit code 0", 0), ("exit", "its process ended with exit code 1", 1)],
)
def test_an_end_is_told_with_its_code_however_often_it_is_asked(
    start: Start, message: str, how: str, code: int
) -> None:
    worker = start()
    worker.send(message)
    for _ in range(2):
        with pytest.raises(WorkerEnded, match=f"^{how}$") as error:
            worker.receive(60)
        assert error.value.code == code
    assert not worker.alive


def test_last_words_are_kept_without_secrets(start: Start) -> None:
    worker = start()
    worker.send("exit")
    with pytest.raises(WorkerEnded):
        worker.receive(60)
    assert worker.tail_log(9) == ["  Authorization: *** s3://***host/b", "the last word"]
    assert worker.tail_log(1) == ["the last word"]


def test_silence_is_an_error_and_a_log_may_break_it(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 1000, 60))
    now = next(clock)
    monkeypatch.setattr(worker_process, "time", SimpleNamespace(monotonic=lambda: now))
    worker = start()
    with ThreadPoolExecutor(1) as threads:
        reply = threads.submit(worker.receive, 100, log_counts=True)
        for _ in range(3):
            now = next(clock)
            worker.send("log")
            wait(partial(was_heard, worker, now))
        worker.send("hi")
        assert reply.result(60) == "hi", "it was heard each minute"
        silence = threads.submit(worker.receive, 100)
        worker.send("silent")
        while not silence.done():
            now = next(clock, now)
            time.sleep(0.1)
        with pytest.raises(WorkerSilent, match="gave no sign of life for 100 s"):
            silence.result()
    assert worker.alive


def test_a_kill_reaches_the_group_and_may_come_twice(start: Start) -> None:
    worker = start()
    worker.send("child")
    child = worker.receive(60)
    assert not is_gone(child)
    worker.kill()
    assert is_gone(worker.pid)
    wait(lambda: is_gone(child))  # its files are closed, which was waited for, before the kernel says that it has ended
    worker.kill()
    worker.send("late")
    with pytest.raises(WorkerEnded, match=r"^its process was killed by SIGKILL$") as error:
        worker.receive()
    assert error.value.code == -9


def test_what_is_no_program_leaves_no_descriptor_open() -> None:
    before = list_pipes()
    with pytest.raises(FileNotFoundError):
        WorkerProcess(["/no/such/program"], {})
    assert list_pipes() <= before


def test_a_worker_learns_that_who_started_it_was_killed() -> None:
    code = (
        "import sys; from tasks.worker_process import WorkerProcess\n"
        "worker, other = (WorkerProcess([sys.executable, '-c', sys.argv[1]], {}) for _ in range(2))\n"
        "print(worker.pid, other.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, ECHO], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as parent:  # fmt: skip
        assert parent.stdout
        workers = [int(pid) for pid in parent.stdout.readline().split()]
        assert not any(map(is_gone, workers))
        parent.kill()
    wait(lambda: all(map(is_gone, workers)))
