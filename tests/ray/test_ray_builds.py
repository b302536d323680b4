"""Builds on two nodes: the same tables as this machine alone makes, whatever is killed, and clear errors before work begins."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import golden
from tests.command import files_of
from tests.flows.running.test_table import make, row
from tests.ray.cluster import PORT, PYTHON, Cluster, Node
from tests.ray.conftest import S3_PORT

pytestmark = pytest.mark.external
FILES, ROWS = 2, 6000


@pytest.fixture(scope="module")
def nodes(cluster: Cluster) -> tuple[Node, Node]:
    return cluster.head, cluster.revive()


@pytest.fixture(scope="module")
def folder(nodes: tuple[Node, Node]) -> Iterator[Path]:
    """The recipe and its sources, which the head alone sees."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        rows = [
            [
                row(f"{i}. {i} + {file} = {i + file}\nThe answer is {i}.", f"How many? {i % 70}", f"m{file}")
                for i in range(ROWS)
            ]
            for file in range(FILES)
        ]
        make(path, rows[0], rows[1])
        nodes[1].hide(path)
        yield path


class Builder:
    """Runs `tests.ray.drive` on the head of a cluster whose nodes share an object store."""

    def __init__(self, head: Node, folder: Path) -> None:
        self.head, self.folder = head, folder
        self.place = f"ray://{head.address}:{PORT}"

    def command(self, what: str, *arguments: str) -> list[str]:
        return [PYTHON, "-m", "tests.ray.drive", what, *arguments]

    def run(self, what: str, *arguments: str) -> dict[str, Any]:
        result = self.head.run(*self.command(what, *arguments))
        assert result.returncode == 0, result.stderr[-4000:]
        return dict(json.loads(result.stdout.splitlines()[-1]))

    def make_tables(self, store: str, place: str | None = None) -> dict[str, Any]:
        return self.run("tables", str(self.folder / "r.yaml"), store, place or self.place)

    def begin(self, store: str) -> subprocess.Popen[bytes]:
        command = self.head.enter(self.command("tables", str(self.folder / "r.yaml"), store, self.place))
        return subprocess.Popen(command, env=self.head.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(scope="module")
def builder(nodes: tuple[Node, Node], folder: Path) -> Iterator[Builder]:
    head = nodes[0]
    command = [sys.executable, "-m", "moto.server", "-H", "0.0.0.0", "-p", str(S3_PORT)]
    server = subprocess.Popen(head.enter(command), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    code = "import s3fs, time\nfor _ in range(300):\n  try: s3fs.S3FileSystem().mkdir('errata'); break\n  except Exception: time.sleep(0.5)\nelse: raise SystemExit('no server')"
    try:
        assert head.run(PYTHON, "-c", code).returncode == 0
        yield Builder(head, folder)
    finally:
        server.kill()
        server.wait(60)


@pytest.fixture(scope="module")
def here(builder: Builder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What processes of one machine make."""
    store = str(tmp_path_factory.mktemp("here"))
    return builder.make_tables(store, "local")


def wait_for_units(node: Node, besides: subprocess.Popen[bytes]) -> list[int]:
    """The processes of a node that are at work on a unit, as soon as there is one."""
    until = time.monotonic() + 600
    while not (workers := node.list_processes("ray::run")):
        assert time.monotonic() < until and besides.poll() is None, besides.communicate()
        time.sleep(0.02)
    return workers


def test_what_two_nodes_make_is_what_one_machine_makes(builder: Builder, here: dict[str, Any]) -> None:
    """Sources that only the head sees are staged; progress comes from afar."""
    result = builder.make_tables("s3://errata/both")
    assert result["files"] == here["files"]
    assert any("/parts/compacted-" in path for path in here["files"]), "files are put together on nodes, too"
    assert (result["rows"], result["kept"]) == (here["rows"], here["kept"])
    assert result["where"] == (
        f"units run on {builder.place}: 2 nodes with 2 processors; 2 sources would be copied into the store, which not all nodes see"
    )


def test_errors_keep_class_message_and_cause(builder: Builder) -> None:
    result = builder.run("fail", str(builder.folder / "r.yaml"), "s3://errata/fail", builder.place)
    assert (result["error"], result["cause"]) == ("a.jsonl: cannot be read", "OSError(28, 'No space left on device')")
    assert "tests/ray/drive.py" in result["notes"], "where it was raised is not told"
    assert result["unread"] == (
        "t, unit 1: could not be begun on the cluster (ModuleNotFoundError: No module named 'of'); "
        "install the same commit and lock on its nodes"
    )


def test_what_nodes_cannot_reach_is_an_error_before_work_begins(builder: Builder, nodes: tuple[Node, Node]) -> None:
    texts = [builder.make_tables(store)["error"] for store in (str(builder.folder / "store"), "memory://x")]
    text = "\n".join(texts).replace(str(builder.folder), "FOLDER").replace(nodes[1].address, "OTHER")
    golden.check(Path(__file__).with_name("unreachable.txt"), text + "\n")


REPLICATED = """\
corpus: replicated
version: 0.1.0
title: T
license: Apache-2.0
seed: 1
models: {pupil: {engine: abacus, replicas: 2}}
tables:
  problems: {task: world, count: 30}
  solutions: {task: generate, from: problems, models: [pupil], sampling: [{temperature: 1.0, samples: 3}], prompt: abacus-solve}
  steps: {task: split, from: solutions}
  verified: {task: verify, from: steps}
  release: {task: release, from: verified, splits: {train: 0.5, test: 0.5}}
"""


def test_a_whole_build_by_replicas_on_two_nodes_is_that_of_one_machine(builder: Builder, tmp_path: Path) -> None:
    """Tables, gates and release, as users start them."""
    (tmp_path / "r.yaml").write_text(REPLICATED)
    for store, *place in (("here",), ("nodes", "--on", builder.place)):
        command = [
            "-c",
            "from errata.cli import run_command; raise SystemExit(run_command())",
            "build",
            str(tmp_path / "r.yaml"),
            "--store",
            str(tmp_path / store),
            *place,
        ]
        result = builder.head.run(PYTHON, *command)
        assert result.returncode == 0, result.stderr[-3000:]
        assert "released replicated 0.1.0: 90 rows of verified" in result.stdout, result.stdout[-3000:]
    here, nodes = ({path: data for path, data in files_of(tmp_path / store).items() if path.endswith((".parquet", ".jsonl"))}
                   for store in ("here", "nodes"))  # fmt: skip
    tables = {path for path in here if not path.startswith("ledger")}
    assert len(tables) > 4
    assert {path: nodes.get(path) for path in tables} == {path: here[path] for path in tables}


@pytest.mark.parametrize("who", ["worker", "driver", "node"])
def test_whatever_is_killed_the_tables_are_the_same(
    who: str, builder: Builder, here: dict[str, Any], nodes: tuple[Node, Node]
) -> None:
    """The node comes last: it does not come back."""
    store, other = f"s3://errata/{who}", nodes[1]
    driver = builder.begin(store)
    workers = wait_for_units(other, driver)
    if who == "node":
        other.kill()
    else:
        # the driver is a child of `nsenter`, which ends as it does
        children = Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text()
        os.kill(workers[0] if who == "worker" else int(children), signal.SIGKILL)
    out, error = driver.communicate(timeout=600)
    if who == "driver":
        assert driver.returncode == -signal.SIGKILL
        result = builder.make_tables(store)
    else:
        assert driver.returncode == 0, error[-3000:]
        result = json.loads(out.splitlines()[-1])
    assert result.get("files") == here["files"], result
