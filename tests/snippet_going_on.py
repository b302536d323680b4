"""Commands that go on until they are stopped: begun as at a terminal, awaited, and ended by Ctrl-C, which leaves nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tests.campaign.builder import TOKEN
from tests.campaign.processes import list_marked, wait_for_end
from tests.snippets import follow

SECONDS = 60.0
"""The time in which a command ends when it is told to; long, as the machine may be busy: Prefect's own server took over 10 s on one that was."""
LEAVING = 20.0
"""The time after its end in which all that it started is gone: the guard of `errata serve` looks for others for eight seconds."""
STARTING = 600.0
"""The time until what is awaited comes: long, as the machine may be busy."""
INTERRUPTED = {0, 128 + signal.SIGINT, -signal.SIGINT}
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+[^\s.]*")


@contextmanager
def keep_going(text: str, awaited: str, folder: Path, variables: Mapping[str, str]) -> Iterator[None]:
    """A command goes on meanwhile, from when it has come to what is awaited.

    Args:
        text: The command.
        awaited: An address that answers, or what it writes, as a page would show it; the addresses in it answer.
        folder: Where it runs.
        variables: Its environment.

    """
    token = uuid.uuid4().hex
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(
            ["bash", "-c", text], cwd=folder, env={**variables, TOKEN: token}, stdin=subprocess.DEVNULL, stdout=log,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            await_words(process, log, awaited, text)
            yield
            interrupt(process, log, text)
            left = wait_for_end(list_begun(token, process.pid), LEAVING)
            assert left == [], f"{text}: still there {LEAVING:.0f} s after its end: {left}"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for begun in list_begun(token, process.pid):
                with suppress(ProcessLookupError):
                    os.kill(begun, signal.SIGKILL)


def list_begun(token: str, process: int) -> set[int]:
    """The processes that a command has started, where the system tells."""
    return list_marked(token, process) if sys.platform == "linux" else set()


def read(log: IO[str]) -> str:
    log.seek(0)
    return log.read()


def await_words(process: subprocess.Popen[bytes], log: IO[str], awaited: str, text: str) -> None:
    """Wait until a command has come to what is awaited of it."""
    until = time.monotonic() + STARTING
    while not is_there(awaited, read(log)):
        assert process.poll() is None, f"{text}: ended with exit code {process.returncode}\n{read(log)}"
        assert time.monotonic() < until, f"{text}: no {awaited!r} within {STARTING:.0f} s\n{read(log)}"
        time.sleep(0.1)


def is_there(awaited: str, output: str) -> bool:
    """Whether what is awaited has come: an address, or words and the addresses that come with them."""
    if ADDRESS.fullmatch(awaited):
        return answers(awaited)
    if follow(tuple(awaited.splitlines()), output) is not None:
        return False
    return all(answers(address) for address in ADDRESS.findall(output))


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=60):
            return True
    except OSError:
        return False


def interrupt(process: subprocess.Popen[bytes], log: IO[str], text: str) -> None:
    """Press Ctrl-C: all processes of the terminal's group are told, and the command ends in time and without a fault."""
    assert process.poll() is None, f"{text}: ended by itself, with exit code {process.returncode}\n{read(log)}"
    os.killpg(process.pid, signal.SIGINT)
    try:
        code = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        raise AssertionError(f"{text}: goes on {SECONDS:.0f} s after Ctrl-C\n{read(log)}") from None
    output = read(log)
    assert code in INTERRUPTED and "Traceback" not in output, f"{text}: exit code {code}\n{output}"
