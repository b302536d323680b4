"""One executor runs the units of a whole build, those of gates and of the release too: in a process of its own, since Prefect's client leaves
sockets open."""

import json
import subprocess
import sys
from pathlib import Path

from tests.command import ROOT
from tests.flows.publishing.test_parted_view import RECIPE

SCRIPT = """
import json, sys
from flows import build as building
from flows.running import process_pool
from tests.flows.running.executors import UnitsHere

class CountedUnits(UnitsHere):
    closed = 0

    def close(self):
        self.closed += 1

process_pool.ROWS_OF_A_RELEASE = 1
process_pool.UnitWorker = None  # no other is to be started
units = CountedUnits()
building.open_unit_executor = lambda on, plan: (units, plan)
building.build(sys.argv[1], store=sys.argv[2])
print(json.dumps({"names": units.names, "closed": units.closed}))
"""


def test_one_executor_runs_the_units_of_tables_gates_and_release(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE)
    lines = (
        json.dumps({"set": "s", "q": f"Question {i}?", "a": "7", "m": "m", "t": "It is 7.", "s": 0}) for i in range(20)
    )
    (tmp_path / "a.jsonl").write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-c", SCRIPT, str(tmp_path / "r.yaml"), str(tmp_path / "store")]
    result = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout.strip().split("\n")[-1])
    kinds = {name.split(",")[0] for name in document["names"]}
    assert {"generations", "kept", "gates of kept", "release"} <= kinds
    assert document["closed"] == 1
