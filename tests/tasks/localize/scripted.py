"""A completer whose every rollout is known beforehand: right with probability p before the first error, q after it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from tasks.localize.rollout_counts import Rollout, RolloutTally, Search


@dataclass(frozen=True)
class Completer:
    """Rollouts from the prefixes of a wrong solution of `steps` steps, of which `error` is the first wrong one."""

    steps: int
    error: int
    p: float
    q: float
    seed: int = 0

    def succeeds(self, step: int, sample: int) -> bool:
        """Whether a rollout from the prefix through a step succeeds."""
        rate = self.p if step < self.error else self.q
        return Random(f"{self.seed} {step} {sample}").random() < rate

    def tally(self) -> RolloutTally:
        """An empty tally of the solution."""
        return RolloutTally(["".join(f"{i}. x\n" for i in range(n + 1)) for n in range(self.steps)], right=False)

    def first_success(self, step: int, most: int) -> int | None:
        """The number of the first of so many rollouts that succeeds, counted from 1."""
        return next((i + 1 for i in range(most) if self.succeeds(step, i)), None)

    def driven(self, search: Search, tally: RolloutTally) -> int:
        """Answer a search to its end; the number of rounds."""
        rounds = 0
        for wanted in search:
            assert wanted and all(count > 0 for count in wanted.values())
            rounds += 1
            for prefix, count in wanted.items():
                step = tally.prefixes.index(prefix)
                for _ in range(count):
                    tally.add(prefix, Rollout(self.succeeds(step, tally.count_all(prefix))))
        return rounds


def asked(tally: RolloutTally) -> list[int]:
    """Rollouts from each prefix but the whole."""
    return [tally.count_all(prefix) for prefix in tally.prefixes[:-1]]
