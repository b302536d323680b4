"""A Prefect server that is killed while a build runs and comes back: the build ends well, for one line."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import _free_port
from tests.flows.deploying.prefect_api import Api, wait
from tests.flows.deploying.test_schedules import LONG, environment_of, start


def start_server(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """A server that answers."""
    off = {"PREFECT_HOME": str(folder / "server"), "PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"}
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    with open(folder / "server.log", "ab") as log:
        server = subprocess.Popen(command, env={**os.environ, **off}, stdout=log, stderr=log)
    wait(lambda: server.poll() is not None or _is_healthy(port), 600)
    assert server.poll() is None, (folder / "server.log").read_text()
    return server


def _is_healthy(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/health", timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.kill
def test_a_server_that_goes_away_for_a_while_costs_one_line(tmp_path: Path) -> None:
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    server = start_server(tmp_path, port)
    (tmp_path / "long.yaml").write_text(LONG)
    try:
        with start(["build", str(tmp_path / "long.yaml"), "--plain"], environment_of(tmp_path, url)) as build:
            wait(lambda: list((tmp_path / "store" / "ledger").rglob("*.parquet")) or build.poll() is not None, 600)
            server.send_signal(signal.SIGKILL)
            server.wait(60)
            time.sleep(10)
            server = start_server(tmp_path, port)
            out, err = build.communicate(timeout=900)
        (run,) = Api(url).post("/flow_runs/filter", {})
    finally:
        server.terminate()
        server.wait(120)
    assert build.returncode == 0, out + err
    assert (run["name"], run["state_type"]) == ("long@1.0.0", "COMPLETED")
    assert [line for line in err.splitlines() if "does not answer" in line] == [
        "Prefect's server does not answer: the build goes on, and its pages will miss how far the build is"
    ]
    assert "ERROR" not in out + err
    assert "Traceback" not in out + err
