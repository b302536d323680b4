"""What critiques and revisions are worth, where it is known: `python -m tests.benchmarks.revisions [--count N]`.

A teacher of known truth criticizes and revises with declared rates of error, and
`revise` must find them again: critiques that are kept because they help locate
the true step as much oftener than all do as Bayes' rule says; told the
reference's critique, the second turn is right as often as `fixes` says; and CL and
CS (arXiv 2412.19513) are the declared ones within their 95 % intervals. Exits
non-zero where a figure is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from math import ceil, comb
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from catalog.tables import read_rows
from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from tasks.evaluation.score import wilson
from tasks.evaluation.self_correction import count_transitions
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

MISSES, ELSEWHERE, FIXES, GUESSES, SPOILS = 0.15, 0.25, 0.9, 0.3, 0.2
SAMPLES, HELPS = 8, 0.6
POINTS = 0.03
RECIPE = f"""\
corpus: revisions
version: 0.1.0
title: T
license: Apache-2.0
models:
  pupil: {{engine: world, skill: {{slips: 0.5}}}}
  critic: {{engine: world, skill: {{misses: {MISSES}, elsewhere: {ELSEWHERE}}}, seed: 1}}
  reviser: {{engine: world, skill: {{fixes: {FIXES}, guesses: {GUESSES}, spoils: {SPOILS}}}, seed: 2}}
tables:
  problems: {{task: world, count: COUNT, level: 3}}
  solutions: {{task: generate, from: problems, models: [pupil], prompt: abacus-solve, sampling: [{{temperature: 1.0}}]}}
  steps: {{task: split, from: solutions}}
  verified: {{task: verify, from: steps}}
  wrong: {{task: select, from: verified, where: "verdict = 'wrong'", because: verdict}}
  helped: {{task: revise, from: wrong, actor: reviser, critics: [critic], prompt: abacus-solve, samples: {SAMPLES}}}
  informed: {{task: revise, from: wrong, actor: reviser, feedback: reference, critics: [critic], prompt: abacus-solve}}
  alone: {{task: revise, from: verified, actor: reviser, feedback: none, stop: turns, prompt: abacus-solve}}
  release: {{task: release, from: helped}}
"""


def build(count: int) -> dict[str, pl.DataFrame]:
    """The tables, from so many problems, of which half are first solved wrongly."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "revisions.yaml"
        path.write_text(RECIPE.replace("COUNT", str(count)), "utf-8")
        plan = materialize(make_plan(str(path), None, f"{folder}/store"))
        jobs = {job.name: job for job in plan.jobs}
        return {
            name: pl.concat(read_rows(jobs[name].folder(), jobs[name].contract, plan.done[name]))
            for name in ("helped", "informed", "alone")
        }


def tail(rate: float, least: int, of: int) -> float:
    """The probability of at least so many successes."""
    return sum(comb(of, k) * rate**k * (1 - rate) ** (of - k) for k in range(least, of + 1))


def predict_share(rate: float) -> float:
    """The share of kept critiques that locate the true step, by Bayes' rule, where of all critiques this share does."""
    least = ceil(HELPS * SAMPLES)
    true, false = rate * tail(FIXES, least, SAMPLES), (1 - rate) * tail(GUESSES, least, SAMPLES)
    return true / (true + false)


def locates(rows: pl.DataFrame) -> list[bool]:
    """For each revision whether the critique named the attempt's first wrong step."""
    return [
        row["critique_first_error"] == find_truth(load_program(row["program"]), row["steps_before"]).first_error
        for row in rows.to_dicts()
    ]


def report(name: str, value: float, low: float, high: float, of: int) -> bool:
    held = low <= value <= high
    print(f"{name:58} {value:7.1%}  wanted {low:.1%} to {high:.1%}, of {of:,}  {'ok' if held else 'MISSED'}")
    return held


def check_critiques(helped: pl.DataFrame) -> list[bool]:
    """All critiques against the declared rates, and those that help against Bayes' rule."""
    rows = helped.filter(pl.col("turn") == 1)
    kept = rows.filter(pl.col("helped") >= HELPS * pl.col("helped_of"))
    every, some = locates(rows), locates(kept)
    share, low_high = sum(every) / len(every), wilson(sum(every), len(every))
    expected = 1 - MISSES - ELSEWHERE
    print(f"declared: {expected:.1%} of critiques locate the step; kept are to by Bayes: {predict_share(expected):.1%}")
    return [
        low_high[0] <= expected <= low_high[1],
        report("critiques that locate the true step", share, *low_high, len(every)),
        report("of those that help", sum(some) / len(some), predict_share(expected) - POINTS, predict_share(expected) + POINTS, len(some)),
    ]  # fmt: skip


def check_revisions(informed: pl.DataFrame, alone: pl.DataFrame) -> list[bool]:
    """Second turns after reference feedback, and what revising without any does to right and wrong attempts."""
    second = informed.filter(pl.col("turn") == 1)
    right = second.filter(pl.col("verdict") == "right").height / second.height
    turned = alone.filter(pl.col("turn") == 1)
    pairs = [
        (row["problem_id"], row["verdict_before"] == "right", row["verdict"] == "right")
        for row in turned.to_dicts()
        if "undecided" not in (row["verdict_before"], row["verdict"])
    ]
    transitions = count_transitions(pairs)
    assert (
        transitions is not None and transitions.confidence_level is not None and transitions.critique_score is not None
    )
    intervals = transitions.measure_intervals()
    results = [
        report(
            "second turns right after the reference's critique", right, FIXES - POINTS, FIXES + POINTS, second.height
        )
    ]
    for name, value, declared in (
        ("CL", transitions.confidence_level, 1 - SPOILS),
        ("CS", transitions.critique_score, GUESSES),
    ):
        interval = intervals[name]
        assert interval is not None
        held = interval[0] <= declared <= interval[1]
        print(
            f"{name:58} {value:7.1%}  interval {interval[0]:.1%} to {interval[1]:.1%}, declared {declared:.0%}  {'ok' if held else 'MISSED'}"
        )
        results.append(held)
    return results


def main(argv: Sequence[str] | None = None) -> int:
    """Build, compare, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2600, help="problems; half of them are first solved wrongly")
    tables = build(parser.parse_args(argv).count)
    results = [*check_critiques(tables["helped"]), *check_revisions(tables["informed"], tables["alone"])]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
