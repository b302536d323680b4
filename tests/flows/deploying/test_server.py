"""The server of a build's own: it answers, and it is gone when its build is, however that ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import pytest

from flows.cli import flow_run
from flows.deploying.server import OwnServer, ServerError
from flows.deploying.server_process import SECONDS
from tests.command import ROOT
from tests.flows.deploying.prefect_api import wait

CODE = """
from flows.deploying.server import OwnServer, apply_settings
apply_settings(False)
server = OwnServer()
server.wait()
print(server.url, flush=True)
input()
"""


def _is_silent(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=120):
            return False
    except ConnectionError:  # it ended while it answered
        return True
    except urllib.error.URLError:
        return True


@pytest.mark.build
def test_an_own_server_ends_with_its_process_even_where_that_is_killed(tmp_path: Path) -> None:
    environment = {**os.environ, "PREFECT_HOME": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", CODE], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert not _is_silent(url)
        process.send_signal(signal.SIGKILL)
    assert wait(lambda: _is_silent(url), 240)


def test_a_server_that_ends_at_once_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    own = OwnServer()
    with pytest.raises(ServerError, match="its server ended with code 1; start one"):
        own.wait()
    own.close()


@pytest.mark.build
def test_nobody_else_takes_the_port_of_an_own_server_before_it_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    own = OwnServer()
    try:
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", int(urlsplit(own.url).port or 0)))
    finally:
        own.close()


HANGING = """
import socket, sys
from flows.deploying import server_process

async def hang(scope, receive, send):
    message = await receive()
    print(message["type"], flush=True)
    import time
    time.sleep(600)

server_process.APPLICATION = lambda: hang
listener = socket.socket()
listener.bind(("127.0.0.1", 0))
sys.argv = ["", str(listener.detach())]
server_process.main()
"""


@pytest.mark.build
def test_a_server_that_hangs_in_its_start_ends_with_the_build() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGING], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as server:  # fmt: skip
        assert server.stdout is not None and server.stdin is not None
        assert server.stdout.readline() == "lifespan.startup\n"
        server.stdin.close()
        try:
            assert server.wait(SECONDS + 240) == -signal.SIGKILL
        finally:
            server.kill()


@pytest.mark.parametrize(("count", "said"), [(0, ""), (1, "ended 1 process that"), (3, "ended 3 processes that")])
def test_a_build_ends_what_killed_builds_have_left_before_it_starts_anything(
    count: int, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Started(Exception): ...

    def start() -> None:
        raise Started

    monkeypatch.setattr(flow_run, "end_when_interrupted", lambda: None)
    monkeypatch.setattr(flow_run, "apply_settings", lambda _: None)
    monkeypatch.setattr(flow_run, "end_orphans", lambda: count)
    monkeypatch.setattr(flow_run, "start_own_server", start)
    recipe = SimpleNamespace(corpus="sample", version="0.1.0")
    plan: Any = SimpleNamespace(recipe=recipe, topological_generations=list, jobs=[1])
    with pytest.raises(Started):
        flow_run.run_flow(plan, verbose=False, plain=True, publish=True)
    assert capsys.readouterr().err.startswith(f"{said} a killed build had left\n" if said else "sample 0.1.0: 0 of 0")
