"""Kill -9 at ten random moments and start again: the release is that of an undisturbed build, byte for byte."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.command import ROOT, SAMPLE, errata, files_of

pytestmark = pytest.mark.kill

KILLS = 10
RELEASE = "releases/sample/0.1.0"


def start(store: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "errata.cli", "build", str(SAMPLE), "--store", str(store)]
    env = {**environment, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    return subprocess.Popen(
        command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def files(store: Path) -> int:
    """Files in a store, those being written among them."""
    return sum(len(names) for _, _, names in os.walk(store))


def kill_at_work(store: Path, environment: dict[str, str], chance: random.Random) -> bool:
    """Start a build and kill it shortly after it has written a few files more; whether it was still at work."""
    enough = files(store) + chance.randint(2, 4)  # the first is the probe whether the store can be written
    build = start(store, environment)
    while files(store) < enough and build.poll() is None:
        time.sleep(0.001)
    time.sleep(chance.uniform(0, 0.02))
    if build.poll() is None:
        os.killpg(build.pid, signal.SIGKILL)
    return build.wait() == -signal.SIGKILL


def test_a_build_killed_ten_times_releases_the_same_bytes(environment: dict[str, str], tmp_path: Path) -> None:
    undisturbed, stores = tmp_path / "undisturbed", [tmp_path / "killed-0"]
    assert start(undisturbed, environment).wait(900) == 0
    chance = random.Random()
    killed = 0
    while killed < KILLS:
        if (stores[-1] / RELEASE).exists():  # nothing is left to be killed at: begin anew
            stores.append(tmp_path / f"killed-{len(stores)}")
        killed += kill_at_work(stores[-1], environment, chance)
        for store in stores:
            assert not (store / RELEASE).exists() or (store / RELEASE / "manifest.json").exists(), "half a release"
        assert len(stores) <= KILLS, "builds end before they can be killed"
    for store in stores:
        result = errata("build", str(SAMPLE), "--store", str(store), environment=environment)
        assert result.returncode == 0, result.stderr
        assert files_of(store / RELEASE) == files_of(undisturbed / RELEASE)
        assert errata("verify", "sample@0.1.0", "--store", str(store), environment=environment).returncode == 0


def test_an_interrupted_build_ends_at_once_with_one_line(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "errata.cli", "build", str(SAMPLE), "--store", str(tmp_path / "s")]
    env = {**environment, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    build = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True)
    while files(tmp_path) < 3 and build.poll() is None:
        time.sleep(0.001)
    build.send_signal(signal.SIGINT)
    result = build.communicate(timeout=300)[1]
    assert build.returncode == 130
    assert result.strip().split("\n")[-1] == "errata: interrupted; start it again to go on"
    assert "Traceback" not in result


SWALLOWING = """
import os, signal, sys, time
from errata.cli import end
from flows.cli import flow_run
from flows.planning import plan
def swallow(*arguments, **options):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(1)
    except BaseException:  # as Python itself does in destructors and callbacks
        pass
    raise SystemExit("goes on")
if sys.argv.pop(1) == "plan":
    plan.make_plan = swallow
else:
    flow_run.start_own_server = swallow
end.run_command()
"""


@pytest.mark.parametrize("where", ["plan", "server"])
def test_an_interruption_that_a_library_swallows_ends_a_build_all_the_same(
    where: str, environment: dict[str, str], tmp_path: Path
) -> None:
    arguments = [where, "build", str(SAMPLE), "--store", str(tmp_path / "s")]
    env = {**environment, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    done = subprocess.run([sys.executable, "-c", SWALLOWING, *arguments], env=env, capture_output=True, text=True)
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip().split("\n")[-1] == "errata: interrupted; start it again to go on"
