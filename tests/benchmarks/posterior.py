"""How right and how sure the posterior is: `python -m tests.benchmarks.posterior [FOLDER] [--abacus] [--quick]`.

Recorded evidence of a real model (FOLDER/labels-qwen/gsm8k.jsonl.gz, else
$ERRATA_DATA), labelled through the task `evidence` and cross-validated by problem,
beside rollouts alone, judges alone and the simple rules on the same solutions;
what a better judge would bring is simulated on them. With `--abacus` Abacus'
solutions, of which the world knows the truth. Exits non-zero where a figure is
missed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from catalog.records.read import read_batches
from catalog.sources import find_sources
from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.calibration import Calibration, calibrate_labels
from tasks.evaluation.score import NONE, Gold, Share, score
from tasks.localize.agree import LABELS, choose_least
from tasks.localize.posterior.fit import fit_rates
from tasks.localize.posterior.label import label_rows
from tasks.localize.posterior.rates import EVIDENCE, EvidenceName
from tasks.sources.evidence import EVIDENCE_TASK, EvidenceParameters

FORMS = {"json": "json_replies", "critique": "judge_A", "critique with reference": "judge_C", "steps": "judge_D"}
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
Rows = list[dict[str, Any]]
Labels = dict[str, tuple[int | None, float]]
"""By solution the label and how sure it is."""


def read_recorded(folder: Path) -> Rows:
    """The recorded solutions with their evidence, and people's labels as gold."""
    fields = {name: {"path": path, "optional": True} for name, path in FORMS.items()}
    rules = EvidenceParameters.model_validate({
        "files": ["x"], "set": {"value": "GSM8K"}, "question": "question", "answer": "answer", "reference": {"path": "reference", "optional": True},
        "steps": "steps", "verdict": "verdict", "judges": fields,
    })  # fmt: skip
    name = str(folder / "labels-qwen" / "gsm8k.jsonl.gz")
    records = [record for source in find_sources(name, name) for batch, _ in read_batches(source) for record in batch]
    kept = EVIDENCE_TASK.run(records, rules).kept
    gold = {record.source: int((record.value or {})["label"]) for record in records}
    return [{**row, GOLD_STEP: gold[row["source"]]} for row in kept.to_dicts()]


def label(rows: Rows, wanted: Sequence[EvidenceName] = EVIDENCE, truth: bool = True) -> Labels:
    """The posterior's labels."""
    labels = label_rows(rows, LABELS, fit_rates(rows, LABELS, wanted, truth), wanted)
    return {row["solution_id"]: (each.first_error, each.probability) for row, each in zip(rows, labels)}


def label_by_rollouts(rows: Rows) -> Labels:
    """The step behind the last success, as sure as rollouts fail through it."""
    result: Labels = {}
    for row in rows:
        at = row["estimate_first_error"]
        failed = row["tried"][at] - row["succeeded"][at] if at is not None and at >= 0 else 0
        before = row["succeeded"][at - 1] if at else 0
        result[row["solution_id"]] = (at, (failed + before) / 20)
    return result


def label_by_votes(rows: Rows, form: str) -> Labels:
    """The step that most votes of a form name, of those that name one."""
    result: Labels = {}
    for row in rows:
        votes = [value for who, value in zip(row["judges"], row["judge_labels"]) if who.startswith(f"{form} #")]
        named = Counter(vote for vote in votes if vote is not None and vote >= 0)
        step, count = max(named.items(), key=lambda item: (item[1], -item[0]), default=(None, 0))
        result[row["solution_id"]] = (step, count / max(1, len(votes)))
    return result


def label_by_consensus(rows: Rows, form: str) -> Labels:
    """The rule of before: rollouts and the plurality of a form's votes name the same step."""
    rollouts, votes = label_by_rollouts(rows), label_by_votes(rows, form)
    return {key: (step if votes[key][0] == step else None, votes[key][1]) for key, (step, _) in rollouts.items()}


def measure(rows: Rows, labels: Labels) -> Calibration | None:
    """Labels of wrong solutions beside gold."""
    gold = [Gold(row["solution_id"], row[GOLD_STEP], len(row["steps"]), "", "") for row in rows]
    steps = {key: step for key, (step, _) in labels.items()}
    return calibrate_labels(gold, steps, {key: sure for key, (_, sure) in labels.items()})


