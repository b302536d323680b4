"""How right and how sure the posterior is of Abacus' solutions: `python -m tests.benchmarks.posterior_abacus [--ledger FOLDER] [--quick]`.

The world knows the truth of each step; no labeller sees it, unless the line says that rates are fitted to known
truth. Beside rollouts alone, the judge alone and where these agree. Exits non-zero where a figure is missed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from tempfile import TemporaryDirectory

import polars as pl

from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.score import NONE, Gold, Share, score
from tasks.localize.posterior.rates import EVIDENCE, EvidenceName
from tests.benchmarks.localisation import PROMPTS, Asker, solved
from tests.benchmarks.posterior_curves import (
    Figures,
    Labels,
    Rows,
    check_calibration,
    label_rows_of,
    measure,
    print_curves,
    print_figures,
    trace,
)


def judge_abacus(folder: str, quick: bool) -> dict[str, Rows]:
    """Abacus' solutions with the evidence of the default corpus, a right solution of the problem beside each if Abacus found one.

    Args:
        folder: Where the ledger is kept.
        quick: Whether there are to be few.

    Returns:
        The wrong ones of the default dial, distinct right ones of the same problems, and long wrong ones.

    """
    asker = Asker(folder)
    default = solved(asker, 3, 60 if quick else 700, 4)
    hard = solved(asker, 5, 40 if quick else 420, 8)
    long = pl.col("steps").list.len().is_between(8, 20) & (pl.col("solved") >= 2)
    wrong, right = pl.col("verdict") == "wrong", pl.col("verdict") == "right"
    chosen = {
        "default": default.filter(wrong),
        "right": default.filter(right).unique(["problem_id", "rationale"], keep="first", maintain_order=True),
        "long": hard.filter(wrong & long),
    }
    sets = {}
    for name, rows in chosen.items():
        beside = (
            (default if name != "long" else hard)
            .filter(right)
            .group_by("problem_id")
            .agg(right_rationale=pl.col("rationale").first())
        )
        rows = asker.made("judge", rows, models=["abacus"], prompt="abacus-judge", max_tokens=1200)
        witness = asker.made("estimate", rows, model="abacus", method="witness", rollouts=8, **PROMPTS)
        alone = asker.made("estimate", rows, model="abacus", method="sequential", rollouts=8, **PROMPTS)
        witness = witness.drop("right_rationale", strict=False).join(
            beside, on="problem_id", how="left", maintain_order="left"
        )
        labels = alone["estimate_first_error"], alone["rollout_tokens"]
        sets[name] = [
            {**row, GOLD_STEP: row["truth"], "alone": step, "alone_tokens": tokens}
            for row, step, tokens in zip(witness.to_dicts(), *labels)
        ]
    return sets


def compare_abacus(rows: Rows, fitted_to: Rows) -> dict[str, tuple[Labels, int]]:
    """By what labels are made from the labels, and the tokens that were spent on them."""
    judged = sum(row["judge_tokens"] for row in rows)
    rolled, alone = sum(row["rollout_tokens"] for row in rows), sum(row["alone_tokens"] for row in rows)

    def of(wanted: Sequence[EvidenceName] = EVIDENCE, truth: bool = True) -> Labels:
        return label_rows_of(rows, fitted_to, wanted, truth)

    agreed = {row["solution_id"]: (row["judge_first_error"] if row["judge_first_error"] == row["estimate_first_error"] else None, 0.5) for row in rows}  # fmt: skip
    return {
        "posterior": (of(), judged + rolled),
        "posterior, truth not used": (of(truth=False), judged + rolled),
        "posterior of votes and numbers": (of(("votes", "steps")), judged),
        "posterior of votes and numbers, truth not used": (of(("votes", "steps"), False), judged),
        "posterior of rollouts": (of(("rollouts",)), judged + rolled),
        "rollouts alone (sequential)": ({row["solution_id"]: (row["alone"], 0.5) for row in rows}, alone),
        "judge alone": ({row["solution_id"]: (row["judge_first_error"], 0.5) for row in rows}, judged),
        "judge and rollouts that agree": (agreed, judged + rolled),
    }


def take_surest(rows: Rows, labels: Labels, level: float) -> Share:
    """The exact ones among the surest labels that name a step, of so many of the rows, or of all that there are."""
    named = [row for row in rows if labels[row["solution_id"]][0] not in (None, NONE)]
    surest = sorted(named, key=lambda row: (-labels[row["solution_id"]][1], row["solution_id"]))[
        : round(level * len(rows))
    ]
    return Share(sum(labels[row["solution_id"]][0] == row[GOLD_STEP] for row in surest), len(surest))


def print_costs(rows: Rows, compared: Mapping[str, tuple[Labels, int]], level: float) -> None:
    """What is kept at a retention, how right it is, and for how many tokens a row."""
    width = max(map(len, compared))
    print(f"{f'at {level:.0%} or below':{width}}  kept, %        exact, %  tokens for each kept row")
    for name, (labels, tokens) in compared.items():
        exact = take_surest(rows, labels, level)
        low, high = exact.interval or (0.0, 1.0)
        share = f"{100 * (exact.rate or 0):.1f} ({100 * low:.1f}-{100 * high:.1f})"
        print(f"{name:{width}}  {100 * exact.of / len(rows):7.1f}  {share:>16}  {tokens / max(1, exact.of):24.0f}")
    print()


def check_abacus(sets: Mapping[str, Rows]) -> Figures:
    """The figures of Abacus' truth."""
    figures: Figures = []
    for name, level, least, most in (("default", 0.85, 0.99, 0.02), ("long", 0.6, 0.97, None)):
        rows = sets[name]
        compared = compare_abacus(rows, [*rows, *sets["right"]] if name == "default" else rows)
        print(f"Abacus, {name}: {len(rows)} wrong solutions\n")
        print_curves({key: trace(rows, labels) for key, (labels, _) in compared.items() if key.startswith("posterior")})
        print_costs(rows, compared, level)
        for key in ("posterior", "posterior, truth not used"):
            exact = take_surest(rows, compared[key][0], level)
            of = f"{exact.rate or 0:.4f} ({exact.hits} of {exact.of})"
            figures.append(
                (f"Abacus, {name}, {key}: precision at least {least} at {level:.0%}", of, (exact.rate or 0) >= least)
            )
        figures += check_calibration(f"Abacus, {name}, posterior", measure(rows, compared["posterior"][0]), most)
        (_, blind, _), *_ = check_calibration(name, measure(rows, compared["posterior, truth not used"][0]))
        print(f"without known truth nothing is calibrated: {blind}\n")
        if name == "default":
            figures.append(check_cost(rows, compared, level, least))
    return figures + check_right(sets["default"], sets["right"])


