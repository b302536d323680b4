"""A whole build on a store in memory: in a process of its own, since Prefect's client leaves sockets open."""

import json
import subprocess
import sys

from tests.command import ROOT, SAMPLE

SCRIPT = """
import json, sys
import errata
from flows.build import build
from prefect.artifacts import Artifact

store = "memory://shelf/store"
link = build(sys.argv[1], store=store)
again = build(sys.argv[1], store=store)
print(json.dumps({
    "link": link, "again": again,
    "rows": errata.load("sample", store=store).num_rows, "faults": errata.open_release("sample@0.1.0", store).faults(),
    "funnel": Artifact.get("sample-funnel").data, "release": Artifact.get("sample-release").data,
}))
"""


def test_a_build_on_a_store_in_memory_leaves_release_and_artifacts(environment: dict[str, str]) -> None:
    command = [sys.executable, "-c", SCRIPT, str(SAMPLE)]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout.strip().split("\n")[-1])
    assert document["link"] == document["again"]
    assert document["link"].endswith("shelf/store/releases/sample/0.1.0")
    assert document["rows"] == 90
    assert document["faults"] == []
    assert [row["table"] for row in json.loads(document["funnel"]) if row["task"]] == [
        "generations",
        "trusted",
        "steps",
        "verified",
        "wrong",
        "mistakes",
    ]
    assert document["link"] in document["release"]
