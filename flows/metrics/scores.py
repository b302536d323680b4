"""Scores of labels against gold: tables of 80 columns for people, JSON for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from errata.cli import text

from flows.metrics.certainty import (
    describe_calibration,
    describe_cost,
    describe_share,
    format_certainty,
    format_costs,
    format_percent,
    format_share,
)
from flows.metrics.combinations import Combination, describe_combinations, format_combinations, group_combinations
from flows.metrics.detections import Detector, describe_detector, format_detectors
from flows.metrics.labeller_pairs import LabellerPairs, LabelOrigin, compare_labellers, describe_pairs, format_pairs
from flows.metrics.narrow_table import format_narrow_table
from flows.metrics.rejected_rows import fill_lines, format_rejected
from flows.metrics.type_confusion import TypeComparison
from tasks.evaluation.artifact_baseline import ArtifactBaseline
from tasks.evaluation.calibration import Calibration, Probabilities, calibrate_labels
from tasks.evaluation.critique import Explained, score_critique, sum_explained
from tasks.evaluation.detection import WrongSteps, detect_groups, detect_levels, group_rows
from tasks.evaluation.fields import Rejected
from tasks.evaluation.score import Gold, Labels, Score, Share, average_f1, name_length_range, score, score_groups
from tasks.evaluation.types import UNDECIDED

NEAR = 3
"""Distances up to this have a column of their own."""
NOTES = """\
exact      the label is gold's: on wrong rows its step (the recall of the
           location), on right rows none; no label, or undecided, is not exact
F1         harmonic mean of the two exact shares, as in ProcessBench
precision  exact among the labels that name a step, on wrong and right rows
labelled   rows with a label, a step or none: the retention
%          with the 95 % interval of Wilson"""


@dataclass(frozen=True)
class Evaluation:
    """Labels beside gold."""

    labels: str
    """Where the labels lie."""
    gold: str
    """Where the gold lies."""
    format: str
    by: str
    """What rows are grouped by: set or length."""
    rows: Sequence[Gold]
    labellers: Mapping[str, Labels]
    """Each labeller's labels, counted from 0."""
    rejected: Sequence[Rejected]
    """Rows of gold that cannot be used."""
    typed: TypeComparison | None = None
    """What the labels say of the types of mistakes, where gold knows them."""
    artifact_baseline: ArtifactBaseline | None = None
    """How far the looks of mistakes made on purpose tell them from right solutions; None of other gold, or of little."""
    probabilities: Mapping[str, Probabilities] = field(default_factory=dict)
    """Each labeller's probabilities that its labels are right, as far as it has them."""
    tokens: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """By labeller and id what its labels of the rows cost, where that is known."""
    origins: Mapping[str, LabelOrigin] = field(default_factory=dict)
    """Who stands behind each labeller, where that is declared."""
    carried: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By labeller and id the combination of evidence that speaks for its label, where it says so."""
    explained: Mapping[str, Explained] = field(default_factory=dict)
    """By labeller and id what judges say of its explanations, where a column holds that."""
    wrong_steps: Mapping[str, WrongSteps] = field(default_factory=dict)
    """By labeller and id which of all steps it calls wrong, where labels and gold speak of every step."""

    def calibrations(self) -> dict[str, Calibration]:
        """The calibration of each labeller that says how sure it is."""
        calibrations = {
            name: calibrate_labels(self.rows, self.labellers[name], given) for name, given in self.probabilities.items()
        }
        return {name: calibration for name, calibration in calibrations.items() if calibration is not None}

    def groups(self, labeller: str) -> dict[str, Score]:
        """The labeller's score by group."""
        scores = score_groups(
            self.rows, self.labellers[labeller], name_length_range if self.by == "length" else lambda row: row.set
        )
        return {name: scores[name] for name in sorted(scores, key=_make_sort_key)}

    def pairs(self) -> LabellerPairs | None:
        """How far independent labellers agree on the rows of gold, and what others confirm; None of one alone."""
        return compare_labellers([row.id for row in self.rows], self.labellers, self.origins)

    def detectors(self) -> dict[str, Detector]:
        """Each labeller as a detector of mistakes."""
        return {name: self._detect(name) for name in self.labellers}

    def _detect(self, labeller: str) -> Detector:
        labels, explained = self.labellers[labeller], self.explained.get(labeller, {})
        every = self.wrong_steps.get(labeller, {})
        sets = group_rows(self.rows, lambda row: row.set)
        types = detect_groups(self.rows, labels, lambda row: row.type)
        return Detector(
            detect_levels(self.rows, labels, every),
            {name: score_critique(rows, labels, explained, every) for name, rows in sets.items()},
            {name: levels["solution"] for name, levels in types.items()},
            sum_explained(self.rows, labels, explained, every),
            len(every),
        )

    def combinations(self) -> dict[str, list[Combination]]:
        """By labeller its labels by what speaks for them."""
        return {
            name: group_combinations(self.rows, self.labellers[name], carried, self.tokens.get(name, {}))
            for name, carried in self.carried.items()
        }

    def sum_tokens(self, labeller: str) -> int | None:
        """What a labeller's labels of the rows cost; None where that is not known."""
        return sum(self.tokens[labeller].values()) if labeller in self.tokens else None

    def unknown(self, labeller: str) -> int:
        """Labels of solutions that gold does not have."""
        return len(self.labellers[labeller].keys() - {row.id for row in self.rows})


