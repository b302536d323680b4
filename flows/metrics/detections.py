"""Labellers as detectors of mistakes, for people and for machines: precision and recall of solutions, first errors and steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.metrics.certainty import describe_share
from flows.metrics.narrow_table import format_narrow_table
from tasks.evaluation.detection import PLACE, Detection

NOTES = """\
precision  of what is called wrong, and recall of what is wrong; undecided is
           neither; a wrong place is no first error (its precision is above)
passed     the right ones that are called right
balanced   mean (accuracy) and harmonic mean (F1) of recall and passed
guess      the F1 of calling wrong at random, as often as it is so
step       steps through the first wrong one, since after it all may differ"""


def describe_detections(levels: Mapping[str, Detection]) -> dict[str, Any]:
    """By level a detector's figures for machines."""
    return {level: _describe_detection(detection, level == PLACE) for level, detection in levels.items()}


def _describe_detection(detection: Detection, place: bool) -> dict[str, Any]:
    """A level's figures; of a place there is no precision, since one that is named wrongly is no alarm about a right row."""
    recalls = {
        "recall": describe_share(detection.recall), "specificity": describe_share(detection.specificity),
        "balanced_accuracy": detection.balanced_accuracy, "balanced_f1": detection.balanced_f1,
    }  # fmt: skip
    if place:
        return recalls
    unread = detection.count_open_as_alarms().f1
    return recalls | {"precision": describe_share(detection.precision), "f1": detection.f1, "guess_f1": detection.guess_f1, "f1_unread_as_wrong": unread}  # fmt: skip


def format_detections(detections: Mapping[str, Mapping[str, Detection]]) -> str:
    """Of each labeller a line a level; nothing where gold has no right, or no wrong, solutions."""
    solutions = [levels["solution"] for levels in detections.values()]
    if not any(detection.recall.of and detection.specificity.of for detection in solutions):
        return ""
    rows: list[list[object]] = []
    for name, levels in detections.items():
        rows.append([name, *[""] * 7])
        rows += [[f"  {level}", *_list_cells(detection, level == PLACE)] for level, detection in levels.items()]
    head = ["as detectors, %", "precision", "recall", "F1", "passed", "balanced", "bal. F1", "guess"]
    return f"{format_narrow_table(head, rows)}\n\n{NOTES}"


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
    return [_format_percent(figure) for figure in figures]


def _format_percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.1f}"
