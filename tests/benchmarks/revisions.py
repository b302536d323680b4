"""What critiques and revisions are worth, where it is known: `python -m tests.benchmarks.revisions [--count N]`.

A teacher of known truth criticizes and revises with declared rates of error, and
`revise` must find them again: critiques that are kept because they help locate
the true step as much oftener than all do as Bayes' rule says; told the
reference's critique, the second turn is right as often as `fixes` says; and what
`errata evaluate` says of the tables is what was declared, within its 95 % intervals:
CL and CS (arXiv 2412.19513) alone and after critiques, and of the critic how many
wrong answers it catches, right ones it passes, and first wrong steps it names. Exits
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
from flows.metrics.evaluate import read_table
from flows.metrics.transitions import TransitionTable, evaluate_transitions
from flows.planning.plan import make_plan
from flows.running.run_plan import materialize
from tasks.evaluation.score import Share, wilson
from tasks.synthetic.program import load_program
from tasks.synthetic.truth import find_truth

MISSES, ELSEWHERE, ALARMS, FIXES, GUESSES, SPOILS = 0.15, 0.25, 0.1, 0.9, 0.3, 0.2
SAMPLES, HELPS = 8, 0.6
POINTS = 0.03
RECIPE = f"""\
corpus: revisions
version: 0.1.0
title: T
license: Apache-2.0
models:
  pupil: {{engine: world, skill: {{slips: 0.5}}}}
  critic: {{engine: world, skill: {{misses: {MISSES}, elsewhere: {ELSEWHERE}, alarms: {ALARMS}}}, seed: 1}}
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
  criticized: {{task: revise, from: verified, actor: reviser, critics: [critic], stop: turns, prompt: abacus-solve}}
  release: {{task: release, from: helped}}
"""


def build(count: int) -> tuple[dict[str, pl.DataFrame], dict[str, TransitionTable]]:
    """The tables, from so many problems, of which half are first solved wrongly; of some what `errata evaluate` says."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "revisions.yaml"
        path.write_text(RECIPE.replace("COUNT", str(count)), "utf-8")
        plan = materialize(make_plan(str(path), None, f"{folder}/store"))
        jobs = {job.name: job for job in plan.jobs}
        tables = {
            name: pl.concat(read_rows(jobs[name].folder(), jobs[name].contract, plan.done[name]))
            for name in ("helped", "informed")
        }
        places = {name: read_table(jobs[name], plan.done[name]) for name in ("alone", "criticized")}
        return tables, {name: evaluate_transitions([place], None, None) for name, place in places.items()}


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


def check_informed(informed: pl.DataFrame) -> bool:
    """Second turns after reference feedback."""
    second = informed.filter(pl.col("turn") == 1)
    right = second.filter(pl.col("verdict") == "right").height / second.height
    return report(
        "second turns right after the reference's critique", right, FIXES - POINTS, FIXES + POINTS, second.height
    )


def check_transitions(name: str, table: TransitionTable, fixed: float) -> list[bool]:
    """What revising does to right and wrong attempts, against the declared rates; every row is in a count."""
    (group,) = table.groups.values()
    transitions = group.decided
    assert transitions is not None and table.rows_in == table.pairs + table.first_attempts and not table.rejected
    intervals = transitions.measure_intervals()
    results = []
    for figure, value, declared in (
        ("CL", transitions.confidence_level, 1 - SPOILS),
        ("CS", transitions.critique_score, fixed),
    ):
        interval = intervals[figure]
        assert value is not None and interval is not None
        results.append(report_interval(f"{figure} {name}", value, interval, declared))
    return results


def check_critic(table: TransitionTable) -> list[bool]:
    """What the critic says of answers and steps, against the declared rates."""
    (critic,) = table.critics.values()
    answers = critic.critique.answers
    shares: tuple[tuple[str, Share, float], ...] = (
        ("wrong answers that the critic catches", answers.recall, 1 - MISSES),
        ("right answers that it passes", answers.specificity, 1 - ALARMS),
        ("first wrong steps that it names", critic.located, 1 - MISSES - ELSEWHERE),
    )
    return [report_interval(f"{name}, of {share.of:,}", share.rate or 0.0, share.interval or (0.0, 1.0), declared) for name, share, declared in shares]  # fmt: skip


def report_interval(name: str, value: float, interval: tuple[float, float], declared: float) -> bool:
    low, high = interval
    held = low <= declared <= high
    print(f"{name:58} {value:7.1%}  interval {low:.1%} to {high:.1%}, declared {declared:.0%}  {'ok' if held else 'MISSED'}")  # fmt: skip
    return held


def main(argv: Sequence[str] | None = None) -> int:
    """Build, compare, and say what was missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=2600, help="problems; half of them are first solved wrongly")
    tables, evaluated = build(parser.parse_args(argv).count)
    located = 1 - MISSES - ELSEWHERE
    results = [
        *check_critiques(tables["helped"]), check_informed(tables["informed"]),
        *check_transitions("when asked to look again", evaluated["alone"], GUESSES),
        *check_transitions("after a critique", evaluated["criticized"], located * FIXES + (1 - located) * GUESSES),
        *check_critic(evaluated["criticized"]),
    ]  # fmt: skip
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
