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
from tasks.evaluation.score import NONE, Gold, Share
from tasks.localize.agree import LABELS
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
    at = result[0.4]
    figures = [
        (
            "recorded: precision at least 0.80 at 40 % of the wrong solutions",
            f"{at.rate or 0:.3f} ({at.hits} of {at.of})",
            (at.rate or 0) >= 0.8,
        )
    ]
    for name, other in (("rollouts alone", plain), ("a posterior of rollouts alone", curves["posterior of rollouts"])):
        worse = [
            f"{level:.0%}: {result[level].hits} and {other[level].hits} of {other[level].of}"
            for level in LEVELS
            if level in result and level in other and result[level].hits < other[level].hits
        ]
        figures.append((f"recorded: no worse than {name} at any retention", "; ".join(worse) or "at none", not worse))
    return figures + check_calibration("recorded", measure(wrong, posterior))


def judge_abacus(folder: str, quick: bool) -> dict[str, Rows]:
    """Abacus' wrong solutions with the evidence of a build, and a right solution of the problem where it found one."""
    from tests.benchmarks.localisation import PROMPTS, Asker, solved

    asker = Asker(folder)
    default = solved(asker, 3, 60 if quick else 700, 4)
    hard = solved(asker, 5, 40 if quick else 420, 8)
    long = pl.col("steps").list.len().is_between(8, 20) & (pl.col("solved") >= 2)
    sets = {}
    for name, every, chosen in (("default", default, pl.lit(True)), ("long", hard, long)):
        right = (
            every.filter(pl.col("verdict") == "right")
            .group_by("problem_id")
            .agg(right_rationale=pl.col("rationale").first())
        )
        rows = every.filter((pl.col("verdict") == "wrong") & chosen)
        rows = asker.made("judge", rows, models=["abacus"], prompt="abacus-judge", max_tokens=1200)
        rows = asker.made("estimate", rows, model="abacus", method="every-step", rollouts=8, label="soft", **PROMPTS)
        rows = rows.drop("right_rationale", strict=False).join(right, on="problem_id", how="left")
        sets[name] = [{**row, GOLD_STEP: row["truth"]} for row in rows.to_dicts()]
    return sets


def check_abacus(quick: bool) -> Figures:
    """The figures of Abacus' truth."""
    with TemporaryDirectory(prefix="errata-") as folder:
        sets = judge_abacus(folder, quick)
    figures: Figures = []
    for name, level, least, most in (("default", 0.85, 0.99, 0.02), ("long", 0.6, 0.97, None)):
        rows = sets[name]
        labels = label(rows)
        print(f"Abacus, {name}: {len(rows)} wrong solutions\n")
        print_curves({
            "posterior": trace(rows, labels), "posterior, truth not used": trace(rows, label(rows, truth=False)),
            "posterior of rollouts": trace(rows, label(rows, ("rollouts",))), "rollouts alone": trace(rows, label_by_rollouts(rows)),
            "posterior of votes and numbers": trace(rows, label(rows, ("votes", "steps"))),
            "judge alone": trace(rows, {row["solution_id"]: (row["judge_first_error"], 0.5) for row in rows}),
        })  # fmt: skip
        surest = sorted(rows, key=lambda row: (-labels[row["solution_id"]][1], row["solution_id"]))[
            : round(level * len(rows))
        ]
        exact = Share(sum(labels[row["solution_id"]][0] == row[GOLD_STEP] for row in surest), len(surest))
        figures.append(
            (
                f"Abacus, {name}: precision at least {least} at {level:.0%}",
                f"{exact.rate or 0:.4f} ({exact.hits} of {exact.of})",
                (exact.rate or 0) >= least,
            )
        )
        figures += check_calibration(f"Abacus, {name}", measure(rows, labels), most)
    return figures


def main() -> int:
    """Print curves and figures; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default=os.environ.get("ERRATA_DATA"), type=str)
    parser.add_argument("--abacus", action="store_true", help="Abacus' solutions too; an hour on two busy cores")
    parser.add_argument("--quick", action="store_true", help="few of them, whose figures say nothing")
    given = parser.parse_args()
    figures = check_recorded(Path(given.folder)) if given.folder else []
    figures += check_abacus(given.quick) if given.abacus else []
    for demanded, measured, met in figures:
        print(f"{'met   ' if met else 'MISSED'}  {demanded}: {measured}")
    return int(not all(met for *_, met in figures))


if __name__ == "__main__":
    sys.exit(main())
