"""Detectors beside truth: who says of answers, or of steps, that they are wrong.

Sources: CriticBench (arXiv 2402.14809, section 3.2: F1 with the wrong answer as
the positive class; in its authors' `analyse_result` what cannot be read counts as
the critic's mistake, whatever the answer is); ReaLMistake (arXiv 2404.03602, section
5: precision, recall and F1 on errors, recall by category, the guess by the error rate beside
them); Hard2Verify (arXiv 2510.13744: balanced accuracy and balanced F1 of
steps, responses and first errors); "The Limits of Inference Scaling Through
Resampling" (arXiv 2411.17501: the ceiling that a verifier sets).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.evaluation.score import NONE, Gold, Labels, Share

PLACE = "first error"
LEVELS = ("solution", PLACE, "step")
"""What a label of the first wrong step says of a solution: that it is wrong, where it first is, and which steps are."""
WrongSteps = Mapping[str, tuple[bool | None, ...]]
"""By id of every step whether a labeller calls it wrong, None where it leaves that undecided."""


@dataclass(frozen=True)
class Detection:
    """A detector's alarms beside truth; what it left undecided counts as neither, and lowers the recall of either side."""

    caught: int
    """Wrong, and called wrong."""
    missed: int
    """Wrong, and called right."""
    alarms: int
    """Right, and called wrong."""
    passed: int
    """Right, and called right."""
    open_wrong: int = 0
    """Wrong, and undecided."""
    open_right: int = 0
    """Right, and undecided."""

    @property
    def precision(self) -> Share:
        """The wrong ones among those called wrong."""
        return Share(self.caught, self.caught + self.alarms)

    @property
    def recall(self) -> Share:
        """Those called wrong among the wrong ones: the true positive rate."""
        return Share(self.caught, self.caught + self.missed + self.open_wrong)

    @property
    def specificity(self) -> Share:
        """Those called right among the right ones: the true negative rate, a verifier's completeness."""
        return Share(self.passed, self.passed + self.alarms + self.open_right)

    @property
    def ceiling(self) -> Share:
        """The right ones among those called right: asking again until an answer is passed makes no more of them right."""
        return Share(self.passed, self.passed + self.missed)

    @property
    def f1(self) -> float | None:
        """The harmonic mean of precision and recall, the wrong ones being the positive class."""
        return find_harmonic_mean(self.precision.rate or (0.0 if self.recall.of else None), self.recall.rate)

    @property
    def balanced_accuracy(self) -> float | None:
        """The mean of both recalls; None where truth knows one side only."""
        a, b = self.recall.rate, self.specificity.rate
        return None if a is None or b is None else (a + b) / 2

    @property
    def balanced_f1(self) -> float | None:
        """The harmonic mean of both recalls: 0 for who always says the same."""
        return find_harmonic_mean(self.recall.rate, self.specificity.rate)

    @property
    def error_rate(self) -> Share:
        """The wrong ones among all."""
        wrong = self.caught + self.missed + self.open_wrong
        return Share(wrong, wrong + self.passed + self.alarms + self.open_right)

    @property
    def guess_f1(self) -> float | None:
        """The F1 of who calls wrong at random, as often as answers are: the error rate itself, in expectation."""
        return self.error_rate.rate

    @property
    def criticbench_f1(self) -> float | None:
        """CriticBench's F1: an undecided wrong one is missed, an undecided right one is a false alarm."""
        return Detection(self.caught, self.missed + self.open_wrong, self.alarms + self.open_right, self.passed).f1


def count_detections(pairs: Iterable[tuple[bool, bool | None]]) -> Detection:
    """A detector's counts.

    Args:
        pairs: Of each answer (or step) whether it is wrong, and whether the detector calls it wrong: None where it
            left that undecided, or said nothing that could be read.

    Returns:
        How many there are of each.

    """
    counts: dict[tuple[bool, bool | None], int] = {}
    for pair in pairs:
        counts[pair] = counts.get(pair, 0) + 1
    names: Sequence[tuple[bool, bool | None]] = (
        (True, True), (True, False), (False, True), (False, False), (True, None), (False, None),
    )  # fmt: skip
    return Detection(*(counts.get(name, 0) for name in names))


def detect_levels(gold: Iterable[Gold], labels: Labels, wrong_steps: WrongSteps | None = None) -> dict[str, Detection]:
    """A labeller of first wrong steps as a detector, at the three levels of Hard2Verify.

    Args:
        gold: The rows with their first wrong steps.
        labels: The labeller's, by id.
        wrong_steps: What it says of every step, where it does.

    Returns:
        By level its counts. Of solutions: whether they are called wrong. Of first errors: a wrong one is caught where its
        very step is named. Of steps: all that gold knows, where both say of every step whether it is wrong, else those through the
        first wrong one; rows whose number of steps gold does not say are left out.

    """
    pairs: dict[str, list[tuple[bool, bool | None]]] = {level: [] for level in LEVELS}
    for row in gold:
        label, wrong = labels.get(row.id), row.first_error != NONE
        called = None if label is None else label != NONE
        pairs["solution"].append((wrong, called))
        pairs[PLACE].append((wrong, label == row.first_error if wrong and label is not None else called))
        if row.wrong and row.id in (wrong_steps or {}):
            pairs["step"] += compare_steps(row.wrong, (wrong_steps or {})[row.id])
        elif row.steps is not None or wrong:
            pairs["step"] += expand_steps(row.first_error, label, row.steps or 0)
    return {level: count_detections(given) for level, given in pairs.items()}


def detect_groups(
    gold: Iterable[Gold], labels: Labels, group: Callable[[Gold], str | None]
) -> dict[str, dict[str, Detection]]:
    """A labeller of first wrong steps as a detector, by group.

    Args:
        gold: The rows with their first wrong steps.
        labels: The labeller's, by id.
        group: What a row is counted with: its set, its type of mistake; None where it is left out.

    Returns:
        By group, and then by level, its counts; groups in the order of their names.

    """
    return {name: detect_levels(rows, labels) for name, rows in group_rows(gold, group).items()}


def group_rows(gold: Iterable[Gold], group: Callable[[Gold], str | None]) -> dict[str, list[Gold]]:
    """Rows by group, groups in the order of their names; those without one are left out."""
    rows: dict[str, list[Gold]] = {}
    for row in gold:
        if (name := group(row)) is not None:
            rows.setdefault(name, []).append(row)
    return {name: rows[name] for name in sorted(rows)}


def expand_steps(first_error: int, label: int | None, steps: int) -> list[tuple[bool, bool | None]]:
    """The steps of a solution that can be compared: those through the first wrong one, for after it truth says nothing.

    Args:
        first_error: The 0-based first wrong step, -1 for none.
        label: The detector's, likewise; None where undecided.
        steps: How many steps there are.

    Returns:
        Of each step whether it is wrong, and whether the detector calls it so.

    """
    end = steps if first_error < 0 else first_error + 1
    return [(step == first_error, None if label is None else step == label) for step in range(end)]


def compare_steps(wrong: Sequence[bool | None], called: Sequence[bool | None]) -> list[tuple[bool, bool | None]]:
    """All steps that gold knows, and what a labeller calls them; what it does not speak of is undecided."""
    calls = (*called, *[None] * (len(wrong) - len(called)))
    return [(truth, call) for truth, call in zip(wrong, calls) if truth is not None]


def find_harmonic_mean(a: float | None, b: float | None) -> float | None:
    """The harmonic mean of two shares; None where one is not known."""
    if a is None or b is None:
        return None
    return 2 * a * b / (a + b) if a + b else 0.0