def trace(rows: Rows, labels: Labels) -> dict[float, Share]:
    """The precision at shares of the solutions, the surest labels first."""
    ordered = sorted(
        ((-labels[row["solution_id"]][1], row["solution_id"], labels[row["solution_id"]][0] == row[GOLD_STEP]) for row in rows if labels[row["solution_id"]][0] not in (None, NONE)),
    )  # fmt: skip
    counts = {level: round(level * len(rows)) for level in LEVELS}
    return {
        level: Share(sum(exact for *_, exact in ordered[:count]), count)
        for level, count in counts.items()
        if 0 < count <= len(ordered)
    }


def simulate_judge(rows: Rows, right: float, votes: int = 8) -> Rows:
    """The rows with votes of one more judge that is right so often; wrong votes of a row mostly name the same wrong step."""
    random = np.random.default_rng(7)
    result = []
    for row in rows:
        length, truth = len(row["steps"]), row[GOLD_STEP]
        own = random.random() < right
        astray = int(random.choice([step for step in range(length) if step != truth] or [truth]))
        cast = [truth if (own if random.random() < 0.7 else random.random() < right) else astray for _ in range(votes)]
        result.append(
            {
                **row,
                "judges": [*row["judges"], *(f"simulated #{n}" for n in range(votes))],
                "judge_labels": [*row["judge_labels"], *cast],
            }
        )
    return result


def print_curves(curves: Mapping[str, Mapping[float, Share]]) -> None:
    """A line for each labeller: precision, in percent, at each retention."""
    width = max(map(len, curves))
    print(f"{'precision, %, at retention':{width}}  " + "  ".join(f"{100 * level:4.0f} %" for level in LEVELS))
    for name, curve in curves.items():
        print(
            f"{name:{width}}  "
            + "  ".join(
                f"{100 * curve[level].hits / curve[level].of:6.1f}" if level in curve else "     –" for level in LEVELS
            )
        )
    print()


Figures = list[tuple[str, str, bool]]
"""What is demanded, what was measured, whether it is met."""


def check_calibration(name: str, calibration: Calibration | None, most: float | None = None) -> Figures:
    """Whether the stated precision lies within the interval of the measured one, and the calibration error is small enough."""
    assert calibration is not None
    low, high = calibration.exact.interval or (0.0, 1.0)
    text = f"said {100 * calibration.expected:.1f} %, is {100 * (calibration.exact.rate or 0):.1f} % ({100 * low:.1f}-{100 * high:.1f})"
    figures = [(f"{name}: what is said lies within the interval of what is", text, calibration.gap == 0)]
    if most is not None:
        figures.append(
            (f"{name}: calibration error at most {most}", f"{calibration.error:.4f}", calibration.error <= most)
        )
    return figures


def _describe_point(level: float, share: Share) -> str:
    low, high = share.interval or (0.0, 1.0)
    return f"{level:.0%} {100 * (share.rate or 0):.1f} ({100 * low:.1f}-{100 * high:.1f})"


def check_recorded(folder: Path) -> Figures:
    """The figures of the recorded evidence."""
    rows = read_recorded(folder)
    wrong = [row for row in rows if row["verdict"] == "wrong"]
    posterior, rollouts = label(rows), label(rows, ("rollouts",))
    curves = {
        "posterior": trace(wrong, posterior),
        "posterior, truth not used": trace(wrong, label(rows, truth=False)),
        "posterior of rollouts": trace(wrong, rollouts),
        "posterior without reference": trace(wrong, label([{**row, "reference": None} for row in rows])),
        "rollouts alone": trace(wrong, label_by_rollouts(wrong)),
        **{f"judge alone, {form}": trace(wrong, label_by_votes(wrong, form)) for form in FORMS},
        "rollouts and judge (steps)": trace(wrong, label_by_consensus(wrong, "steps")),
    }
    print(f"recorded evidence: {len(rows)} solutions, {len(wrong)} of them wrong; rates fitted to other problems\n")
    print_curves(curves)
    print_curves(
        {
            f"with a judge right {right:.0%} of the time": trace(wrong, label(simulate_judge(rows, right)))
            for right in (0.6, 0.7, 0.8)
        }
    )
    result, plain = curves["posterior"], curves["rollouts alone"]
    print(
        "the frontier of the posterior, 95 %: " + ", ".join(_describe_point(*point) for point in result.items()) + "\n"
    )
    at = result[0.4]
    figures = [
        (
            "recorded: precision at least 0.80 at 40 % of the wrong solutions",
            f"{at.rate or 0:.3f} ({at.hits} of {at.of})",
            (at.rate or 0) >= 0.8,
        )
    ]
    for name, other in (("rollouts alone", plain), ("a posterior of rollouts alone", curves["posterior of rollouts"])):
        figures.append(compare_curves(name, result, other))
    figures += [check_expected(rows, posterior)]
    return figures + check_calibration("recorded", measure(wrong, posterior))


