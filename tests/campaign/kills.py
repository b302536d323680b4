"""Kills at random moments of builds, whose replays are killed too, until one comes to its end: the release is that of an undisturbed build."""

from __future__ import annotations

import os
import random
import signal
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from tests.campaign.builder import LIMIT, Builder
from tests.campaign.clock import find_library, keep_jumping, make_environment, set_shift
from tests.campaign.figures import Figures
from tests.campaign.processes import list_processes_of, wait_for_end
from tests.campaign.releases import compare_releases, read_log
from tests.campaign.small_recipes import read_corpus, write_recipes

MOST = 6
"""Kills of one build and its replays."""


@dataclass
class UndisturbedBuilds:
    """Each small recipe, its undisturbed build, and how long that took; parts of a campaign share them."""

    folder: Path
    builder: Builder
    recipes: dict[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.folder.exists():
            self.folder.mkdir(parents=True)
            write_recipes(self.folder)
        self.recipes = {path.stem: path for path in self.folder.glob("*.yaml")}

    def choose(self, number: int) -> str:
        """A recipe, each in its turn."""
        return sorted(self.recipes)[number % len(self.recipes)]

    def build(self, name: str) -> tuple[Path, float]:
        """The release of a recipe, and the seconds that it took."""
        store, log, took = (self.folder / f"{name}.{kind}" for kind in ("store", "log", "seconds"))
        if not took.exists():
            began = time.monotonic()
            code = self.builder.build(self.recipes[name], store, log)
            assert code == 0, f"{name}: an undisturbed build fails: {log.read_text('utf-8', 'replace')[-500:]}"
            took.write_text(f"{time.monotonic() - began}")
        return self.locate(name, store), float(took.read_text())

    def locate(self, name: str, store: Path) -> Path:
        """Where a store holds the release of a recipe."""
        return store / "releases" / read_corpus(self.recipes[name]) / "0.1.0"


class Kills:
    """Builds, killed by SIGKILL or SIGTERM; with `clock`, under clocks that jump."""

    def __init__(self, folder: Path, *, clock: bool = False) -> None:
        self._clock = clock
        self._shift = folder / "clock"
        self._library = find_library() if clock else None
        if self._library:
            set_shift(self._shift, 0.0)
        self._builder = Builder(make_environment(self._library, self._shift) if self._library else {})
        self._undisturbed = Builder() if self._library else self._builder
        self._whole = UndisturbedBuilds(folder.parent / "undisturbed", self._undisturbed)

    def close(self) -> None:
        """End the builders."""
        self._builder.close()
        self._undisturbed.close()

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """Kill one recipe's build until it is done, and compare."""
        figures = Figures(tried=1)
        name = self._whole.choose(number)
        expected, seconds = self._whole.build(name)
        store, log = folder / "store", folder / "log"
        with keep_jumping(self._shift, f"{chance.random()}") if self._library else nullcontext():
            code = self._build(figures, name, seconds, store, log, chance)
        if code:
            figures.lose("other", f"{name}: ended with {code}: {log.read_text('utf-8', 'replace')[-300:]}")
        read_log(figures, log, name)
        compare_releases(figures, expected, self._whole.locate(name, store), name)
        figures.survived = int(not figures.failures)
        figures.counts["builds under a jumping clock" if self._clock else "recipes' builds killed"] += 1
        figures.counts["by libfaketime"] += bool(self._library)
        return figures

    def _build(self, figures: Figures, name: str, seconds: float, store: Path, log: Path, chance: random.Random) -> int:
        """Build and kill until a build comes to its end; its exit code."""
        code = -1
        for attempt in range(MOST + 1):
            clock = f"{chance.random()}" if self._clock and not self._library else ""
            pid = self._builder.start(self._whole.recipes[name], store, log, clock)
            ended = self._builder.wait(chance.uniform(0, 0.4 * seconds) if attempt < MOST else LIMIT)
            if ended is None:
                ended = self._kill(figures, pid, name, chance) if attempt < MOST else self._give_up(figures, name)
            code = ended
            if code >= 0:
                break
        return code

    def _kill(self, figures: Figures, pid: int, name: str, chance: random.Random) -> int:
        """Kill a build, of which nothing may be left; its exit code."""
        os.kill(pid, signal.SIGSTOP)  # nothing is started between the look and the kill
        begun = list_processes_of(pid)
        os.kill(pid, chance.choice((signal.SIGKILL, signal.SIGTERM)))
        os.kill(pid, signal.SIGCONT)
        code = self._builder.wait()
        assert code is not None
        figures.counts["kills"] += code < 0
        for process in wait_for_end(begun):
            figures.lose("orphans", f"{name}: {process}")
        return code

    def _give_up(self, figures: Figures, name: str) -> int:
        figures.lose("hangs", f"{name}: longer than {LIMIT:g} s")
        self._builder.kill_build()
        return 0
