"""Gates in a build: a failing one stops the release with words that Prefect's pages show, a relaxed one needs no table anew."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import errata as client
from errata.cli.exit_codes import DONE, FAILED

from flows.planning import plan as planning
from tests import golden
from tests.command import ROOT, SAMPLE, errata, files_of

HERE = Path(__file__).parent
GATES = "\ngates:\n  - {measure: rows, at_least: %d}\n  - {measure: undecided, table: verified, at_most: 0.01, severity: warn}\n"
RUNS = """
import json, sys
from prefect.client.orchestration import get_client
from prefect.artifacts import Artifact
with get_client(sync_client=True) as client:
    runs = client.read_flow_runs()
    print(json.dumps({
        "states": [[run.state.type.value, run.state.message] for run in runs],
        "gates": json.loads(Artifact.get("sample-gates").data),
    }))
"""


def recipe(folder: Path, text: str) -> Path:
    place = folder / "sample.yaml"
    if not (folder / "sample").exists():
        shutil.copytree(ROOT / "catalog" / "recipes" / "sample", folder / "sample")
    place.write_text(SAMPLE.read_text() + text)
    return place


def test_gates_are_of_the_release_alone(tmp_path: Path) -> None:
    def marks(text: str) -> list[str]:
        return [work.fingerprint for work in planning.make_plan(str(recipe(tmp_path, text)), None, str(tmp_path)).jobs]

    without, with_, relaxed, none = marks(""), marks(GATES % 100), marks(GATES % 50), marks("\ngates: []\n")
    assert without[:-1] == with_[:-1] == relaxed[:-1] == none[:-1]
    assert len({without[-1], with_[-1], relaxed[-1], none[-1]}) == 4


def test_a_build_stops_at_a_gate_and_goes_on_when_it_is_relaxed(tmp_path: Path, environment: dict[str, str]) -> None:
    store = tmp_path / "store"
    place = recipe(tmp_path, GATES % 1000)
    failed = errata("build", str(place), "--store", str(store), "--plain", environment=environment)
    assert failed.returncode == FAILED
    assert "Traceback" not in failed.stderr
    text = failed.stderr.replace(str(tmp_path), "PLACE")
    golden.check(HERE / "build-refusal.txt", text[text.index("PLACE/sample.yaml") :])
    assert not (store / "releases").exists()
    before = files_of(store / "tables")
    shown = subprocess.run([sys.executable, "-c", RUNS], env=environment, capture_output=True, text=True, check=True)
    runs = json.loads(shown.stdout)
    ((state, message),) = [run for run in runs["states"] if "found 90, wanted at least 1000" in (run[1] or "")]
    assert state == "FAILED" and "gates[0]" in message
    assert [row["passed"] for row in runs["gates"] if row["expectation"] in ("rows", "undecided")] == ["False", "False"]

    asked = errata("gates", str(place), "--store", str(store), environment=environment)
    assert asked.returncode == FAILED
    golden.check(HERE / "gates-screen.txt", asked.stdout)
    assert all(len(line) <= 80 for line in asked.stdout.split("\n\n")[0].splitlines())

    relaxed = recipe(tmp_path, GATES % 90)
    done = errata("build", str(relaxed), "--store", str(store), "--plain", environment=environment)
    assert done.returncode == DONE, done.stderr
    assert "0 of 6 tables to make" in done.stderr
    assert "warning: verified: undecided: found 0.07368421053, wanted at most 0.01" in done.stderr
    assert files_of(store / "tables") == before
    manifest = client.open_release("sample@0.1.0", str(store)).manifest
    assert [gate["passed"] for gate in manifest["gates"] if gate["declared"] != "contract"] == [True, False]
    shown_ = errata("show", "sample", "--store", str(store), environment=environment).stdout
    assert "undecided" in shown_ and "WARNING" in shown_
    as_json = errata("gates", str(relaxed), "--store", str(store), "--json", environment=environment)
    assert as_json.returncode == DONE and json.loads(as_json.stdout) == manifest["gates"]