def _make_sort_key(name: str) -> tuple[int, str]:
    digits = name.partition("-")[0].partition("+")[0].partition(" ")[0]
    return (int(digits) if digits.isdecimal() else 0, name)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Everything, for machines; shares are 0 to 1, null of nothing."""
    labellers = {}
    calibrations, combinations = evaluation.calibrations(), evaluation.combinations()
    detectors = evaluation.detectors()
    for name in evaluation.labellers:
        groups = evaluation.groups(name)
        whole = score(evaluation.rows, evaluation.labellers[name])
        labellers[name] = {
            "average_f1": average_f1(groups.values()) if evaluation.by == "set" else None,
            "all": _describe_score(whole),
            "detection": describe_detector(detectors[name]),
            "calibration": describe_calibration(calibrations.get(name)),
            "cost": describe_cost(evaluation.sum_tokens(name), whole),
            "combinations": describe_combinations(combinations.get(name, [])),
            "groups": {group: _describe_score(group_score) for group, group_score in groups.items()},
            "not_in_gold": evaluation.unknown(name),
        }
    return {
        "labels": evaluation.labels, "gold": evaluation.gold, "format": evaluation.format, "rows": len(evaluation.rows), "by": evaluation.by,
        "labellers": labellers, "agreement": describe_pairs(evaluation.pairs()), "types": _describe_types(evaluation.typed),
        "giveaway": asdict(evaluation.artifact_baseline) if evaluation.artifact_baseline else None, "rejected": [asdict(rejected) for rejected in evaluation.rejected],
    }  # fmt: skip


def _describe_types(comparison: TypeComparison | None) -> dict[str, Any] | None:
    if comparison is None:
        return None
    return {"taxonomy": comparison.taxonomy, "without_a_name": comparison.nameless, **comparison.confusion.summarize()}


def _describe_score(result: Score) -> dict[str, Any]:
    shares = {
        "exact_wrong": result.wrong, "exact_right": result.right, "precision": result.located, "recall": result.wrong,
        "labelled": result.kept, "labelled_wrong": result.kept_wrong, "labelled_right": result.kept_right,
    }  # fmt: skip
    return {
        "f1": result.f1,
        **{name: describe_share(share) for name, share in shares.items()},
        "on_wrong": {
            "distances": {str(distance): n for distance, n in result.distances.items()},
            "none": result.missed,
            "undecided": result.kept_wrong.of - result.kept_wrong.hits,
        },
        "on_right": {
            "step": result.alarms, "none": result.right.hits, "undecided": result.kept_right.of - result.kept_right.hits
        },
        "absent": result.absent,
    }  # fmt: skip


def format_scores(evaluation: Evaluation) -> str:
    """The tables, 80 columns wide, and what they mean."""
    scored: list[tuple[str, Score | None, float | None]] = []
    for labeller in evaluation.labellers:
        groups = evaluation.groups(labeller)
        scored.append((labeller, score(evaluation.rows, evaluation.labellers[labeller]), None))
        if len(groups) > 1:
            scored += [(f"  {name}", group_score, None) for name, group_score in groups.items()]
            if evaluation.by == "set":
                scored.append((f"  mean of {_count_with_f1(groups)} sets", None, average_f1(groups.values())))
    parts = [
        _format_head(evaluation),
        _format_exact(scored),
        _format_labelled(scored),
        _format_distances(scored),
        format_detectors(evaluation.detectors()),
        format_certainty(evaluation.calibrations()),
        format_costs(_list_costs(evaluation)),
        format_combinations(evaluation.combinations()),
        format_pairs(evaluation.pairs()),
        _format_types(evaluation.typed),
        _format_artifacts(evaluation.artifact_baseline),
        NOTES,
        _format_remarks(evaluation),
    ]
    return "\n\n".join(part for part in parts if part)


def _list_costs(evaluation: Evaluation) -> dict[str, dict[str, Any]]:
    """What each labeller's labels cost, where that is known."""
    costs = {
        name: describe_cost(evaluation.sum_tokens(name), score(evaluation.rows, evaluation.labellers[name]))
        for name in evaluation.tokens
    }
    return {name: cost for name, cost in costs.items() if cost is not None}


def _format_head(evaluation: Evaluation) -> str:
    wrong = sum(row.first_error >= 0 for row in evaluation.rows)
    rows = f"{len(evaluation.rows):,} rows: {wrong:,} wrong, {len(evaluation.rows) - wrong:,} right"
    return text.strip_controls(f"labels  {evaluation.labels}\ngold    {evaluation.gold}, {evaluation.format}, {rows}")


def _count_with_f1(groups: Mapping[str, Score]) -> str:
    n = sum(group_score.f1 is not None for group_score in groups.values())
    return str(n) if n == len(groups) else f"{n} of {len(groups)}"


