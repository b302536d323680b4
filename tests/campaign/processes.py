"""The processes of a build, however they were started: found before it is killed, and looked for afterwards."""

from __future__ import annotations

import os
import time
from pathlib import Path

from tasks.orphans import MARK
from tests.campaign.builder import TOKEN
from tests.tasks.engines.test_python_kill import is_alive, list_descendants

SECONDS = 10.0
"""The time that processes may stay when their build is gone."""


def list_marked(token: str, owner: int) -> set[int]:
    """Processes that bear a token, or were started by a build of this number."""
    marks = (f"{TOKEN}={token}".encode(), f"{owner}:".encode())
    return {int(name) for name in os.listdir("/proc") if name.isdigit() and _is_marked(int(name), *marks)}


def _is_marked(process: int, token: bytes, owner: bytes) -> bool:
    try:
        variables = Path(f"/proc/{process}/environ").read_bytes().split(b"\0")
    except OSError:
        return False
    return token in variables or any(
        value.startswith(MARK.encode()) and value.rpartition(b" ")[2].startswith(owner) for value in variables
    )


def list_processes_of(build: int) -> set[int]:
    """All processes that a build has started: those below it, and those that bear its token or its mark."""
    token = _read_token(build)
    return {
        process for process in {*list_descendants(build), *list_marked(token, build)} - {build} if is_alive(process)
    }


def _read_token(process: int) -> str:
    variables = Path(f"/proc/{process}/environ").read_text("utf-8", "replace").split("\0")
    return next((value.partition("=")[2] for value in variables if value.startswith(f"{TOKEN}=")), "")


def wait_for_end(processes: set[int], seconds: float = SECONDS) -> list[str]:
    """Wait until processes are gone; those that are not, with their commands."""
    until = time.monotonic() + seconds
    while (left := {process for process in processes if is_alive(process)}) and time.monotonic() < until:
        time.sleep(0.05)
    return [f"{process} {_read_command(process)}" for process in sorted(left)]


def _read_command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:120]
    except OSError:
        return "(gone)"
