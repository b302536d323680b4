"""A Prefect server on loopback, of a test's own."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path


def find_port() -> int:
    """A port of this machine that nobody listens at, and none of those from which connections are given theirs at any moment."""
    while True:
        with socket.socket() as result, suppress(OSError):
            result.bind(("127.0.0.1", random.randint(10_000, 32_000)))
            return int(result.getsockname()[1])


def start_server(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A server that answers; its home is the folder."""
    own = {"PREFECT_HOME": str(folder), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    options = ["--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    log = folder / "server.log"
    with open(log, "ab") as stream:
        server = subprocess.Popen(
            [sys.executable, "-m", "prefect", "server", "start", *options],
            env={**os.environ, **own},
            stdout=stream,
            stderr=stream,
        )
    until = time.monotonic() + 600
    try:
        while not _is_healthy(port):
            assert time.monotonic() < until, log.read_text()
            assert server.poll() is None, log.read_text()
            time.sleep(0.3)
    except BaseException:
        end_server(server)
        raise
    return server


def end_server(server: subprocess.Popen[bytes]) -> None:
    """End a server, and wait for it: long, as the machine may be busy."""
    server.terminate()
    server.wait(120)


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=60):
            return True
    except OSError:
        return False
