"""The server of a build's own: it answers, and it is gone when its build is, however that ended."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

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
        urllib.request.urlopen(f"{url}/health", timeout=5)
    except urllib.error.URLError:
        return True
    return False


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
    assert wait(lambda: _is_silent(url), 60)


def test_a_server_that_ends_at_once_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    own = OwnServer()
    with pytest.raises(ServerError, match="its server ended with code 1; start one"):
        own.wait()
    own.close()


HANGING = """
import sys
from flows.deploying import server_process

async def hang(scope, receive, send):
    message = await receive()
    print(message["type"], flush=True)
    import time
    time.sleep(600)

server_process.APPLICATION = lambda: hang
sys.argv = ["", "0"]
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
            assert server.wait(SECONDS + 30) == -signal.SIGKILL
        finally:
            server.kill()
