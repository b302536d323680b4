"""Fuzzing in this process: mutants of sound files by seed; what is thrown that is no error of the product's own, or takes too long, is a failure.

python -m tests.campaign.fuzz [recipes] [inputs] [manifests] [stores] [--count N] [--first SEED] [--seconds S]
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from errata import ErrataError

from schemas.errors import ApplicationError
from schemas.time_limit import limit_time
from tests.campaign import inputs, manifests, recipes, strangers

LIMIT = 30.0
"""Seconds that one mutant may take."""
FULL = {"recipes": 10_000, "inputs": 2_000, "manifests": 2_000, "stores": 1_000}
Trial = Callable[[Path, random.Random], str]
"""Makes a mutant in a folder and has the product read it; what became of it, in a word or two."""
PREPARE: Mapping[str, Callable[[Path], Trial]] = {
    "recipes": recipes.prepare, "inputs": inputs.prepare, "manifests": manifests.prepare, "stores": strangers.prepare,
}  # fmt: skip


class TooSlowError(Exception):
    """A mutant takes longer than the limit."""


@dataclass
class FuzzResult:
    """What became of some mutants."""

    kind: str
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    """Seed, place and error of each."""
    slowest: float = 0.0
    """Seconds of the slowest mutant."""

    def __str__(self) -> str:
        counts = ", ".join(f"{n:,} {name}" for name, n in self.outcomes.most_common())
        return f"{self.kind}: {self.outcomes.total():,} tried ({counts}), {len(self.failures)} failures, slowest {self.slowest:.1f} s"


def run(kind: str, count: int, first: int = 0, seconds: float = float("inf")) -> FuzzResult:
    """Try mutants of seeds from `first` on, until there are so many or time is up."""
    result = FuzzResult(kind)
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="errata-fuzz-") as folder:
        trial = PREPARE[kind](Path(folder))
        for seed in range(first, first + count):
            if time.monotonic() > until:
                break
            _try_seed(result, trial, Path(folder), seed)
    return result


def _try_seed(result: FuzzResult, trial: Trial, folder: Path, seed: int) -> None:
    began = time.monotonic()
    try:
        slow, chance = TooSlowError(f"more than {LIMIT:g} s"), random.Random(f"{result.kind} {seed}")
        outcome = limit_time(LIMIT, slow, lambda: trial(folder, chance))
    except (ErrataError, ApplicationError) as error:
        outcome = type(error).__name__
    except Exception as error:
        outcome = "failure"
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        result.failures.append(f"{result.kind} seed {seed}: {where}: {type(error).__name__}: {str(error)[:200]}")
    result.outcomes[outcome] += 1
    result.slowest = max(result.slowest, time.monotonic() - began)


def main() -> int:
    """Run what is asked for; 1 where anything failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", choices=[*FULL, []], help="what is mutated (default: all)")
    parser.add_argument("--count", type=int, help=f"mutants of each kind (default: {FULL})")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="of each kind, at most")
    options = parser.parse_args()
    code = 0
    for kind in options.kinds or FULL:
        result = run(kind, options.count or FULL[kind], options.first, options.seconds)
        print(result, *result.failures, sep="\n", flush=True)
        code |= bool(result.failures)
    return code


if __name__ == "__main__":
    sys.exit(main())
