"""Orphans: a process ends with who started it, however busy it is; what could not is ended by the next build, and nothing else is."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tasks import orphans
from tests.tasks.engines.test_python_kill import is_alive

pytestmark = [
    pytest.mark.kill,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux says which process started another"),
]
ROOT = Path(__file__).parents[2]
SLEEP = f"{sys.executable!r}, '-c', 'import time; time.sleep(600)'"
MARK = f"ERRATA_STARTED_BY_{os.getpid()}"
"""A mark of our own: builds beside us end orphans, too."""
OWNER = f"""
import subprocess, sys
sys.path.insert(0, {str(ROOT)!r})
from tasks import orphans
from tasks.orphans import mark_owner
orphans.MARK = {MARK!r}
child = subprocess.Popen([{SLEEP}], env=mark_owner({{}}), start_new_session=True)
print(child.pid, flush=True)
input()
"""
BUSY = f"""
import os, runpy, signal, sys, time
runpy.run_path({str(ROOT / "tasks" / "end_with_parent.py")!r})["end_with_parent"](int(sys.argv[1]))
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, signal.SIG_IGN)
print(os.getpid(), flush=True)
while True:
    pass
"""
PARENT = f"""
import os, subprocess, sys
read_end, write_end = os.pipe()
subprocess.Popen([sys.executable, "-c", {BUSY!r}, str(read_end)], pass_fds=[read_end], start_new_session=True)
os.close(read_end)
input()
"""
Start = Callable[[str], tuple[subprocess.Popen[str], int]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a program that prints the number of a process below it."""
    started: list[int] = []
    processes: list[subprocess.Popen[str]] = []

    def start_program(code: str) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        child = int(process.stdout.readline())
        started.extend((process.pid, child))
        return process, child

    yield start_program
    for pid in started:
        if is_alive(pid):
            os.kill(pid, signal.SIGKILL)
    for process in processes:
        process.communicate(timeout=60)


@pytest.fixture(autouse=True)
def _own_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "MARK", MARK)


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(60)


def ends(pid: int, seconds: float = 120) -> bool:
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


def test_a_process_that_never_looks_up_ends_with_its_parent(start: Start) -> None:
    parent, child = start(PARENT)
    time.sleep(0.2)
    assert is_alive(child)
    kill(parent)
    assert ends(child)


def test_what_a_killed_build_left_is_ended_and_what_another_owns_is_not(start: Start) -> None:
    gone, orphan = start(OWNER)
    alive, owned = start(OWNER)
    orphans.end_orphans()
    assert is_alive(orphan) and is_alive(owned), "both are at work"
    kill(gone)
    assert is_alive(orphan), "nobody else ends it"
    assert orphans.end_orphans() >= 1
    assert ends(orphan) and is_alive(owned) and alive.poll() is None


def test_a_stopped_orphan_is_ended_too(start: Start) -> None:
    owner, orphan = start(OWNER)
    os.kill(orphan, signal.SIGSTOP)
    kill(owner)
    assert orphans.end_orphans() >= 1
    assert ends(orphan)


@pytest.mark.parametrize(
    "mark", ["", "pid:[1]/other 1:1", "{namespace} ", "{namespace} x:1", "{namespace} 1", "{namespace} 9\ufffd:1"]
)
def test_what_bears_no_mark_of_ours_is_left_alone(mark: str) -> None:
    value = mark.format(namespace=orphans._find_namespace())
    with subprocess.Popen(["sleep", "600"], env={**os.environ, orphans.MARK: value}) as process:
        orphans.end_orphans()
        alive = process.poll() is None
        process.kill()
    assert alive
