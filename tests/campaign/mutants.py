"""Mutants of recipes, inputs, manifests and stores, some at a time."""

from __future__ import annotations

import random
from pathlib import Path

from tests.campaign import fuzz
from tests.campaign.figures import Figures

COUNT = 100


class Mutants:
    """Mutants of one kind; those of a seed are the same whenever it comes."""

    def __init__(self, kind: str, seed: int, count: int = COUNT) -> None:
        self._kind, self._seed, self._count = kind, seed, count

    def close(self) -> None:
        """Nothing is open."""

    def step(self, folder: Path, number: int, chance: random.Random) -> Figures:
        """The next mutants."""
        result = fuzz.run(self._kind, self._count, first=self._seed * 1_000_000 + number * self._count)
        figures = Figures(tried=result.outcomes.total(), survived=result.outcomes.total() - len(result.failures))
        figures.counts[self._kind] += figures.tried
        for failure in result.failures:
            figures.lose("hangs" if "TooSlowError" in failure else "tracebacks", failure)
        return figures
