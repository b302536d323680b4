"""A Prefect server that is killed while a build runs and comes back: the build ends well, for one line."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.flows.deploying.prefect_api import Api, wait
from tests.flows.deploying.test_schedules import LONG, environment_of, start
from tests.prefect_server import end_server, find_port, start_server


@pytest.mark.kill
def test_a_server_that_goes_away_for_a_while_costs_one_line(tmp_path: Path) -> None:
    port = find_port()
    url = f"http://127.0.0.1:{port}/api"
    home = tmp_path / "server"
    home.mkdir()
    server = start_server(home, port)
    (tmp_path / "long.yaml").write_text(LONG)
    try:
        with start(["build", str(tmp_path / "long.yaml"), "--plain"], environment_of(tmp_path, url)) as build:
            wait(lambda: list((tmp_path / "store" / "ledger").rglob("*.parquet")) or build.poll() is not None, 600)
            server.send_signal(signal.SIGKILL)
            server.wait(60)
            time.sleep(10)
            server = start_server(home, port)
            out, err = build.communicate(timeout=900)
        (run,) = Api(url).post("/flow_runs/filter", {})
    finally:
        end_server(server)
    assert build.returncode == 0, out + err
    assert (run["name"], run["state_type"]) == ("long@1.0.0", "COMPLETED")
    assert [line for line in err.splitlines() if "does not answer" in line] == [
        "Prefect's server does not answer: the build goes on, and its pages will miss how far the build is"
    ]
    assert "ERROR" not in out + err
    assert "Traceback" not in out + err
