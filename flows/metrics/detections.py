"""Labellers as detectors, critics and verifiers, for people and for machines: solutions, first errors and steps, by set and type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flows.metrics.certainty import describe_share, format_percent, format_share
from flows.metrics.narrow_table import format_narrow_table
from tasks.evaluation.critique import CritiqueScore
from tasks.evaluation.detection import PLACE, Detection

NOTES = """\
precision  of what is called wrong, and recall of what is wrong; undecided is
           neither; a wrong place is no first error (its precision is above)
passed     the right ones that are called right
balanced   mean (accuracy) and harmonic mean (F1) of recall and passed
guess      the F1 of calling wrong at random, as often as it is so
step       all steps where gold and labels rate every one (`ratings`), else
           those through the first wrong one, after which all may differ
ceiling    the right ones of what is called right: asking again until an answer
           passes gives no more (arXiv 2411.17501)"""
CRITIC_F1 = "Critic F1  of solutions; what is undecided counts as a mistake (CriticBench)"
UNEXPLAINED = """\
VISCore    not told: no column `explained` says which explanations are right"""
EXPLAINED = """\
explained  F1 of steps whose explanation is right, too; VISCore: the geometric
           mean of that and of the F1 of solutions and of steps (VISCO)"""


@dataclass(frozen=True)
class Detector:
    """A labeller as a detector of mistakes."""

    levels: Mapping[str, Detection]
    """By level how it does: solutions, first errors, steps."""
    sets: Mapping[str, CritiqueScore]
    """By set how it does as a critic."""
    types: Mapping[str, Detection]
    """By type of mistake, likewise; these are wrong all."""
    explained: float | None
    """What judges say of its explanations (`sum_explained`)."""
    rated: int = 0
    """Rows of which all steps are compared."""

    @property
    def critique(self) -> CritiqueScore:
        """It as a critic."""
        return CritiqueScore(self.levels["solution"], self.levels["step"], self.explained)


def describe_detector(detector: Detector) -> dict[str, Any]:
    """A detector's figures for machines, by level; then as a critic, as a verifier, by set and by type."""
    levels = {level: _describe_level(detection, level == PLACE) for level, detection in detector.levels.items()}
    critique, answers = detector.critique, detector.levels["solution"]
    return levels | {
        "rows_with_every_step": detector.rated,
        "criticbench_f1": answers.criticbench_f1,
        "explanation_f1": critique.explanation_f1,
        "viscore": critique.viscore,
        "ceiling": describe_share(answers.ceiling),
        "sets": {name: _describe_set(critique) for name, critique in detector.sets.items()},
        "types": {name: describe_share(detection.recall) for name, detection in detector.types.items()},
    }


def _describe_set(critique: CritiqueScore) -> dict[str, Any]:
    answers = _describe_level(critique.answers, False) | {"criticbench_f1": critique.answers.criticbench_f1}
    return answers | {"step_f1": critique.steps.f1, "explanation_f1": critique.explanation_f1, "viscore": critique.viscore}  # fmt: skip


def _describe_level(detection: Detection, place: bool) -> dict[str, Any]:
    """A level's figures; of a place there is no precision, since one that is named wrongly is no alarm about a right row."""
    recalls = {
        "recall": describe_share(detection.recall), "specificity": describe_share(detection.specificity),
        "balanced_accuracy": detection.balanced_accuracy, "balanced_f1": detection.balanced_f1,
    }  # fmt: skip
    if place:
        return recalls
    return recalls | {"precision": describe_share(detection.precision), "f1": detection.f1, "guess_f1": detection.guess_f1}  # fmt: skip


def format_detectors(detectors: Mapping[str, Detector]) -> str:
    """Of each detector a line a level, its figures as a critic and verifier, and lines by set and by type; nothing where gold has no right, or no wrong, solutions."""
    solutions = [detector.levels["solution"] for detector in detectors.values()]
    if not any(detection.recall.of and detection.specificity.of for detection in solutions):
        return ""
    rows: list[list[object]] = []
    for name, detector in detectors.items():
        rows.append([name, *[""] * 7])
        rows += [[f"  {level}", *_list_cells(detection, level == PLACE)] for level, detection in detector.levels.items()]  # fmt: skip
    head = ["as detectors, %", "precision", "recall", "F1", "passed", "balanced", "bal. F1", "guess"]
    explained = any(detector.explained is not None for detector in detectors.values())
    parts = [
        format_narrow_table(head, rows), _format_critics(detectors, explained), _format_sets(detectors, explained), _format_types(detectors),
        f"{NOTES}\n{CRITIC_F1}\n{EXPLAINED if explained else UNEXPLAINED}",
    ]  # fmt: skip
    return "\n\n".join(part for part in parts if part)


def _list_cells(detection: Detection, place: bool) -> list[str]:
    precision, f1, guess = (None, None, None) if place else (detection.precision.rate, detection.f1, detection.guess_f1)
    figures = (
        precision,
        detection.recall.rate,
        f1,
        detection.specificity.rate,
        detection.balanced_accuracy,
        detection.balanced_f1,
        guess,
    )
    return [format_percent(figure) for figure in figures]


def _format_critics(detectors: Mapping[str, Detector], explained: bool) -> str:
    """Each as a critic and as a verifier; what is said of explanations where anybody judged some."""
    rows: list[list[object]] = []
    for name, detector in detectors.items():
        answers, critique = detector.levels["solution"], detector.critique
        extra = [format_percent(critique.explanation_f1), format_percent(critique.viscore)] if explained else []
        rows.append([name, format_percent(answers.criticbench_f1), *extra, format_share(answers.ceiling)])
    head = ["as critics, %", "Critic F1", *(["explained", "VISCore"] if explained else []), "ceiling"]
    return format_narrow_table(head, rows)


def _format_sets(detectors: Mapping[str, Detector], explained: bool) -> str:
    """Solutions by set, where there are several; VISCore where anybody judged explanations."""
    rows: list[list[object]] = []
    for name, detector in detectors.items():
        rows.append([name, *[""] * (6 if explained else 5)])
        for group, critique in detector.sets.items():
            answers = critique.answers
            cells = [answers.recall.of, format_share(answers.recall), answers.specificity.of, format_share(answers.specificity), format_percent(answers.f1)]  # fmt: skip
            rows.append([f"  {group}", *cells, *([format_percent(critique.viscore)] if explained else [])])
    several = any(len(detector.sets) > 1 for detector in detectors.values())
    head = ["by set", "wrong", "caught, %", "right", "passed, %", "F1", *(["VISCore"] if explained else [])]
    return format_narrow_table(head, rows) if several else ""


def _format_types(detectors: Mapping[str, Detector]) -> str:
    """Wrong solutions by type, where gold knows it."""
    rows: list[list[object]] = []
    for name, detector in detectors.items():
        if detector.types:
            rows.append([name, *[""] * 2])
        rows += [[f"  {group}", detection.recall.of, format_share(detection.recall)] for group, detection in detector.types.items()]  # fmt: skip
    return format_narrow_table(["by type of mistake", "wrong", "caught, %"], rows) if rows else ""
