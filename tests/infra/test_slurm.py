"""The script for Slurm, run by bash with stand-ins for Slurm's and Ray's programs that take down what they are asked."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.command import ROOT
from tests.flows.deploying.prefect_api import wait

SCRIPT = ROOT / "infra" / "slurm" / "build.sbatch"
PROGRAMS = {
    "scontrol": '[ "$1" != show ] || printf "%s\\n" node-a node-b node-c',
    # an option or its value first, then the program, as srun has it
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    "ray": 'if [ "$1" = start ]; then trap "echo ray ended >>$LOG; exit 0" TERM; while :; do sleep 0.1; done; fi',
    "errata": 'trap "echo errata ended >>$LOG; exit 143" TERM; for _ in $(seq ${WORK:-1}); do sleep 0.1; done; exit ${CODE:-0}',
}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """What Slurm gives a script; the folder is the checkout it was submitted from."""
    folder = tmp_path / ".venv" / "bin"
    folder.mkdir(parents=True)
    for name, text in PROGRAMS.items():
        (folder / name).write_text(f'#!/bin/bash\necho "{name} $*" >>"$LOG"\n{text}\n')
        (folder / name).chmod(0o755)
    job = {"SLURM_JOB_ID": "31234", "SLURM_JOB_NODELIST": "node-[a-c]", "SLURM_CPUS_PER_TASK": "8"}
    return {"PATH": os.environ["PATH"], "SLURM_SUBMIT_DIR": str(tmp_path), "LOG": str(tmp_path / "log"), **job}


def read_log(environment: dict[str, str]) -> list[str]:
    path = Path(environment["LOG"])
    return path.read_text().splitlines() if path.exists() else []


@pytest.mark.build
@pytest.mark.parametrize("code", [0, 3])
def test_ray_is_started_on_all_nodes_the_build_is_run_and_its_code_is_the_jobs(
    environment: dict[str, str], code: int
) -> None:
    command = ["bash", str(SCRIPT), "recipe.yaml", "--store", "a b"]
    result = subprocess.run(command, env=environment | {"CODE": str(code), "WORK": "30"}, timeout=600, check=False)
    log = read_log(environment)
    assert result.returncode == code
    # the head's first; which of both lines is written first is luck
    steps = sorted((line for line in log if line.startswith("srun")), key=lambda line: "--head" not in line)
    assert "--nodes=1 --ntasks=1 --nodelist=node-a ray start --head" in steps[0]
    assert "--port=21234 --num-cpus=8" in steps[0]
    assert "--nodes=2 --ntasks=2 --exclude=node-a ray start --block --address=node-a:21234" in steps[1]
    assert "errata build recipe.yaml --store a b --plain --on ray://node-a:21234" in log
    assert log.index("ray health-check --address node-a:21234") < log.index(steps[1])
    assert log.count("ray ended") == 2
    assert not [line for line in log if "requeue" in line]


@pytest.mark.build
@pytest.mark.parametrize(("restarts", "again"), [("3", True), ("20", False)])
def test_when_its_time_is_over_the_build_is_interrupted_and_queued_again(environment: dict[str, str], restarts: str, again: bool) -> None:  # fmt: skip
    more = {"WORK": "600", "SLURM_RESTART_COUNT": restarts}
    with subprocess.Popen(["bash", str(SCRIPT), "recipe.yaml"], env=environment | more) as job:
        wait(lambda: any(line.startswith("errata build") for line in read_log(environment)), 300)
        job.send_signal(signal.SIGTERM)
        assert job.wait(300) == 143
    log = read_log(environment)
    assert "errata ended" in log
    assert ("scontrol requeue 31234" in log) is again


def test_its_options_are_slurms() -> None:
    options = [line.split()[1] for line in SCRIPT.read_text().splitlines() if line.startswith("#SBATCH")]
    known = [
        "--job-name",
        "--nodes",
        "--ntasks-per-node",
        "--cpus-per-task",
        "--time",
        "--requeue",
        "--open-mode",
        "--signal",
    ]
    assert [option.split("=")[0] for option in options] == known
    assert subprocess.run(["bash", "-n", str(SCRIPT)], check=False).returncode == 0
