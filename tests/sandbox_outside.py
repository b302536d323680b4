"""What lies outside of a sandbox and must stay as it is: a secret, listeners, a process, folders."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from schemas.programs import ProgramJob
from tasks.engines.python.sandbox import START_SECONDS, Limits, run_program

CANARY = "canary-5d1f3b"


def _name_socket() -> str:
    return f"{CANARY}-{os.getpid()}"


@dataclass
class Outside:
    """What programs may not reach, and whether they did."""

    folder: Path
    listeners: list[socket.socket]
    process: subprocess.Popen[bytes]

    def list_values(self) -> dict[str, object]:
        """What attacks need to know to reach it."""
        return {
            "secret": self.folder / "canary", "folder": self.folder, "port": self.listeners[0].getsockname()[1],
            "unix": self.folder / "socket", "abstract": _name_socket(), "pid": self.process.pid,
        }  # fmt: skip

    def find_harm(self) -> list[str]:
        """What is no longer as it was."""
        harm = []
        if self.process.poll() is not None:
            harm.append("a process was killed")
        if (self.folder / "canary").read_text() != CANARY or sorted(os.listdir(self.folder)) != ["canary", "socket"]:
            harm.append(f"files were changed: {sorted(os.listdir(self.folder))}")
        for listener in self.listeners:
            try:
                listener.accept()
                harm.append(f"{listener.family.name} was connected to")
            except BlockingIOError:
                continue
        if left := [pid for pid in os.listdir("/proc") if pid.isdigit() and _is_sandboxed(pid)]:
            harm.append(f"processes are left: {left}")
        return harm


def _is_sandboxed(pid: str) -> bool:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"--hostname\0sandbox" in command and "\nState:\tZ" not in status and f"\nPPid:\t{os.getpid()}\n" in status


@contextmanager
def place_canaries(folder: Path) -> Iterator[Outside]:
    """A secret file, a secret of the environment, three listeners and a process, for as long as the block lasts."""
    (folder / "canary").write_text(CANARY)
    os.environ["ERRATA_CANARY"] = CANARY
    with ExitStack() as stack:
        listeners = []
        for family, address in ((socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_UNIX, str(folder / "socket")), (socket.AF_UNIX, f"\0{_name_socket()}")):  # fmt: skip
            listener = stack.enter_context(socket.socket(family))
            listener.bind(address)
            listener.listen()
            listener.setblocking(False)
            listeners.append(listener)
        process = stack.enter_context(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE))
        stack.callback(process.kill)
        yield Outside(folder, listeners, process)
    del os.environ["ERRATA_CANARY"]


def attack(name: str, program: str, outside: Outside, limits: Limits) -> tuple[float, list[str]]:
    """Run a hostile program: the seconds it took, and what it reached."""
    began = time.monotonic()
    result = run_program(ProgramJob(program=program, answer="answer", states=True), limits)
    seconds = time.monotonic() - began
    harm = outside.find_harm()
    if CANARY in result.model_dump_json() or "root:x:" in result.stdout:
        harm.append("it saw a secret")
    if (
        seconds > START_SECONDS + limits.seconds + 1
    ):  # a busy machine is slow to begin one; tests.benchmarks.sandbox measures
        harm.append(f"it took {seconds:.1f} s")
    return seconds, [f"{name}: {fault}" for fault in harm]
