"""The shipped infra/prefect.yaml against a Prefect server: `errata deploy` and `errata serve` mean the same by it."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

from flows.deploying.spec import FILE, read_deployments
from tests.flows.deploying.prefect_api import Api, wait
from tests.flows.deploying.test_schedules import TINY, environment_of, start

SAME = ("parameters", "tags", "description", "paused", "concurrency_options", "enforce_parameter_schema")
MORE = """
  - name: second
    entrypoint: flows/store_digest.py:weekly
    enforce_parameter_schema: true
    parameters: {days: 7}
    concurrency_limit: {limit: 2, collision_strategy: ENQUEUE}
    schedules:
      - {cron: "0 6 13 * 5", day_or: false, timezone: Europe/Berlin, slug: thirteenth, parameters: {days: 1}}
      - {interval: 3600, active: false}
    work_pool: {name: cpu}
"""


def look_up(api: Api, names: list[str]) -> dict[str, dict[str, Any]]:
    """What a server knows of deployments, but for what differs between any two of them."""
    result = {}
    for name in names:
        deployment = api.get(f"/deployments/name/{name}")
        limit = deployment["global_concurrency_limit"]
        schedules = [
            {key: entry[key] for key in ("active", "parameters", "slug")}
            | {key: value for key, value in entry["schedule"].items() if key != "anchor_date"}
            for entry in sorted(deployment["schedules"], key=lambda entry: str(entry["schedule"]))
        ]
        same = {key: deployment[key] for key in SAME}
        result[name] = same | {"limit": limit and limit["limit"], "schedules": schedules}
    return result


def test_served_and_deployed_they_mean_the_same(prefect_url: str, tmp_path: Path) -> None:
    file, api = tmp_path / "prefect.yaml", Api(prefect_url)
    file.write_text(FILE.read_text() + MORE)
    environment = environment_of(tmp_path, prefect_url)
    names = [deployment.full_name for deployment in read_deployments(str(file)).deployments]
    with start(["serve", "--file", str(file)], environment) as serving:
        try:
            wait(lambda: serving.poll() is not None or _knows(api, names), 300)
            assert serving.poll() is None, serving.communicate()[1]
            served = look_up(api, names)
        finally:
            serving.send_signal(signal.SIGINT)
            assert "Traceback" not in serving.communicate(timeout=300)[1]
    for name in names:  # as `serve` leaves them when it ends
        api.patch(f"/deployments/{api.get(f'/deployments/name/{name}')['id']}", {"paused": True})
    with start(["deploy", "--file", str(file)], environment) as deploying:
        out, err = deploying.communicate(timeout=600)
    assert deploying.returncode == 0, out + err
    assert look_up(api, names) == served
    assert served["build/nightly"]["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    first, second = served["weekly/second"]["schedules"]
    assert (first["day_or"], first["parameters"], first["slug"]) == (False, {"days": 1}, "thirteenth")
    assert (second["interval"], second["active"]) == (3600, False)


def _knows(api: Api, names: list[str]) -> bool:
    try:
        return all(api.get(f"/deployments/name/{name}") for name in names)
    except Exception:  # not all are there yet
        return False


def test_two_late_weekly_reports_tell_two_weeks(prefect_url: str, tmp_path: Path) -> None:
    file, api = tmp_path / "prefect.yaml", Api(prefect_url)
    file.write_text(FILE.read_text().replace("- name: report", "- name: late"))
    environment = environment_of(tmp_path, prefect_url, PREFECT_RUNNER_POLL_FREQUENCY="2")
    (tmp_path / "tiny.yaml").write_text(TINY)
    with start(["serve", "late", "--file", str(file)], environment) as serving:
        try:
            wait(lambda: serving.poll() is not None or _knows(api, ["weekly/late"]), 300)
            deployment = api.get("/deployments/name/weekly/late")["id"]
            runs = [_schedule_run(api, deployment, when) for when in ("2026-03-02T06:00:00Z", "2026-03-09T06:00:00Z")]
            assert [api.ended(run)["state_type"] for run in runs] == ["COMPLETED", "COMPLETED"]
        finally:
            serving.send_signal(signal.SIGINT)
            serving.communicate(timeout=300)
    pages = [api.artifacts(run)["weekly-report"]["data"] for run in runs]
    assert "2026-02-23 to 2026-03-02" in pages[0]
    assert "2026-03-02 to 2026-03-09" in pages[1]


def _schedule_run(api: Api, deployment: str, when: str) -> str:
    body = {"state": {"type": "SCHEDULED", "state_details": {"scheduled_time": when}}}
    return str(api.post(f"/deployments/{deployment}/create_flow_run", body)["id"])


def run_build(folder: Path, url: str, recipe: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Build a recipe from the command line."""
    (folder / "recipe.yaml").write_text(recipe)
    with start(["build", str(folder / "recipe.yaml"), "--plain"], environment_of(folder, url, **more)) as process:
        out, err = process.communicate(timeout=900)
    return subprocess.CompletedProcess([], process.returncode, out, err)
