"""Replicas of models on two nodes: the same answers as on this machine, whatever is killed, and GPUs of their own."""

import json
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.ray.cluster import HEAD, PORT, PYTHON, Cluster
from tests.tasks.engines.abacus.tiny_checkpoint import SHAPE, write

pytestmark = pytest.mark.external
PLACE = f"ray://{HEAD}:{PORT}"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write(tmp_path_factory.mktemp("checkpoint"), SHAPE))


def drive(cluster: Cluster, *arguments: str) -> dict[str, Any]:
    result = cluster.head.run(PYTHON, "-m", "tests.ray.drive", *arguments)
    assert result.returncode == 0, result.stderr[-4000:]
    return dict(json.loads(result.stdout.splitlines()[-1]))


@pytest.fixture(scope="module")
def here(cluster: Cluster, checkpoint: str) -> dict[str, Any]:
    """What one process answers."""
    return drive(cluster, "answers", checkpoint, "local")


@pytest.mark.parametrize("killed", ["nobody", "replica"])
def test_replicas_on_two_nodes_answer_as_one_process_does(
    killed: str, cluster: Cluster, checkpoint: str, here: dict[str, Any]
) -> None:
    nodes = [HEAD, cluster.revive().address]
    result = drive(cluster, "answers", checkpoint, PLACE, killed)
    assert result.get("places") == nodes, result
    assert len(here["answers"]) == 400
    assert {**result, "places": []} == here


def test_replicas_of_vllm_have_the_gpus_of_their_nodes(cluster: Cluster) -> None:
    nodes = [HEAD, cluster.revive().address]
    result = drive(cluster, "vllm", PLACE)
    assert result.get("places") == nodes, result
    assert result["gpus"] == ["0,1"] * 40
    assert result["problem"] == (
        f"model 'fake' (vllm): 1 replica of 3 GPUs on one machine each have no place on {PLACE}, whose 4 GPUs are enough for 0; "
        "lower `replicas` or `tensor_parallel`, or start more nodes"
    )


def test_the_replica_of_a_killed_node_is_started_on_another(
    cluster: Cluster, checkpoint: str, here: dict[str, Any], tmp_path: Path
) -> None:
    other = cluster.revive()
    command = cluster.head.enter([PYTHON, "-m", "tests.ray.drive", "answers", checkpoint, PLACE, "node"])
    with open(tmp_path / "log", "wb") as log:
        driver = subprocess.Popen(command, env=cluster.head.environment, stdout=subprocess.PIPE, stderr=log)
    try:
        assert driver.stdout
        assert driver.stdout.readline() == b"now\n", (tmp_path / "log").read_text()[-3000:]
        other.kill()
        result = json.loads(driver.communicate(timeout=600)[0])
        assert driver.returncode == 0 and result.get("places") == [HEAD, other.address], result
        assert {**result, "places": []} == here
        assert "It is started again." in (tmp_path / "log").read_text()
    finally:
        driver.send_signal(signal.SIGKILL)
