"""TRL's trainers each take a step on the views of a release, with the checkpoint of Abacus."""

import json
import math
import os
import subprocess
from pathlib import Path

import pytest

from catalog.declarations import VIEWS as DECLARED
from tests.trl.corpus import VIEWS, make

pytestmark = pytest.mark.external

ROOT = Path(__file__).parents[2]
RUNS = [
    "sft language", "sft language-chat", "sft completion", "sft completion-chat", "sft mistake-tuning", "sft mistake-tuning-chat", "dpo preference", "dpo preference-chat",
    "dpo step-preference", "dpo mcts-dpo", "dpo supercorrect", "sft self-correction", "sft multi-turn", "kto unpaired", "kto unpaired-chat", "prm stepwise", "prm stepwise-whole",
]  # fmt: skip


@pytest.fixture(scope="module")
def steps(python: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """What each trainer's step came to, in TRL's own environment."""
    folder = tmp_path_factory.mktemp("trl")
    make(str(folder / "store"), 32)
    script, checkpoint = ROOT / "tests" / "trl" / "training.py", ROOT / "tasks" / "engines" / "abacus" / "weights"
    environment = os.environ | {
        "PYTHONPATH": str(ROOT / "catalog"), "HF_HUB_OFFLINE": "1", "TRL_EXPERIMENTAL_SILENCE": "1", "ERRATA_CACHE": str(folder / "cache"),
        "HF_HOME": str(folder / "hf"), "CUDA_VISIBLE_DEVICES": "",
    }  # fmt: skip
    command = [python, str(script), str(folder / "store"), str(checkpoint), str(folder / "out")]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4_000:]
    document: dict[str, dict[str, float]] = json.loads(done.stdout.splitlines()[-1])
    return document


@pytest.mark.parametrize("run", RUNS)
def test_a_trainer_takes_a_step(steps: dict[str, dict[str, float]], run: str) -> None:
    assert math.isfinite(steps[run]["loss"]) and steps[run]["loss"] > 0
    assert math.isfinite(steps[run]["moved"]) and steps[run]["moved"] > 0


def test_every_trainer_and_view_was_tried(steps: dict[str, dict[str, float]]) -> None:
    assert sorted(steps) == sorted(RUNS)
    formats = {name: view["format"] for name, view in VIEWS.items()}
    tried = {(run.split()[0], formats.get(run.split()[1], run.split()[1])) for run in RUNS}
    named = {(view.trl.removesuffix("Trainer").lower(), name) for name, view in DECLARED.shipped.items() if view.trl}
    assert named <= tried, "a view names a trainer that does not read it here"
