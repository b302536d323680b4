"""A disk that is full somewhere within a build: an error that says so, and with room again the release of an undisturbed build."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from tests.campaign.builder import Builder
from tests.campaign.figures import Figures
from tests.campaign.kills import UndisturbedBuilds
from tests.campaign.releases import compare_releases, read_log


def mount(folder: Path, options: str) -> str:
    """Mount a small file system in memory; why not, where it cannot be."""
    if sys.platform != "linux":
        return "no small file system can be mounted here"
    result = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    return result.stderr.strip().splitlines()[0] if result.returncode else ""


class FullDisk:
    """Builds on file systems of some hundred kilobytes."""

    def __init__(self, folder: Path) -> None:
        self._builder = Builder()
        self._whole = UndisturbedBuilds(folder.parent / "undisturbed", self._builder)

    def close(self) -> None:
        """End the builder."""
        self._builder.close()

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """Build with too little room, and again with more, until there is enough."""
        disk = folder / "disk"
        disk.mkdir()
        expected, _ = self._whole.build(self._whole.choose(number))
        size = sum(path.stat().st_size for path in expected.parents[2].rglob("*") if path.is_file()) // 1024
        if reason := mount(disk, f"size={chance.randint(8, size)}k"):
            return Figures(skipped=reason)
        try:
            return self._fill(disk, folder / "log", self._whole.choose(number), chance, size)
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=False)

    def _fill(self, disk: Path, log: Path, name: str, chance: random.Random, size: int) -> Figures:
        figures = Figures(tried=1)
        expected, _ = self._whole.build(name)
        code: int | None = -1
        for kilobytes in (chance.randint(8, size), chance.randint(8, size), 2**20):
            code = self._builder.build(self._whole.recipes[name], disk / "store", log)
            if code is None:
                figures.lose("hangs", f"{name} on a full disk")
            if code == 0:
                break
            figures.counts["builds on a full disk"] += 1
            subprocess.run(
                ["mount", "-o", f"remount,size={kilobytes}k", str(disk)], check=False, capture_output=True
            )  # no smaller than what it holds
        else:
            code = self._builder.build(self._whole.recipes[name], disk / "store", log)
        if code:
            figures.lose(
                "other", f"{name} with room again ended with {code}: {log.read_text('utf-8', 'replace')[-300:]}"
            )
        text = read_log(figures, log, f"{name} on a full disk")
        if figures.counts["builds on a full disk"] and "space" not in text:
            figures.lose("other", f"{name} on a full disk does not say so: {text[-300:]}")
        compare_releases(figures, expected, self._whole.locate(name, disk / "store"), f"{name} on a full disk")
        figures.survived = int(not figures.failures)
        return figures