Scored = Sequence[tuple[str, Score | None, float | None]]


def _format_exact(scored: Scored) -> str:
    head = ["", "wrong", "exact, %", "right", "exact, %", "F1"]
    rows: list[list[object]] = []
    for name, result, mean in scored:
        cells = ["", "", "", "", format_percent(mean)]
        if result is not None:
            cells = [
                f"{result.wrong.of:,}",
                format_share(result.wrong),
                f"{result.right.of:,}",
                format_share(result.right),
                format_percent(result.f1),
            ]
        rows.append([name, *cells])
    return format_narrow_table(head, rows)


def _format_labelled(scored: Scored) -> str:
    head = ["", "labelled, %", "of wrong", "of right", "steps named", "precision, %"]
    rows: list[list[object]] = [
        [name, format_percent(result.kept.rate), format_percent(result.kept_wrong.rate), format_percent(result.kept_right.rate), f"{result.located.of:,}", format_share(result.located)]
        for name, result, _ in scored if result is not None
    ]  # fmt: skip
    return format_narrow_table(head, rows)


def _format_distances(scored: Scored) -> str:
    """The confusion: label minus gold on wrong rows, and what is said of right rows."""
    near = range(-NEAR, NEAR + 1)
    names = [f"{distance:+d}" if distance else "0" for distance in near]
    head = ["on wrong rows", f"<{names[0]}", *names, f">{names[-1]}", "none", "undecided"]
    rows: list[list[object]] = []
    for name, result, _ in scored:
        if result is not None:
            folded: Counter[int] = Counter()
            for distance, n in result.distances.items():
                folded[max(-NEAR - 1, min(NEAR + 1, distance))] += n
            counts = [folded[distance] for distance in range(-NEAR - 1, NEAR + 2)]
            rows.append([name, *counts, result.missed, result.kept_wrong.of - result.kept_wrong.hits])
    right: list[list[object]] = [
        [name, result.alarms, result.right.hits, result.kept_right.of - result.kept_right.hits]
        for name, result, _ in scored if result is not None
    ]  # fmt: skip
    parts = [format_narrow_table(head, rows)]
    if any(result is not None and result.right.of for _, result, _ in scored):
        parts.append(format_narrow_table(["on right rows", "a step", "none", "undecided"], right))
    return "\n\n".join(parts)


def _format_types(comparison: TypeComparison | None) -> str:
    """A line for each true type: how often it is said, what is said instead most, and all types together."""
    if comparison is None or not comparison.confusion.rows:
        return ""
    all_ = comparison.confusion
    rows: list[list[object]] = []
    for name in all_.true():
        predictions = {other: n for (truth, other), n in all_.counts.items() if truth == name and n}
        others = sorted(
            (other for other in predictions if other not in (name, UNDECIDED)),
            key=lambda other: (-predictions[other], other),
        )
        instead = f"{others[0]} {predictions[others[0]]:,}" if others else ""
        total = sum(predictions.values())
        exact = predictions.get(name, 0)
        rows.append(
            [
                name,
                total,
                exact,
                predictions.get(UNDECIDED, 0),
                format_percent(exact / total),
                f"{all_.f1(name):.2f}",
                instead,
            ]
        )
    share = format_percent(all_.exact / all_.rows)
    rows.append(["all", all_.rows, all_.exact, all_.rows - all_.decided, share, f"{all_.macro_f1():.2f}", ""])
    table = format_narrow_table(["true type", "rows", "exact", "undecided", "exact, %", "F1", "instead, mostly"], rows)
    of_decided = format_share(Share(all_.exact, all_.decided))
    lines = [
        f"types      of {comparison.taxonomy or 'gold'}; of those decided {of_decided} % are exact; F1 of all is the plain mean"
    ]
    if comparison.nameless:
        lines.append(
            f"           {comparison.nameless:,} mistakes are of types that have no name there, and are left out"
        )
    return f"{table}\n\n" + "\n".join(lines)


def _format_artifacts(baseline: ArtifactBaseline | None) -> str:
    if baseline is None:
        return ""
    return (
        f"giveaway   by looks alone a linear classifier tells wrong from right with an\n"
        f"           AUC of {baseline.looks:.2f} (lengths, signs) and {baseline.ngrams:.2f} (character n-grams);\n"
        f"           chance is 0.50 ± {2 * baseline.error:.2f} ({baseline.rows:,} solutions)"
    )


def _format_remarks(evaluation: Evaluation) -> str:
    """What was not compared."""
    lines = []
    for labeller, labels in evaluation.labellers.items():
        result = score(evaluation.rows, labels)
        if result.absent:
            lines.append(f"{labeller}: {result.absent:,} rows of gold are not among the labels and count as undecided")
        if extra := evaluation.unknown(labeller):
            lines.append(f"{labeller}: {extra:,} labels are of solutions not in gold, and are left out")
    remarks = (fill_lines(lines), format_rejected("rows of gold", evaluation.rejected))
    return "\n".join(remark for remark in remarks if remark)
