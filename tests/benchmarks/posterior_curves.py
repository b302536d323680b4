"""How right labels are, the surest first, and whether they are as right as they say: what both benchmarks of the posterior print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from schemas.columns.gold import GOLD_STEP
from tasks.evaluation.calibration import Calibration, calibrate_labels
from tasks.evaluation.score import NONE, Gold, Share
from tasks.localize.agree import LABELS
from tasks.localize.posterior.fit import fit_rates
from tasks.localize.posterior.label import label_rows
from tasks.localize.posterior.rates import EvidenceName

LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
Rows = list[dict[str, Any]]
Labels = dict[str, tuple[int | None, float]]
"""By solution the label and how sure it is."""
Figures = list[tuple[str, str, bool]]
"""What is demanded, what was measured, whether it is met."""


def label_rows_of(rows: Rows, fitted_to: Rows, wanted: Sequence[EvidenceName], truth: bool) -> Labels:
    """The posterior's labels of some rows, with rates that are fitted to these and others."""
    labels = label_rows(rows, LABELS, fit_rates(fitted_to, LABELS, wanted, truth), wanted)
    return {row["solution_id"]: (each.first_error, each.probability) for row, each in zip(rows, labels)}


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


def print_figures(figures: Figures) -> int:
    """Print what is demanded beside what was measured; 1 where one is missed."""
    for demanded, measured, met in figures:
        print(f"{'met   ' if met else 'MISSED'}  {demanded}: {measured}")
    return int(not all(met for *_, met in figures))