def check_cost(
    rows: Rows, compared: Mapping[str, tuple[Labels, int]], level: float, least: float
) -> tuple[str, str, bool]:
    """Whether labels so right cost 180 tokens a kept row at most; the cheapest that are so right are told."""
    costs = []
    for name, (labels, tokens) in compared.items():
        exact = take_surest(rows, labels, level)
        if exact.of >= round(level * len(rows)) and (exact.rate or 0) >= least:
            costs.append((tokens / exact.of, name))
    cost, name = min(costs, default=(float("inf"), "nothing"))
    return (
        f"Abacus, default: {least:.0%} precise at {level:.0%} for 180 tokens a kept row",
        f"{cost:.0f}, {name}",
        cost <= 180,
    )


def check_right(wrong: Rows, right: Rows) -> Figures:
    """What is said of right solutions, without known truth: none, and the wrong steps of right answers."""
    rows = [*wrong, *right]
    labels = label_rows_of(rows, rows, EVIDENCE, False)
    kept = [row for row in right if labels[row["solution_id"]][1] >= 0.85]
    none = [row for row in kept if labels[row["solution_id"]][0] == NONE]
    steps = [row for row in kept if labels[row["solution_id"]][0] != NONE]
    exact = Share(sum(row[GOLD_STEP] == NONE for row in none), len(none))
    low, high = exact.interval or (0.0, 1.0)
    located = Share(sum(row[GOLD_STEP] == labels[row["solution_id"]][0] for row in steps), len(steps))
    flawed = sum(row[GOLD_STEP] != NONE for row in right)
    expected = sum(labels[row["solution_id"]][1] for row in none) / max(1, len(none))
    print(
        f"right solutions: {len(right)}, {flawed} of them with a wrong step; {located.of} are said to have one, {located.hits} rightly\n"
    )
    gold = [Gold(row["solution_id"], row[GOLD_STEP], len(row["steps"]), "", "") for row in rows]
    f1 = score(gold, {key: step if sure >= 0.85 else None for key, (step, sure) in labels.items()}).f1 or 0.0
    f1_judge = score(gold, {row["solution_id"]: row["judge_first_error"] for row in rows}).f1 or 0.0
    return [
        ("Abacus, right: none is said rightly of at least 97 %", f"{exact.rate or 0:.4f} ({exact.hits} of {exact.of}, {100 * low:.1f}-{100 * high:.1f} %; said {100 * expected:.1f} %)", (exact.rate or 0) >= 0.97),
        ("Abacus: F1 of what the posterior keeps at least that of the judge alone", f"{100 * f1:.1f} and {100 * f1_judge:.1f}", f1 >= f1_judge),
    ]  # fmt: skip


def main() -> int:
    """Print curves and figures; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ledger", help="a folder that keeps completions; without it an hour on two busy cores")
    parser.add_argument("--quick", action="store_true", help="few solutions, whose figures say nothing")
    given = parser.parse_args()
    with TemporaryDirectory(prefix="errata-") as scratch:
        sets = judge_abacus(given.ledger or scratch, given.quick)
    return print_figures(check_abacus(sets))


if __name__ == "__main__":
    sys.exit(main())
