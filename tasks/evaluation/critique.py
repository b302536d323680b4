"""Critiques beside truth: is the answer called right or wrong, which step, and is what is said of it so.

Source: VISCO (arXiv 2412.02172, section 3.2, and its authors' `_calc_gpt_metrics`):
F1 of answers, of steps and of explanations, wrong ones being the positive class,
and VISCore, their geometric mean. An explanation counts where the step is wrong
and called so, by the share of its judges who find it right; of alarms about
right steps none does. VISCO labels every step, and so all are compared where
truth and critic do; where truth is the first wrong step alone, steps behind it
are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tasks.evaluation.detection import Detection, WrongSteps, detect_levels, find_harmonic_mean
from tasks.evaluation.score import Gold, Labels

Explained = Mapping[str, float | tuple[float, ...]]
"""By id the share of judges, 0 to 1, who find what a critique says of the first wrong step right, or of each step."""


@dataclass(frozen=True)
class CritiqueScore:
    """A critic's verdicts, steps and explanations beside truth."""

    answers: Detection
    steps: Detection
    explained: float | None
    """Sum, over wrong steps that are called so, of the share of judges who find the explanation right; None where nobody judged any."""

    @property
    def explanation_f1(self) -> float | None:
        """F1 of explanations: right ones among the steps called wrong, and among the wrong ones."""
        steps = self.steps
        wrong, called = steps.recall.of, steps.caught + steps.alarms
        if self.explained is None or not wrong:
            return None
        return find_harmonic_mean(self.explained / called if called else 0.0, self.explained / wrong)

    @property
    def viscore(self) -> float | None:
        """The geometric mean of the three F1; None where one of them is not known."""
        answers, steps, explanations = self.answers.f1, self.steps.f1, self.explanation_f1
        if answers is None or steps is None or explanations is None:
            return None
        return float((answers * steps * explanations) ** (1 / 3))


def score_critique(
    gold: Sequence[Gold], labels: Labels, explained: Explained, wrong_steps: WrongSteps | None = None
) -> CritiqueScore:
    """A critic beside truth.

    Args:
        gold: The rows with their first wrong steps.
        labels: The critic's, by id.
        explained: What judges say of its explanations, by id.
        wrong_steps: What it says of every step, where it does.

    Returns:
        Its verdicts, steps and explanations.

    """
    levels = detect_levels(gold, labels, wrong_steps)
    return CritiqueScore(levels["solution"], levels["step"], sum_explained(gold, labels, explained, wrong_steps))


def sum_explained(
    gold: Iterable[Gold], labels: Labels, explained: Explained, wrong_steps: WrongSteps | None = None
) -> float | None:
    """The shares of judges who find explanations right, over the wrong steps that are called so.

    Args:
        gold: The rows with their first wrong steps.
        labels: The critic's, by id.
        explained: What judges say of its explanations; one that none judged is not right.
        wrong_steps: What it says of every step, where it does; elsewhere the first wrong step alone counts.

    Returns:
        Their sum; None where no explanation was judged.

    """
    if not explained:
        return None
    total = 0.0
    for row in gold:
        calls = (wrong_steps or {}).get(row.id) if row.wrong else None
        caught = (
            [labels.get(row.id) == step == row.first_error for step in range(row.first_error + 1)]
            if calls is None
            else [truth is call is True for truth, call in zip(row.wrong, calls)]
        )
        total += sum(_find_share(explained.get(row.id), step, row.first_error) for step, is_caught in enumerate(caught) if is_caught)  # fmt: skip
    return total


def _find_share(explained: float | tuple[float, ...] | None, step: int, first_error: int) -> float:
    """The share of judges who find the explanation of a step right; a single one is of the first wrong step."""
    if isinstance(explained, tuple):
        return explained[step] if step < len(explained) else 0.0
    return explained if explained is not None and step == first_error else 0.0