def compare_curves(name: str, result: Mapping[float, Share], other: Mapping[float, Share]) -> tuple[str, str, bool]:
    """Whether a curve is below another one at any retention by more than both intervals leave open; where it is below at all."""
    lower = [
        (level, share, other[level])
        for level, share in result.items()
        if level in other and share.hits < other[level].hits
    ]
    beyond = [level for level, share, rival in lower if (rival.interval or (0, 1))[0] > (share.interval or (0, 1))[1]]
    text = "; ".join(f"{level:.0%}: {share.hits} and {rival.hits} of {rival.of}" for level, share, rival in lower)
    return (
        f"recorded: at no retention less right than {name}, beyond both intervals",
        f"less: {text or 'nowhere'}",
        not beyond,
    )


def check_expected(rows: Rows, labels: Labels, expected: float = 0.85) -> tuple[str, str, bool]:
    """The labels that catalog/recipes/evidence.yaml keeps: as many as are expected to be right, whatever people say of them."""
    named = [sure for step, sure in labels.values() if step is not None and step >= 0]
    least = choose_least(named, expected)
    kept = [row for row in rows if (label := labels[row["solution_id"]])[0] not in (None, NONE) and label[1] >= least]
    exact = Share(sum(labels[row["solution_id"]][0] == row[GOLD_STEP] for row in kept), len(kept))
    low, high = exact.interval or (0.0, 1.0)
    wrong = sum(row["verdict"] == "wrong" for row in rows)
    share = sum(row["verdict"] == "wrong" for row in kept) / wrong
    text = f"{exact.rate or 0:.3f} ({low:.3f}-{high:.3f}) at {share:.1%} of the wrong solutions, at least {least:.2f}"
    return (
        f"recorded: precision at least 0.80 at 40 % where {expected:.0%} are expected",
        text,
        (exact.rate or 0) >= 0.8 and share >= 0.4,
    )


def judge_abacus(folder: str, quick: bool) -> dict[str, Rows]:
    """Abacus' solutions with the evidence of the default corpus, a right solution of the problem beside each if Abacus found one.

    Args:
        folder: Where the ledger is kept.
        quick: Whether there are to be few.

    Returns:
        The wrong ones of the default dial, distinct right ones of the same problems, and long wrong ones.

    """
    from tests.benchmarks.localisation import PROMPTS, Asker, solved

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


def label_rows_of(rows: Rows, fitted_to: Rows, wanted: Sequence[EvidenceName], truth: bool) -> Labels:
    """The posterior's labels of some rows, with rates that are fitted to these and others."""
    labels = label_rows(rows, LABELS, fit_rates(fitted_to, LABELS, wanted, truth), wanted)
    return {row["solution_id"]: (each.first_error, each.probability) for row, each in zip(rows, labels)}


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


def check_abacus(quick: bool) -> Figures:
    """The figures of Abacus' truth."""
    with TemporaryDirectory(prefix="errata-") as folder:
        sets = judge_abacus(folder, quick)
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
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=str)
    parser.add_argument("--data", help="the same")
    parser.add_argument("--abacus", action="store_true", help="Abacus' solutions too; an hour on two busy cores")
    parser.add_argument("--quick", action="store_true", help="few of them, whose figures say nothing")
    given = parser.parse_args()
    folder = given.folder or given.data or os.environ.get("ERRATA_DATA")
    figures = check_recorded(Path(folder)) if folder else []
    figures += check_abacus(given.quick) if given.abacus else []
    for demanded, measured, met in figures:
        print(f"{'met   ' if met else 'MISSED'}  {demanded}: {measured}")
    return int(not all(met for *_, met in figures))


if __name__ == "__main__":
    sys.exit(main())
