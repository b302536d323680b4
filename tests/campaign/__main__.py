"""A campaign against the product: `python -m tests.campaign --minutes 60 --seed 7`; it fails on any loss.

Parts take turns, each with the same share of the time; a trial is known by its part, the seed and its step. What failed is kept
with the command that tries it again.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from tests.campaign.asking import Endpoints, HostileOutputs
from tests.campaign.command import CommandKills
from tests.campaign.crowd import Crowd
from tests.campaign.disk import FullDisk
from tests.campaign.figures import Figures, format_table
from tests.campaign.kills import Kills
from tests.campaign.mutants import Mutants


class Part(Protocol):
    """One kind of attack."""

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """One trial, in a folder of its own."""
        ...

    def close(self) -> None:
        """End what it has started."""
        ...


PARTS: Mapping[str, Callable[[Path, int], Part]] = {
    "kills": lambda folder, _: Kills(folder),
    "command": lambda folder, _: CommandKills(folder),
    "endpoints": lambda folder, _: Endpoints(folder),
    "outputs": lambda folder, _: HostileOutputs(folder),
    "recipes": lambda _, seed: Mutants("recipes", seed),
    "inputs": lambda _, seed: Mutants("inputs", seed),
    "manifests": lambda _, seed: Mutants("manifests", seed),
    "stores": lambda _, seed: Mutants("stores", seed, count=10),
    "crowd": lambda folder, _: Crowd(folder),
    "clocks": lambda folder, _: Kills(folder, clock=True),
    "disk": lambda folder, _: FullDisk(folder),
}
SHARES = {"kills": 6.0, "command": 2.5, "recipes": 2.0, "endpoints": 1.5, "outputs": 0.7, "inputs": 0.5}
"""Of the time, where it is another than one."""

MOST_FAILURES = 10
"""Failed trials after which a part is not gone on with: there is enough to mend."""


class Campaign:
    """Some parts, which take turns."""

    def __init__(self, folder: Path, seed: int, parts: list[str]) -> None:
        self.folder, self.seed, self.parts = folder, seed, parts
        self.figures = {part: Figures() for part in parts}
        self.kept: list[str] = []
        """How what failed is tried again."""
        self._seconds = dict.fromkeys(parts, 0.0)
        self._steps = dict.fromkeys(parts, 0)
        self._open: dict[str, Part] = {}

    def run(self, seconds: float, say: Callable[[str], None]) -> None:
        """Run until time is up, each part at least once."""
        began, running = time.monotonic(), list(self.parts)
        while running and (time.monotonic() - began < seconds or not all(self._steps[part] for part in running)):
            part = min(running, key=lambda name: self._seconds[name] / SHARES.get(name, 1.0))
            self.try_step(part, self._steps[part])
            self._steps[part] += 1
            say(f"{time.monotonic() - began:5.0f} s  {part} {self._steps[part]}: {self._summarize()}")
            if self.figures[part].skipped or sum(again.split()[3] == part for again in self.kept) >= MOST_FAILURES:
                running.remove(part)

    def try_step(self, part: str, number: int) -> None:
        """One trial; an error of the campaign's own counts, too."""
        began = time.monotonic()
        folder = self.folder / f"{part}-{number}"
        folder.mkdir(parents=True)
        try:
            figures = self._find_part(part).step(folder, number, random.Random(f"{part} {self.seed} {number}"))
        except Exception as error:
            figures = Figures(tried=1)
            figures.lose("other", f"the campaign itself: {type(error).__name__}: {str(error)[:500]}")
        self.figures[part].add(figures)
        if figures.failures:
            again = f"python -m tests.campaign {part} --seed {self.seed} --step {number}"
            self.kept.append(again)
            (folder / "failures.txt").write_text(
                "\n".join([again, *figures.failures]) + "\n", "utf-8", "backslashreplace"
            )
        else:
            shutil.rmtree(folder, ignore_errors=True)
        self._seconds[part] += time.monotonic() - began

    def close(self) -> None:
        """End what the parts have started."""
        for part in self._open.values():
            part.close()

    def _find_part(self, name: str) -> Part:
        if name not in self._open:
            folder = self.folder / name
            folder.mkdir(exist_ok=True)
            self._open[name] = PARTS[name](folder, self.seed)
        return self._open[name]

    def _summarize(self) -> str:
        total = Figures()
        for figures in self.figures.values():
            total.add(figures)
        losses = ", ".join(f"{count} {kind}" for kind, count in total.losses.items()) or "no loss"
        return f"{total.tried:,} tried, {total.counts['kills']:,} kills, {losses}"


def main() -> int:
    """Run a campaign, or one trial of one; 1 where anything was lost."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaign", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="what is tried (default: all)")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it takes (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="what chance begins with (default: 0)")
    parser.add_argument("--step", type=int, help="one trial alone, as a failure names it; its folder is kept")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    parser.add_argument("--folder", type=Path, help="where what failed is kept (default: a temporary one)")
    options = parser.parse_args()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="errata-campaign-"))
    os.environ.setdefault("ERRATA_CONFIG", os.devnull)
    campaign = Campaign(folder, options.seed, options.parts or list(PARTS))
    began = time.monotonic()
    try:
        if options.step is not None:
            for part in campaign.parts:
                campaign.try_step(part, options.step)
        else:
            campaign.run(60 * options.minutes, lambda line: print(line, file=sys.stderr, flush=True))
    finally:
        campaign.close()
    print(format_table(campaign.figures))
    failures = [failure for figures in campaign.figures.values() for failure in figures.failures]
    print(
        *[f"\n{failure}" for failure in failures],
        *(["", f"kept in {folder}; again:", *campaign.kept] if failures else []),
        sep="\n",
    )
    if options.json:
        machine = {"processors": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        value = {"seconds": time.monotonic() - began, "seed": options.seed, "machine": machine, "again": campaign.kept}
        options.json.write_text(
            json.dumps(value | {"parts": {name: part.as_json() for name, part in campaign.figures.items()}}, indent=1)
        )
    if not failures:
        shutil.rmtree(folder, ignore_errors=True)
    return int(bool(failures))


if __name__ == "__main__":
    sys.exit(main())
