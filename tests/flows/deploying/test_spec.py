"""The file of deployments: what ships is sound, and what users get wrong is told, golden."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from errata.cli.command import main

from flows.deploying.spec import FILE, read_deployments
from schemas.recipe.document import RecipeError
from tests import golden
from tests.command import errata

ERRORS = Path(__file__).parent / "deployment-errors.txt"
BAD = {
    "not yaml": "deployments: [",
    "no deployments": "name: x\n",
    "no name": "deployments:\n  - {entrypoint: flows/build.py:build, work_pool: {name: cpu}}\n",
    "bad cron": "  - name: a\n    schedules: [{cron: 61 * * * *}]\n",
    "cron of words": "  - name: a\n    schedules: [{cron: every night}]\n",
    "bad zone": '  - name: a\n    schedules: [{cron: "0 2 * * *", timezone: Mars/Phobos}]\n',
    "bad interval": "  - name: a\n    schedules: [{interval: -5}]\n",
    "bad rrule": "  - name: a\n    schedules: [{rrule: sometimes}]\n",
    "two schedules in one": '  - name: a\n    schedules: [{cron: "0 2 * * *", interval: 5}]\n',
    "unknown parameter": "  - name: a\n    parameters: {recipe: r.yaml, modles: {}}\n",
    "misspelt keys": (
        "  - name: a\n    concurrency_limt: 1\n    schedules: [{cron: 0 2 * * *, timezon: UTC}]\n"
        "    concurrency_limit: {limit: 1, colision_strategy: ENQUEUE}\n"
    ),
    "misspelt keys around": "deployment: []\ndefinitions: {work_pools: {cpu: {type: process, concurrency_limt: 2}}}\ndeployments: []\n",
    "types": "  - name: a\n    parameters: {recipe: [r.yaml], retries: two, publish: 1}\n    tags: {a: b}\n    paused: perhaps\n",
    "types of a schedule": (
        "  - name: a\n    parameters: {recipe: r.yaml}\n"
        "    schedules: [{cron: 0 2 * * *, active: [], parameters: {retries: two, vresion: auto}}, {cron: 0 2 * * *, day_or: 7}]\n"
    ),
    "limits": "  - name: a\n    concurrency_limit: {limit: 1}\n",
    "no limit": "  - name: a\n    concurrency_limit: none\n",
    "no such strategy": "  - name: a\n    concurrency_limit: {limit: 1, collision_strategy: CANCEL_OLD}\n",
    "a schedule without a recipe": "  - name: a\n    schedules: [{interval: 60}]\n",
    "one schedule": "  - name: a\n    schedule: {interval: 60}\n",
    "no such flow": "  - name: a\n    entrypoint: flows/biuld.py:build\n",
    "outside": "  - name: a\n    entrypoint: ../elsewhere.py:build\n",
    "no such function": "  - name: a\n    entrypoint: flows/build.py:biuld\n",
}


def written(text: str, folder: Path) -> str:
    """A file of deployments; what it leaves out is added."""
    if text.startswith("  - "):
        text = f"deployments:\n{text}    work_pool: {{name: cpu}}\n"
        text += "" if "entrypoint" in text else "    entrypoint: flows/build.py:build\n"
    (folder / "prefect.yaml").write_text(text)
    return str(folder / "prefect.yaml")


def test_what_ships_is_sound() -> None:
    result = {deployment.name: deployment for deployment in read_deployments(str(FILE)).deployments}
    assert {name: (item.full_name, item.pool) for name, item in result.items()} == {
        "nightly": ("build/nightly", "cpu"), "checkpoint": ("build/checkpoint", "gpu"), "report": ("weekly/report", "cpu"),
    }  # fmt: skip
    assert [schedule["schedule"].cron for schedule in result["nightly"].schedules] == ["0 2 * * *"]
    assert not result["checkpoint"].schedules
    assert result["report"].schedules[0]["schedule"].cron == "0 6 * * 1"
    assert read_deployments(str(FILE)).pools["gpu"]["concurrency_limit"] == 1
    assert result["nightly"].declared["parameters"]["retries"] == 2


def test_what_a_schedule_says_is_kept(tmp_path: Path) -> None:
    says = "{cron: 0 2 * * *, day_or: false, active: false, slug: s, parameters: {recipe: r.yaml, retries: 3}}"
    text = f"  - name: a\n    schedules: [{says}, {{interval: 60}}]\n    parameters: {{recipe: q.yaml}}\n"
    (deployment,) = read_deployments(written(text, tmp_path)).deployments
    (cron, interval) = deployment.schedules
    assert (cron["active"], cron["slug"], cron["parameters"]) == (False, "s", {"recipe": "r.yaml", "retries": 3})
    assert (cron["schedule"].day_or, interval["schedule"].interval.total_seconds()) == (False, 60)
    assert deployment.shown == ("cron 0 2 * * * (not active)", "interval 60")


def test_what_only_workers_do_is_not_served(tmp_path: Path) -> None:
    file = written("  - name: a\n    parameters: {recipe: r.yaml}\n    triggers: [{enabled: true}]\n", tmp_path)
    deployments = read_deployments(file)
    with pytest.raises(RecipeError, match=r"prefect.yaml:4: deployments\[0\].triggers: is done by workers alone"):
        deployments.refuse_unserved(deployments.chosen([]))


def test_every_fault_of_a_file_is_told(tmp_path: Path) -> None:
    texts = []
    for name, text in BAD.items():
        with pytest.raises(RecipeError) as caught:
            read_deployments(written(text, tmp_path))
        texts.append(f"{name}\n    {caught.value}".replace(f"{tmp_path}/", ""))
    with pytest.raises(RecipeError) as caught:
        read_deployments(str(tmp_path / "none.yaml"))
    texts.append(f"no file\n    {caught.value}".replace(f"{tmp_path}/", ""))
    with pytest.raises(RecipeError) as caught:
        read_deployments(str(FILE)).chosen(["nigthly"])
    texts.append(f"no such deployment\n    {caught.value}".replace(str(FILE), "infra/prefect.yaml"))
    golden.check(ERRORS, "\n".join(texts) + "\n")


@pytest.mark.parametrize("verb", ["deploy", "serve"])
def test_without_a_server_one_line_says_what_to_do(verb: str, environment: dict[str, str], tmp_path: Path) -> None:
    result = errata(verb, "nightly", environment={**environment, "PREFECT_API_URL": "http://127.0.0.1:9/api"})
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "http://127.0.0.1:9/api: no Prefect server answers there; start one (make server), or correct PREFECT_API_URL\n"
    )


def test_a_pool_that_nobody_declares_is_told(environment: dict[str, str], tmp_path: Path) -> None:
    file = written("  - name: a\n    parameters: {recipe: r.yaml}\n", tmp_path).replace("cpu", "cpuu")
    Path(file).write_text(Path(file).read_text().replace("cpu", "gpuu"))
    result = errata("deploy", "--file", file, environment=environment)
    assert result.returncode == 2, result.stderr
    url = environment["PREFECT_API_URL"]
    assert result.stderr.startswith(
        f"{file}:4: deployments[0].work_pool.name: no work pool 'gpuu' on {url}, nor under definitions.work_pools; "
    )


def test_serving_what_is_not_declared_is_told(capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> None:
    assert main(["serve", "nightyl"]) == 2
    assert "deployments: no 'nightyl'; did you mean 'nightly'?" in capsys.readouterr().err
    assert "prefect" in sys.modules
