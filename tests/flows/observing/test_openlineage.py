"""OpenLineage events of tables, through the official client, to a file and to an HTTP endpoint."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.observing.openlineage import Lineage, is_enabled
from flows.planning import plan as planning
from flows.planning.plan import TableJob
from flows.running.run_plan import ThreadExecutor, materialize_generation
from tests.loopback import Handler, serve

RECIPE = """\
corpus: tiny
version: 0.1.0
title: T
license: MIT
tables:
  problems: {task: world, count: 20}
  some: {task: select, from: problems, where: "answer < '5'"}
  release: {task: release, from: some}
"""


@pytest.fixture
def works(tmp_path: Path) -> tuple[TableJob, TableJob]:
    """Two tables to be made, one of the other."""
    (tmp_path / "tiny.yaml").write_text(RECIPE)
    plan = planning.make_plan(str(tmp_path / "tiny.yaml"), None, str(tmp_path / "store"))
    return plan.jobs[0], plan.jobs[1]


def run_tables(works: tuple[TableJob, TableJob]) -> None:
    """Make the first table, and fail at another of the same name as the second."""
    lineage = Lineage.of("tiny")
    with ThreadExecutor(1) as executor:
        materialize_generation([works[0]], executor, [lineage])
    lineage.begin(works[1])
    lineage.fail(works[1], RuntimeError("no space left"))


def assert_told(events: list[dict[str, Any]], works: tuple[TableJob, TableJob]) -> None:
    """Check what was told."""
    assert [(event["eventType"], event["job"]["namespace"], event["job"]["name"]) for event in events] == [
        ("START", "tiny", "problems"), ("COMPLETE", "tiny", "problems"), ("START", "tiny", "some"), ("FAIL", "tiny", "some"),
    ]  # fmt: skip
    start, complete, second, failed = events
    assert start["run"]["runId"] == complete["run"]["runId"] != second["run"]["runId"] == failed["run"]["runId"]
    (output,) = complete["outputs"]
    assert [field["name"] for field in output["facets"]["schema"]["fields"]] == list(works[0].contract.names())
    assert output["outputFacets"]["outputStatistics"]["rowCount"] == 20
    assertions = output["facets"]["dataQualityAssertions"]["assertions"]
    assert {"assertion": "unique", "success": True, "column": "problem_id"}.items() <= assertions[0].items()
    assert (assertions[-1]["expected"], assertions[-1]["actual"]) == ("20 in", "20 kept + 0 rejected")
    assert second["inputs"][0]["namespace"] == output["namespace"] == f"file://{Path(works[0].store).resolve()}"
    assert second["inputs"][0]["name"] == output["name"] == f"tables/world-{works[0].fingerprint}"
    assert failed["run"]["facets"]["errorMessage"]["message"] == "RuntimeError: no space left"


def test_events_reach_a_file(works: tuple[TableJob, TableJob], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(tmp_path / "events.jsonl"))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    run_tables(works)
    assert_told([json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()], works)


@pytest.fixture
def endpoint() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An HTTP endpoint on loopback, and what it was sent."""
    events: list[dict[str, Any]] = []

    class Endpoint(Handler):
        def do_POST(self) -> None:
            assert self.path == "/api/v1/lineage"
            events.append(json.loads(self.read_body()))
            self.send_response(201)
            self.end_headers()

    with serve(Endpoint) as url:
        yield url, events


def test_events_reach_an_endpoint(
    works: tuple[TableJob, TableJob], endpoint: tuple[str, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENLINEAGE_URL", endpoint[0])
    run_tables(works)
    assert_told(endpoint[1], works)


def test_a_build_does_not_depend_on_who_listens(
    works: tuple[TableJob, TableJob], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name, value in {"TYPE": "http", "URL": "http://127.0.0.1:1", "RETRY": '{"total": 0}'}.items():
        monkeypatch.setenv(f"OPENLINEAGE__TRANSPORT__{name}", value)
    run_tables(works)
    assert "OpenLineage: START problems was not told" in caplog.text


def test_nothing_is_told_where_nobody_asked(works: tuple[TableJob, TableJob], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("OPENLINEAGE")]:
        monkeypatch.delenv(name)
    assert Lineage.of("tiny").client is None
    run_tables(works)
    assert not is_enabled({"PATH": "x"}) and not is_enabled({"OPENLINEAGE_URL": "x", "OPENLINEAGE_DISABLED": "true"})
