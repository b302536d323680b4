"""What trees say of steps: `python -m tests.benchmarks.search [--store STORE] [--count N]`.

Builds `search.yaml` with Abacus, and holds the values of the nodes against the
truth of its world, which no table looks at: in the wrong solutions that end in
trees how much the truly wrong step loses, and how little the steps before it
move; in OmegaPRM's trees how often the state where successes end is the truly
wrong step; and that no state was asked from twice, by the ledger. Exits
non-zero where a figure is missed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from tasks.evaluation.score import wilson
from tasks.sources.content_ids import normalize_text
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_progress
from tests.benchmarks.corrections import build, find_first
from tests.benchmarks.step_values import check_advantages, describe_mean, list_advantages, print_checks

FIRST, ROLLOUTS = 32, 8
"""What the recipe asks from a problem, and from each other state."""
PITS = 0.60
"""The share of states where successes end that are the truly wrong step."""


def count_asked(store: str) -> Counter[tuple[str, str]]:
    """Completions by state: the conversation, and the beginning as it reads."""
    counts: Counter[tuple[str, str]] = Counter()
    ledger = pl.read_parquet(f"{store}/ledger/*.parquet", columns=["request", "prompt"]).unique("request")
    for text in ledger["prompt"]:
        prompt = json.loads(text)
        counts[json.dumps(prompt["messages"]), normalize_text(prompt.get("prefix") or "")] += 1
    return counts


def check_asked(counts: Counter[tuple[str, str]]) -> tuple[str, bool]:
    """How many states were asked from, and whether one was asked twice."""
    more = sum(count > (ROLLOUTS if prefix else FIRST) for (_, prefix), count in counts.items())
    return (
        f"{len(counts):,} states were asked from, {counts.total():,} completions; asked from twice: {more}",
        more == 0,
    )


def find_wrong_step(node: dict[str, Any]) -> int | None:
    """The first truly wrong step of a node's beginning; None where none is."""
    steps = [*node["steps_before"], node["step"]]
    if node["is_end"]:
        first = find_first(node["program"], steps)
        return None if first is None or first < 0 else first
    program = load_program(node["program"])  # a beginning may break off, which is no mistake
    return next((i for i in range(len(steps)) if find_progress(program, steps[: i + 1])[0]), None)


def check_nodes(nodes: list[dict[str, Any]]) -> Iterator[tuple[str, bool]]:
    """What each step of a tree gains or loses by whether it is truly the first wrong one."""
    sides: dict[str, list[float]] = {"right": [], "first wrong": []}
    for node in nodes:
        first = find_wrong_step(node)
        if first is None or first == node["depth"] - 1:
            sides["right" if first is None else "first wrong"].append(node["advantage"])
    for name, values in sides.items():
        mean, half = describe_mean(values)
        yield f"{len(values):,} {name} steps of all trees: advantage {mean:+.3f} ± {half:.3f}", True


def check_pits(states: list[dict[str, Any]]) -> tuple[str, bool]:
    """How often the first state without a success, next to one with some, is the truly wrong step."""
    by_id = {state["node_id"]: state for state in states}
    pits = [
        state for state in states
        if not state["succeeded"] and (by_id[state["parent_id"]]["depth"] if state["parent_id"] else 0) == state["depth"] - 1
        and (not state["parent_id"] or by_id[state["parent_id"]]["succeeded"])
    ]  # fmt: skip
    true = sum(find_wrong_step(state) == state["depth"] - 1 for state in pits)
    low, high = wilson(true, len(pits))
    line = f"OmegaPRM: of {len(pits):,} states where successes end, the truly wrong step {true / len(pits):.1%} ({low:.1%}-{high:.1%}), at least {PITS:.0%}"
    return line, true >= PITS * len(pits)


def main() -> int:
    """Build, measure, print; whether all figures are met is the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", help="where tables are kept; without it a folder that is removed")
    parser.add_argument("--count", type=int, default=200, help="problems of the world")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        store = given.store or folder
        tables = build("search.yaml", store, given.count)
        asked = check_asked(count_asked(store))
    solutions = [
        {**row, "gold_first_error": find_first(row["program"], row["steps"])} for row in tables["solutions"].to_dicts()
    ]
    checks = [*check_advantages(list(list_advantages(solutions))), *check_nodes(tables["valued"].to_dicts())]
    return print_checks([*checks, check_pits(tables["states"].to_dicts()), asked])


if __name__ == "__main__":
    sys.exit(main())
