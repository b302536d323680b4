"""Builds in processes that have imported all that they need before they are told what to build, so that a kill meets a build at work.

`python -m tests.campaign.builder`: says when it is ready, reads a line of JSON (recipe, store, log, clock), builds, and ends. A build is
what `errata build` does, without Prefect.
"""

from __future__ import annotations

import json
import os
import runpy
import subprocess
import sys
import time
import traceback
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NoReturn

ROOT = Path(__file__).parents[2]
TOKEN = "ERRATA_CAMPAIGN"
"""The environment variable by which all processes of a build are known."""
LIMIT = 300.0
"""Seconds that a small build may take on a busy machine; longer, and it hangs."""
BUG = 70
"""The exit code of what nobody foresaw."""


class Builder:
    """Starts builds, one at a time; the next process gets ready meanwhile."""

    def __init__(self, environment: Mapping[str, str] = MappingProxyType({})) -> None:
        self._environment = environment
        self._spare = self._make_ready()
        self._building: subprocess.Popen[str] | None = None

    def _make_ready(self) -> subprocess.Popen[str]:
        env = {
            **os.environ,
            **self._environment,
            TOKEN: uuid.uuid4().hex,
            "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}",
        }
        return subprocess.Popen(
            [sys.executable, "-m", "tests.campaign.builder"], cwd=ROOT, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )  # fmt: skip

    def close(self) -> None:
        """End its processes."""
        for process in (self._spare, self._building):
            if process is not None and process.stdin and not process.stdin.closed:
                process.kill()
                process.communicate()

    def start(self, recipe: Path, store: Path, log: Path, clock: str = "") -> int:
        """Begin a build; the number of its process. What it says is put behind the log."""
        build = self._building = self._spare
        assert build.stdin is not None and build.stdout is not None
        if build.stdout.readline() != "ready\n":
            raise RuntimeError(f"a builder ended with {build.wait()}")
        build.stdin.write(
            json.dumps({"recipe": str(recipe), "store": str(store), "log": str(log), "clock": clock}) + "\n"
        )
        build.stdin.flush()
        self._spare = self._make_ready()
        return build.pid

    def wait(self, seconds: float = LIMIT) -> int | None:
        """The build's exit code (below zero the signal); None where it takes longer, and it goes on."""
        build = self._building
        assert build is not None and build.stdin is not None and build.stdout is not None
        try:
            code = build.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        build.stdin.close()
        build.stdout.close()
        return code

    def kill_build(self) -> None:
        """Kill the build that is at work."""
        assert self._building is not None
        self._building.kill()
        self.wait()

    def build(self, recipe: Path, store: Path, log: Path, clock: str = "") -> int | None:
        """Build to the end; the exit code, or None where it took longer than it may, and was killed."""
        self.start(recipe, store, log, clock)
        if (code := self.wait()) is None:
            self.kill_build()
        return code


def run_job(job: dict[str, str]) -> int:
    """Build; what the user could mend is a line in the log, and anything else a traceback."""
    from errata import ErrataError

    from flows.planning.plan import make_plan
    from flows.publishing.publish import publish_release
    from flows.running.run_plan import materialize
    from schemas.errors import ApplicationError

    if job["clock"]:
        from tests.campaign.clock import jump

        time.time = jump(job["clock"])
    try:
        publish_release(materialize(make_plan(job["recipe"], None, job["store"])))
    except (ErrataError, ApplicationError, OSError) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except Exception:
        traceback.print_exc()
        return BUG
    return 0


def main() -> NoReturn:
    """Build what is asked for."""
    runpy.run_path(str(ROOT / "tasks" / "end_with_parent.py"))["end_with_parent"](sys.stdin.fileno())
    from flows.publishing import publish
    from flows.report import page
    from flows.running import run_plan

    assert page.SECTIONS and publish and run_plan
    print("ready", flush=True)
    job = json.loads(sys.stdin.readline())
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for descriptor in (1, 2):
        os.dup2(log, descriptor)
    sys.exit(run_job(job))


if __name__ == "__main__":
    main()
