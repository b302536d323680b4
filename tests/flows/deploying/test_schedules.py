"""Schedules for real: a Prefect server on loopback, a worker of a process pool, deployments, a cron that fires.

All runs of this file together take two to four minutes.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.command import ROOT, files_of
from tests.flows.deploying.prefect_api import Api, wait

TINY = """\
corpus: tiny
version: 1.0.0
title: T
license: MIT
tables:
  problems: {task: world, count: 20}
  some: {task: select, from: problems, where: "answer < '5'"}
  release: {task: release, from: some}
"""
LONG = """\
corpus: long
version: 1.0.0
title: T
license: MIT
models:
  small: {engine: abacus}
tables:
  problems: {task: world, count: 500}
  solutions: {task: generate, from: problems, models: [small], sampling: [{temperature: 0.7, samples: 4}]}
  release: {task: release, from: solutions}
"""
LYING = TINY.replace("version: 1.0.0", "version: 1.0.1").replace("'5'", "'7'")
GATED = TINY.replace("corpus: tiny", "corpus: gated").replace(
    "tables:", "gates:\n  - {measure: rows, table: some, at_least: 500}\ntables:"
)
REFUSED = {
    "gated": (GATED, "gates[0]: some: rows: found 14, wanted at least 500"),
    "lying": (LYING, "1.0.1 after 1.0.0 means the same rows (PATCH), but this is MINOR"),
}
"""Builds that are stopped at their release, and what is said of them."""
REFUSED_NAMES = {"gated": "gated@1.0.0", "lying": "tiny@1.0.1"}
DEPLOYMENTS = """\
definitions:
  work_pools:
    tested: {{type: process, concurrency_limit: 1}}
deployments:
  - name: asked
    entrypoint: flows/build.py:build
    parameters: {{recipe: {tiny}}}
    work_pool: {{name: tested}}
  - name: minutely
    entrypoint: flows/build.py:build
    parameters: {{recipe: {tiny}, version: auto}}
    paused: true
    schedules:
      - {{cron: "* * * * *", timezone: UTC}}
    work_pool: {{name: tested}}
"""


class Place:
    """What the tests of this file share."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder, self.api, self.store = folder, Api(url), folder / "store"
        self.began, self.told = time.time(), list[bytes]()

    def recipe(self, name: str, text: str) -> str:
        """Write a recipe; its path."""
        (self.folder / name).write_text(text)
        return str(self.folder / name)


