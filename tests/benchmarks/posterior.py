"""How right and how sure the posterior is: `python -m tests.benchmarks.posterior [FOLDER]`.

Recorded evidence of a real model (FOLDER/labels-qwen/gsm8k.jsonl.gz, else
$ERRATA_DATA), labelled through the task `evidence` and cross-validated by problem,
beside rollouts alone, judges alone and the simple rules on the same solutions;
what a better judge would bring is simulated on them. Exits non-zero where a
figure is missed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from catalog.records.read import read_batches
from catalog.sources import find_sources
from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.score import NONE, Share
from tasks.localize.agree import choose_least
from tasks.localize.posterior.rates import EVIDENCE, EvidenceName
from tasks.sources.evidence import EVIDENCE_TASK, EvidenceParameters
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

FORMS = {"json": "json_replies", "critique": "judge_A", "critique with reference": "judge_C", "steps": "judge_D"}


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
    return label_rows_of(rows, rows, wanted, truth)


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


def main() -> int:
    """Print curves and figures; 1 where one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", help="where the recorded evidence lies, else $ERRATA_DATA")
    given = parser.parse_args()
    folder = given.folder or os.environ.get("ERRATA_DATA")
    if not folder:
        parser.error("name the folder that holds labels-qwen/, or set ERRATA_DATA")
    return print_figures(check_recorded(Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
