"""Orphans: processes that an earlier build started and that are still here though it is gone; only those that it marked as its own.

Each process ends with the one that started it. What is killed together with
whoever would have ended it, or is stopped, is met by the next build.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

MARK = "ERRATA_STARTED_BY"
"""The environment variable that says who started a process: it is passed on to all that are started below."""
_PROCESSES = Path("/proc")


def mark_owner(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a process that this one starts, by which `end_orphans` knows it."""
    owner = _identify_process(os.getpid())
    return {**environment, MARK: f"{_find_namespace()} {owner}"} if owner else dict(environment)


def end_orphans() -> int:
    """Kill marked processes whose owner is gone, on a system that tells (Linux); how many there were."""
    namespace = _find_namespace()
    if not namespace:
        return 0
    numbers = [int(path.name) for path in _PROCESSES.iterdir() if path.name.isdigit()]
    return sum(_end_orphan(number, namespace) for number in numbers)


def _end_orphan(process: int, namespace: str) -> bool:
    try:
        handle = os.pidfd_open(process)  # its number may be another's at any time
    except OSError:
        return False
    try:
        if not _is_orphan(process, namespace):
            return False
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(handle)
    return True


def _is_orphan(process: int, namespace: str) -> bool:
    """Whether a process bears a mark of this namespace, in which numbers mean the same, whose owner is gone."""
    variables = (_PROCESSES / str(process) / "environ").read_bytes().split(b"\0")
    prefix = f"{MARK}={namespace} ".encode()
    owner = next(
        (value.removeprefix(prefix).decode("ascii", "replace") for value in variables if value.startswith(prefix)), ""
    )
    number, colon, _ = owner.partition(":")
    return bool(colon) and number.isdecimal() and _identify_process(int(number)) != owner


def _identify_process(process: int) -> str:
    """A process by its number and the time of its start, since numbers are used again; empty where there is none, or it is dead."""
    with suppress(OSError):
        state, *fields = (_PROCESSES / str(process) / "stat").read_text().rpartition(")")[2].split()
        return f"{process}:{fields[18]}" if state not in "ZX" else ""
    return ""


def _find_namespace() -> str:
    """The namespace of processes, of this start of the machine; empty where the system does not tell."""
    with suppress(OSError):
        boot = (_PROCESSES / "sys" / "kernel" / "random" / "boot_id").read_text().strip()
        return f"{os.readlink(_PROCESSES / 'self' / 'ns' / 'pid')} {boot}".replace(" ", "/")
    return ""
