"""Builds and publishers beside each other on one store: one release, whole, and nothing paid twice."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import errata

from catalog.publish.publish import PublishError
from tests.campaign.builder import Builder
from tests.campaign.figures import Figures
from tests.campaign.kills import UndisturbedBuilds
from tests.campaign.releases import compare_releases, read_log
from tests.client.conftest import put, row

PUBLISHERS = 16


class Crowd:
    """By turns sixteen publishers of one corpus, and two builds of one recipe."""

    def __init__(self, folder: Path) -> None:
        self._builders = [Builder() for _ in range(2)]
        self._whole = UndisturbedBuilds(folder.parent / "undisturbed", self._builders[0])

    def close(self) -> None:
        """End the builders."""
        for builder in self._builders:
            builder.close()

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """One crowd."""
        figures = self._build_twice(folder, number // 2) if number % 2 else publish_at_once(folder, chance)
        figures.survived = int(not figures.failures)
        return figures

    def _build_twice(self, folder: Path, number: int) -> Figures:
        figures = Figures(tried=1)
        figures.counts["two builds of one recipe"] += 1
        name = self._whole.choose(number)
        expected, _ = self._whole.build(name)
        logs = [folder / f"log-{i}" for i in range(2)]
        for builder, log in zip(self._builders, logs):
            builder.start(self._whole.recipes[name], folder / "store", log)
        for builder, log in zip(self._builders, logs):
            code = builder.wait()
            if code is None:
                figures.lose("hangs", f"two builds of {name}")
                builder.kill_build()
            elif code:
                figures.lose(
                    "other",
                    f"one of two builds of {name} ended with {code}: {log.read_text('utf-8', 'replace')[-300:]}",
                )
            read_log(figures, log, f"two builds of {name}")
        compare_releases(figures, expected, self._whole.locate(name, folder / "store"), f"two builds of {name}")
        return figures


def publish_at_once(folder: Path, chance: random.Random) -> Figures:
    """Sixteen publish different rows as the same version: one of them wins, the others are told, and the release is the winner's."""
    figures, store, start = Figures(tried=1), str(folder / "store"), Barrier(PUBLISHERS)
    figures.counts["crowds of 16 publishers"] += 1
    rows = {n: {"train": [row(i, f"publisher{n}") for i in range(chance.randint(1, 5))]} for n in range(PUBLISHERS)}

    def publish(n: int) -> str:
        start.wait()
        try:
            put(store, "tiny", "1.0.0", rows[n], mark=f"build{n}")
        except PublishError as error:
            return str(error)
        return ""

    with ThreadPoolExecutor(PUBLISHERS) as pool:
        winners = [n for n, error in enumerate(pool.map(publish, range(PUBLISHERS))) if not error]
    if len(winners) != 1:
        figures.lose("other", f"{len(winners)} of {PUBLISHERS} publishers won")
        return figures
    expected = {item["problem_id"] for item in rows[winners[0]]["train"]}
    actual = {
        item["problem_id"] for item in errata.load("tiny@1.0.0", view="mistakes", store=store, form="arrow").to_pylist()
    }
    if expected != actual:
        figures.lose("lost rows", f"publisher {winners[0]} of {PUBLISHERS}: {actual}", len(expected ^ actual))
    return figures
