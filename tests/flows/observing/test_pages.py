"""What Prefect's pages have of a build from the command line: its name, log, links and lineage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flows.observing.links import make_link
from tests.flows.deploying.prefect_api import Api, wait
from tests.flows.deploying.test_schedules import GATED, TINY, environment_of, start


def build(folder: Path, url: str, recipe: str, *arguments: str, **more: str) -> tuple[int, str, dict[str, Any]]:
    """Build a recipe; the exit code, what the terminal showed, and the run."""
    (folder / "recipe.yaml").write_text(recipe)
    api = Api(url)
    before = {run["id"] for run in api.post("/flow_runs/filter", {})}
    command = ["build", str(folder / "recipe.yaml"), "--plain", *arguments]
    with start(command, environment_of(folder, url, **more)) as process:
        out, err = process.communicate(timeout=900)
    (run,) = [run for run in api.post("/flow_runs/filter", {}) if run["id"] not in before]
    return process.returncode, out + err, run


def test_a_build_is_named_tagged_logged_and_linked(prefect_url: str, tmp_path: Path) -> None:
    code, _, run = build(tmp_path, prefect_url, TINY, ERRATA_BASE_URL="https://corpora.example.org/store/")
    assert code == 0
    assert (run["name"], sorted(run["tags"])) == ("tiny@1.0.0", ["errata", "tiny"])
    api = Api(prefect_url)
    lines = wait(lambda: text.splitlines() if "Finished" in (text := api.log(run["id"])) else None, 240)
    assert len([line for line in lines if line.startswith("problems: 20 kept, 0 rejected, ")]) == 1
    assert len([line for line in lines if line.startswith("some: ")]) == 1
    assert len(lines) <= 6, lines  # and when the run began, its gates, and how it ended
    shown = api.artifacts(run["id"])
    assert "(https://corpora.example.org/store/releases/tiny/1.0.0)" in shown["tiny-release"]["data"]
    assert "https://corpora.example.org/store/releases/tiny/1.0.0/" in shown["tiny-summary"]["data"]
    assert float(shown["tiny-progress"]["data"]) == 100


def test_a_version_that_is_chosen_later_is_the_name_in_the_end(prefect_url: str, tmp_path: Path) -> None:
    assert build(tmp_path, prefect_url, TINY, "--version", "auto")[2]["name"] == "tiny@1.0.0"
    assert build(tmp_path, prefect_url, TINY.replace("'5'", "'7'"), "--version", "auto")[2]["name"] == "tiny@1.1.0"


def test_why_a_gate_failed_is_one_line(prefect_url: str, tmp_path: Path) -> None:
    code, shown, run = build(tmp_path, prefect_url, GATED)
    assert (code, run["name"], run["state_type"]) == (1, "gated@1.0.0", "FAILED")
    api = Api(prefect_url)
    log = wait(lambda: text if "Finished" in (text := api.log(run["id"])) else None, 240)
    assert "Traceback" not in log + shown
    (line,) = [line for line in log.splitlines() if line.startswith(str(tmp_path)) and "rows: found 14" in line]
    assert "gates[0]: some: rows: found 14, wanted at least 500" in line


def test_each_table_is_an_asset_that_names_what_it_is_made_from(prefect_url: str, tmp_path: Path) -> None:
    recipe = TINY.replace("corpus: tiny", "corpus: lineage")
    assert build(tmp_path, prefect_url, recipe)[0] == 0

    def look() -> dict[str, dict[str, Any]] | None:
        wanted = {"filter": {"event": {"name": ["prefect.asset.materialization.succeeded"]}}, "limit": 50}
        events = Api(prefect_url).post("/events/filter", wanted)["events"]
        made = {event["resource"]["prefect.resource.id"]: event for event in events}
        mine = {key: event for key, event in made.items() if key.startswith("errata://lineage/")}
        return mine if len(mine) == 3 else None

    made = wait(look, 240)
    assert made.keys() == {"errata://lineage/problems", "errata://lineage/some", "errata://lineage/release"}
    related = {key: {each["prefect.resource.id"] for each in event["related"]} for key, event in made.items()}
    assert "errata://lineage/problems" in related["errata://lineage/some"]
    assert "errata://lineage/some" in related["errata://lineage/release"]
    assert made["errata://lineage/problems"]["payload"]["rows"] == 20
    assert made["errata://lineage/release"]["payload"]["version"] == "1.0.0"


@pytest.mark.parametrize(
    ("base", "link"), [("", "file:///s/a"), ("https://x.org/s/", "https://x.org/s/a"), ("javascript:x", "file:///s/a")]
)
def test_links_lead_to_the_base_url_where_one_is_configured(
    base: str, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ERRATA_BASE_URL", base)
    assert make_link("/s", "a") == link