def environment_of(folder: Path, url: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ERRATA_", "PREFECT_"))}
    paths = f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"
    settings = {"PREFECT_API_URL": url, "PREFECT_HOME": str(folder / "home"), "PYTHONPATH": paths}
    return {**kept, **settings, "ERRATA_STORE": str(folder / "store"), "ERRATA_CACHE": str(folder / "cache"), **more}


@pytest.fixture(scope="module")
def webhook() -> Iterator[tuple[str, list[bytes]]]:
    """A URL that keeps what it is told."""
    messages: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            messages.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/hook-of-ours", messages
        server.shutdown()


@pytest.fixture(scope="module")
def place(
    prefect_url: str, webhook: tuple[str, list[bytes]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Deployments, and a worker that runs them."""
    folder = tmp_path_factory.mktemp("scheduled")
    result = Place(folder, prefect_url)
    file = folder / "prefect.yaml"
    file.write_text(DEPLOYMENTS.format(tiny=result.recipe("tiny.yaml", TINY)))
    environment = environment_of(folder, prefect_url, ERRATA_WEBHOOK=webhook[0], PREFECT_WORKER_QUERY_SECONDS="2")
    with start(["deploy", "--file", str(file)], environment) as deploying:
        out, err = deploying.communicate(timeout=900)
    assert deploying.returncode == 0, out + err
    assert "build/minutely  tested  cron * * * * * timezone UTC" in out
    assert "made work pool tested" in out
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", "tested"]
    with open(folder / "worker.log", "wb") as log:
        worker = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder)
        result.told = webhook[1]
        try:
            yield result
        finally:
            worker.terminate()
            worker.wait(300)


def test_a_deployment_runs_to_completion_and_its_page_tells_all(place: Place) -> None:
    run = place.api.start("build/asked", {"store": str(place.folder / "other")})
    ended = place.api.ended(run)
    assert (ended["state_type"], ended["name"]) == ("COMPLETED", "tiny@1.0.0"), ended["state"]["message"]
    folder = place.folder / "other" / "releases" / "tiny" / "1.0.0"
    manifest = json.loads((folder / "manifest.json").read_text())
    shown = place.api.artifacts(run)
    assert set(shown) >= {"tiny-progress", "tiny-funnel", "tiny-release", "tiny-report", "tiny-summary"}
    assert float(shown["tiny-progress"]["data"]) == 100
    assert shown["tiny-progress"]["description"] == "2 of 2 tables are complete"
    rows = json.loads(shown["tiny-funnel"]["data"])
    tables = [row for row in rows if not row["table"].startswith("↳")]
    assert [(row["table"], row["in"], row["kept"], row["rejected"]) for row in tables] == [
        (step["table"], step["rows_in"], step["kept"], step["rejected"]) for step in manifest["funnel"]
    ]
    assert sum(row["rejected"] for row in rows if row not in tables) == sum(row["rejected"] for row in tables)
    paths = [file["path"] for file in manifest["files"]]
    report = "report.html" if "report.html" in paths else "README.md"
    assert f"(file://{folder}/{report})" in shown["tiny-report"]["data"]
    assert f"(file://{folder})" in shown["tiny-release"]["data"]
    assert str(folder) in shown["tiny-summary"]["data"]
    assert {unit["name"] for unit in place.api.units(run)} == {
        "problems 00000", "problems finish", "some 00000", "some finish", "gates", "release",
    }  # fmt: skip
    wait(lambda: "some: " in place.api.log(run), 240)  # a run's last lines come after its state


@pytest.mark.parametrize("name", REFUSED)
def test_a_build_that_is_refused_marks_its_run_failed_says_why_and_is_told(place: Place, name: str) -> None:
    text, result = REFUSED[name]
    store, before = place.folder / "other", len(place.told)
    run = place.api.start("build/asked", {"recipe": place.recipe(f"{name}.yaml", text), "store": str(store)})
    ended = place.api.ended(run)
    assert (ended["state_type"], ended["name"]) == ("FAILED", REFUSED_NAMES[name])
    assert result in ended["state"]["message"]
    assert [path.parent.name for path in store.glob("releases/*/*/manifest.json")] == ["1.0.0"]
    assert [key for key in place.api.artifacts(run) if key.endswith("-funnel")]  # all is left for a look
    wait(lambda: len(place.told) > before, 240)
    assert [json.loads(item).keys() for item in place.told[before:]] == [{"text"}]
    assert result in json.loads(place.told[before])["text"]
    assert "hook-of-ours" not in place.api.log(run) + (place.folder / "worker.log").read_text()


def test_a_cancelled_run_leaves_nothing_half_done_and_the_next_goes_on(place: Place) -> None:
    store = place.folder / "cancelled"
    given = {"recipe": place.recipe("long.yaml", LONG), "store": str(store)}
    run = place.api.start("build/asked", given)
    wait(lambda: list((store / "ledger").rglob("*.parquet")), 600)
    place.api.post(f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
    assert place.api.ended(run)["state_type"] == "CANCELLED"
    wait(lambda: all(unit["state_type"] in ("COMPLETED", "CANCELLED") for unit in place.api.units(run)), 120)
    assert not list(store.glob("releases/*/*"))
    assert not list(store.glob("tables/generate-*/manifest.json"))
    known = {path: data for path, data in files_of(store).items() if path.startswith("tables/world")}
    again = place.api.start("build/asked", given)
    ended = place.api.ended(again, 900)
    assert ended["state_type"] == "COMPLETED", ended["state"]["message"]
    assert known.items() <= files_of(store).items()
    manifest = json.loads((store / "releases" / "long" / "1.0.0" / "manifest.json").read_text())
    assert manifest["funnel"][1]["rows_in"] == 2000
    assert " 0 of them in the ledger" not in place.api.log(again)


def test_a_cron_fires(place: Place) -> None:
    def completed() -> list[dict[str, Any]]:
        runs = place.api.runs("build/minutely")
        return [run for run in runs if run["auto_scheduled"] and run["state_type"] == "COMPLETED"]

    deployment = place.api.get("/deployments/name/build/minutely")
    place.api.patch(f"/deployments/{deployment['id']}", {"paused": False})
    (first, *_) = sorted(wait(completed, 600), key=lambda run: run["expected_start_time"])
    place.api.patch(f"/deployments/{deployment['id']}", {"paused": True})
    assert first["expected_start_time"].endswith(":00Z") or ":00." in first["expected_start_time"]
    assert (place.store / "releases" / "tiny" / "1.0.0" / "manifest.json").exists()


def start(arguments: list[str], environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "errata.cli", *arguments]
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def interrupted(folder: Path, url: str, number: int) -> str:
    """Start a build and send it a signal when it is at work; the id of its run."""
    environment, api = environment_of(folder, url), Api(url)
    (folder / "long.yaml").write_text(LONG)
    before = {run["id"] for run in api.post("/flow_runs/filter", {})}
    with start(["build", str(folder / "long.yaml"), "--plain"], environment) as build:
        wait(lambda: list((folder / "store").glob("tables/*/receipts")) or build.poll() is not None, 600)
        assert build.poll() is None, build.communicate()[1]
        build.send_signal(number)
        build.communicate(timeout=300)
    (run,) = [
        run for run in api.post("/flow_runs/filter", {}) if run["id"] not in before and run["name"] == "long@1.0.0"
    ]
    return str(run["id"])


def test_an_interrupted_build_is_recorded_as_cancelled(prefect_url: str, tmp_path: Path) -> None:
    run = interrupted(tmp_path, prefect_url, signal.SIGINT)
    result = Api(prefect_url).get(f"/flow_runs/{run}")
    assert (result["state_type"], result["state"]["message"]) == ("CANCELLED", "interrupted; start it again to go on")


def test_a_killed_build_is_recorded_as_crashed_by_the_next(prefect_url: str, tmp_path: Path) -> None:
    api = Api(prefect_url)
    run = interrupted(tmp_path, prefect_url, signal.SIGKILL)
    assert api.get(f"/flow_runs/{run}")["state_type"] == "RUNNING"
    (tmp_path / "tiny.yaml").write_text(TINY)
    with start(["build", str(tmp_path / "tiny.yaml")], environment_of(tmp_path, prefect_url)) as other:
        assert other.communicate(timeout=600) and other.returncode == 0
    result = api.get(f"/flow_runs/{run}")
    assert result["state_type"] == "CRASHED"
    assert result["state"]["message"] == "the process of this run is gone; start it again to go on"
    assert {unit["state_type"] for unit in api.units(run)} <= {"COMPLETED", "CRASHED"}


def test_errata_serve_runs_a_schedule_without_a_pool_until_it_is_ended(prefect_url: str, tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    file = tmp_path / "prefect.yaml"
    text = (
        DEPLOYMENTS.format(tiny=tmp_path / "tiny.yaml").replace("minutely", "served").replace("    paused: true\n", "")
    )
    file.write_text(text.replace('cron: "* * * * *"', "interval: 5"))
    arguments = ["serve", "served", "--file", str(file), "--store", str(tmp_path / "store")]
    environment = environment_of(tmp_path, prefect_url, PREFECT_RUNNER_POLL_FREQUENCY="2")
    api = Api(prefect_url)

    def completed(process: subprocess.Popen[str]) -> Callable[[], bool]:
        def look() -> bool:
            assert process.poll() is None, process.communicate()[1]
            try:
                return any(run["state_type"] == "COMPLETED" for run in api.runs("build/served"))
            except Exception:  # it is not there yet
                return False

        return look

    with start(arguments, environment) as process:
        try:
            wait(completed(process), 600)
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=300)
    assert (tmp_path / "store" / "releases" / "tiny" / "1.0.0" / "manifest.json").exists()
    assert "build/served  interval 5 timezone UTC" in out
    assert "Traceback" not in err
    assert api.get("/deployments/name/build/served")["paused"]
