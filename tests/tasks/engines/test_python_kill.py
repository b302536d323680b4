"""Kill -9 while a program runs in the sandbox: of what was begun nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks.engines.python.sandbox import find_fault
from tests.command import ROOT

pytestmark = [pytest.mark.kill, pytest.mark.skipif(bool(find_fault()), reason=find_fault() or "")]
RUN = """
from schemas.programs import ProgramJob
from tasks.engines.python.sandbox import Limits, run_program

run_program(ProgramJob(program="while True: pass"), Limits(seconds=60))
"""


def list_descendants(pid: int) -> list[int]:
    """All processes below one."""
    try:
        children = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []
    return [below for child in children for below in (child, *list_descendants(child))]


def is_alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_with_the_build_its_programs_end(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    with subprocess.Popen([sys.executable, "-c", RUN], env=env, cwd=tmp_path) as build:
        begun: list[int] = []
        deadline = time.monotonic() + 120
        while len(begun) < 3 and time.monotonic() < deadline:
            begun = list_descendants(build.pid)
            time.sleep(0.02)
        assert len(begun) == 3, "bubblewrap, the first process of the sandbox, and the program"
        assert all(map(is_alive, begun))
        build.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 120
    while any(map(is_alive, begun)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not [pid for pid in begun if is_alive(pid)]
