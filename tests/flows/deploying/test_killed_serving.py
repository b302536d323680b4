"""What `errata serve` and `errata view` have started is gone when that is killed: Prefect's server, runs, and what these started."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.campaign.processes import list_processes_of, wait_for_end
from tests.client.conftest import put, splits
from tests.flows.deploying.prefect_api import Api, wait
from tests.flows.deploying.test_schedules import DEPLOYMENTS, LONG, environment_of, start
from tests.prefect_server import find_port

pytestmark = [
    pytest.mark.kill,
    pytest.mark.build,
    pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc"),
]


def list_begun(process: subprocess.Popen[str]) -> set[int]:
    """What a process has started, while it is held."""
    process.send_signal(signal.SIGSTOP)  # nothing is started between the look and the kill
    return list_processes_of(process.pid)


def kill(process: subprocess.Popen[str]) -> list[str]:
    """Kill a process; what stays of those it has started."""
    begun = list_begun(process)
    process.kill()
    process.communicate()
    return wait_for_end(begun, 120)


def wait_for(process: subprocess.Popen[str], look: Callable[[], bool]) -> None:
    """Wait until something is so, while a process lives."""
    wait(lambda: look() or process.poll() is not None, 600)
    assert process.poll() is None, process.communicate()


def test_with_serving_its_server_and_its_runs_end(tmp_path: Path) -> None:
    (tmp_path / "long.yaml").write_text(LONG)
    file, store, port = tmp_path / "prefect.yaml", tmp_path / "store", find_port()
    file.write_text(DEPLOYMENTS.format(tiny=tmp_path / "long.yaml"))
    settings = {"PREFECT_SERVER_API_PORT": f"{port}", "PREFECT_RUNNER_POLL_FREQUENCY": "2"}
    environment = environment_of(tmp_path, "", **settings)
    del environment["PREFECT_API_URL"]
    api = Api(f"http://127.0.0.1:{port}/api")

    def is_known() -> bool:
        try:
            return bool(api.get("/deployments/name/build/asked"))
        except Exception:  # neither is the server there yet
            return False

    with start(["serve", "asked", "--file", str(file), "--store", str(store)], environment) as serving:
        try:
            wait_for(serving, is_known)
            api.start("build/asked", {})
            wait_for(serving, lambda: bool(list(store.glob("tables/*/receipts"))))
            assert len(list_begun(serving)) > 2, "a guard, Prefect's server and a run"
            assert kill(serving) == []
        finally:
            serving.kill()


def test_with_viewing_nothing_stays(tmp_path: Path) -> None:
    put(str(tmp_path / "store"), "tiny", "1.0.0", splits("0.9.0"))
    arguments = ["view", "tiny", "--no-open", "--store", str(tmp_path / "store")]
    with start(arguments, environment_of(tmp_path, "")) as viewing:
        assert viewing.stdout is not None
        assert "rows of" in viewing.stdout.readline()
        assert kill(viewing) == []
