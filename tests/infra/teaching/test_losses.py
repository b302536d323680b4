"""The losses on examples of which they are known, in the environment with torch."""

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

PYTHON = os.environ.get("ERRATA_TEACHING_PYTHON")
ROOT = Path(__file__).parents[3]


@pytest.mark.external
@pytest.mark.skipif(not PYTHON, reason="ERRATA_TEACHING_PYTHON names no Python with infra/teaching/requirements.txt")
def test_losses_are_the_papers() -> None:
    command = [str(PYTHON), "-W", "ignore", "-m", "tests.infra.teaching.known_losses"]
    given = {**os.environ, "PYTHONPATH": str(ROOT)}
    output = subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, timeout=120, check=True)
    total = math.log(3 + math.exp(2))
    assert json.loads(output.stdout) == pytest.approx(
        {
            # -log σ(1) and -log σ(0)
            "margins": (math.log(1 + math.exp(-1)) + math.log(2)) / 2,
            "sft": total - 2,
            "sft, padded": total - 1,
            "dpo, same": math.log(2),
            # both sides moved by 2: the margin is 4, times β = 0.1
            "dpo, better": math.log(1 + math.exp(-0.4)),
            "steps": (math.log(2) + math.log(1 + math.exp(1))) / 2,
        },
        abs=1e-5,
    )
