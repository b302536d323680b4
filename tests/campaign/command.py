"""Kills of `errata build` itself, with Prefect's server of its own or a shared one, by every signal that ends a program.

By turns it builds the sample, and asks an endpoint that tells the key to whoever asks.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

from flows.deploying.server import OwnServer, apply_settings
from tests.campaign.asking import write_recipe, write_sum
from tests.campaign.builder import TOKEN, Builder
from tests.campaign.figures import Figures
from tests.campaign.kills import UndisturbedBuilds
from tests.campaign.processes import list_processes_of, wait_for_end
from tests.campaign.releases import compare_releases, read_log
from tests.campaign.secrets_scan import KEY, bind_key, find_secrets
from tests.campaign.small_recipes import read_corpus
from tests.command import ROOT
from tests.faulty_server import Act, Asked, FaultyServer, completion, problem

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
MOST = 3
LIMIT = 600.0


PROBLEMS = 40
"""What the endpoint is asked."""


def answer_with_key(asked: Asked) -> Act:
    """A sound answer, or at every second attempt at some questions an error; all of them hold the key."""
    time.sleep(0.3)
    text = write_sum(asked)
    if asked.attempt % 2 == 0 and text.startswith(("1", "2")):
        return problem(500, f"in header Authorization: Bearer {KEY}")
    return completion(text, system_fingerprint=KEY)


class CommandKills:
    """Real builds: of the sample, and of a recipe that asks an endpoint with a key."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._endpoint = FaultyServer(answer_with_key)
        self._endpoint.__enter__()
        self._environment = bind_key(folder)
        builder = Builder()
        whole = UndisturbedBuilds(folder.parent / "undisturbed", builder)
        asked = write_recipe(folder, self._endpoint.url, 60, count=PROBLEMS, attempts=6)
        self._recipes = {"sample": whole.recipes["sample"], "asked": asked}
        self._expected = {"sample": whole.build("sample")[0], "asked": self._locate("asked", folder / "store")}
        builder.close()
        self._seconds = 15.0
        self._shared: OwnServer | None = None

    def close(self) -> None:
        """End the endpoint and the shared server."""
        self._endpoint.__exit__()
        if self._shared is not None:
            self._shared.close()

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """Kill the command some times, let it come to its end, and compare; a shared server has another build at the same time."""
        figures = Figures(tried=1)
        name = ("asked", "sample")[number // 2 % 2]
        if not self._expected[name].exists():
            assert self._start(name, self._folder / "store", self._folder / "log", "").wait(LIMIT) == 0
        store, log = folder / "store", folder / "log"
        url = self._share() if number % 2 else ""
        other = self._start(name, folder / "other", folder / "other-log", url) if url else None
        code: int | None = -1
        for attempt in range(MOST + 1):
            began = time.monotonic()
            code = self._run(figures, name, store, log, url, chance, last=attempt == MOST)
            if code is not None and code in (0, 1):
                self._seconds = max(5.0, min(self._seconds, time.monotonic() - began))
                break
        self._check(figures, code, name, store, log, "errata build")
        if other is not None:
            self._check(
                figures,
                _wait(figures, other),
                name,
                folder / "other",
                folder / "other-log",
                "errata build beside a killed one",
            )
        self._scan(figures, folder)
        figures.survived = int(not figures.failures)
        figures.counts["with a shared server" if url else "with a server of its own"] += 1
        figures.counts["asking with a key"] += name == "asked"
        return figures

    def _check(self, figures: Figures, code: int | None, name: str, store: Path, log: Path, about: str) -> None:
        """Count what a build that came to its end lost or said."""
        if code:
            figures.lose("other", f"{about} ended with {code}: {log.read_text('utf-8', 'replace')[-300:]}")
        read_log(figures, log, about)
        compare_releases(figures, self._expected[name], self._locate(name, store), about)

    def _scan(self, figures: Figures, folder: Path) -> None:
        """Look for the key in what the builds left, and in Prefect's homes: its database, which holds the runs' logs, among it."""
        homes = [self._folder / name for name in ("prefect", "prefect-shared")]
        databases = [path for home in homes for path in home.glob("*.db")]
        figures.counts["Prefect's databases searched"] += len(databases)
        if not databases:
            figures.lose("other", "Prefect has left no database to be searched")
        for place in (folder, *homes):
            for path in find_secrets(place):
                figures.lose("secrets", f"errata build: {path}")

    def _locate(self, name: str, store: Path) -> Path:
        return store / "releases" / read_corpus(self._recipes[name]) / "0.1.0"

    def _share(self) -> str:
        """The server that several builds share, started when it is first needed."""
        if self._shared is None:
            apply_settings(False)
            os.environ["PREFECT_HOME"] = str(self._folder / "prefect-shared")
            self._shared = OwnServer()
        self._shared.wait()
        return self._shared.url

    def _start(self, name: str, store: Path, log: Path, url: str) -> subprocess.Popen[bytes]:
        """Begin a build of a recipe in a store."""
        env = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        env |= self._environment | {TOKEN: uuid.uuid4().hex, "PREFECT_HOME": str(self._folder / "prefect")}
        env |= {"PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}", **({"PREFECT_API_URL": url} if url else {})}
        command = [sys.executable, "-m", "errata.cli", "build", str(self._recipes[name]), "--store", str(store)]
        with open(log, "ab") as stream:
            return subprocess.Popen(
                command, env=env, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True
            )

    def _run(
        self, figures: Figures, name: str, store: Path, log: Path, url: str, chance: random.Random, *, last: bool
    ) -> int | None:
        """Build and kill it; the exit code where it came to its end before."""
        with self._start(name, store, log, url) as build:
            try:
                return build.wait(LIMIT if last else chance.uniform(0.5, 1.2 * self._seconds))
            except subprocess.TimeoutExpired:
                pass
            build.send_signal(signal.SIGSTOP)
            begun = list_processes_of(build.pid)
            how = signal.SIGKILL if last else chance.choice(SIGNALS)
            if last:
                figures.lose("hangs", f"errata build: longer than {LIMIT:g} s")
            build.send_signal(how)
            build.send_signal(signal.SIGCONT)
            try:
                build.wait(10)
            except subprocess.TimeoutExpired:
                figures.lose("hangs", f"errata build: stays after {how.name}")
                build.kill()
            figures.counts["kills"] += 1
            figures.counts[f"by {how.name}"] += 1
            for process in wait_for_end(begun):
                figures.lose("orphans", f"errata build after {how.name}: {process}")
            return None


def _wait(figures: Figures, build: subprocess.Popen[bytes]) -> int | None:
    with build:
        try:
            return build.wait(LIMIT)
        except subprocess.TimeoutExpired:
            figures.lose("hangs", f"errata build beside a killed one: longer than {LIMIT:g} s")
            build.kill()
            return None
