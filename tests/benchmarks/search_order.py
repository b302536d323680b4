"""Which order of testing prefixes pays, in a model: `python -m tests.benchmarks.search_order`.

Rollouts succeed with probability p before the first error and q after it, each
by itself: simpler than any language model, so that one sees what follows from
p, q, N and length alone. The witness is asked with a judge that is exact, one
step early, or one step late, in 80, 10 and 10 of 100 solutions.
"""

from __future__ import annotations

import argparse
from random import Random

from rich.console import Console
from rich.table import Table

from tasks.localize.search import METHODS, search_witness
from tests.tasks.localize.scripted import Completer, asked

RATES = ((0.9, 0.0), (0.6, 0.0), (0.6, 0.02), (0.6, 0.1), (0.3, 0.02))
ROLLOUTS = (1, 2, 4, 8, 16)
LENGTHS = {"8 steps, error at the third": (8, 2), "32 steps, error anywhere": (32, None)}
SHARES = {0: 0.8, -1: 0.1, 1: 0.1}


def row(steps: int, error: int | None, p: float, q: float, rollouts: int, count: int) -> list[str]:
    """Rollouts a solution and exact labels, of each method; of the witness: of what judge and rollouts agree on."""
    random = Random(f"{steps} {p} {q} {rollouts}")
    cost = dict.fromkeys([*METHODS, "witness"], 0)
    exact = dict.fromkeys(cost, 0)
    kept = 0
    for seed in range(count):
        at = random.randrange(steps) if error is None else error
        completer = Completer(steps, at, p, q, seed)
        for name, method in METHODS.items():
            tally = completer.tally()
            completer.driven(method(tally, rollouts, False), tally)
            cost[name] += sum(asked(tally))
            exact[name] += tally.first_error == at
        judged = at + random.choices(list(SHARES), list(SHARES.values()))[0]
        judged = min(max(judged, 0), steps - 1)
        tally = completer.tally()
        completer.driven(search_witness(tally, judged, rollouts, rollouts), tally)
        cost["witness"] += sum(asked(tally))
        kept += tally.first_error == judged
        exact["witness"] += tally.first_error == judged == at
    cells = [f"{cost[name] / count:.1f} / {exact[name] / count:.2f}" for name in METHODS]
    return [*cells, f"{cost['witness'] / count:.1f} / {kept / count:.2f} / {exact['witness'] / max(1, kept):.3f}"]


def main() -> None:
    """Print a table for each length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--solutions", type=int, default=400, help="solutions of each line")
    given = parser.parse_args()
    console = Console(width=120)
    for title, (steps, error) in LENGTHS.items():
        table = Table(
            title=f"{title}: rollouts a solution / exact (witness: / kept / exact of those)", title_justify="left"
        )
        for name in ("p", "q", "N", *METHODS, "witness"):
            table.add_column(name, justify="right", no_wrap=True)
        for p, q in RATES:
            for rollouts in ROLLOUTS:
                cells = row(steps, error, p, q, rollouts, given.solutions)
                table.add_row(str(p), str(q), str(rollouts), *cells, end_section=rollouts == ROLLOUTS[-1])
        console.print(table, "")


if __name__ == "__main__":
    main()
