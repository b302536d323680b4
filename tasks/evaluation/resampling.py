"""What a verifier that errs can be had to give by asking again: the ceiling, and how many attempts pay.

Source: "The Limits of Inference Scaling Through Resampling" (arXiv 2411.17501):
answers are sampled until the verifier accepts one. Wrong ones that it accepts do
not become fewer by asking again, so accuracy has a ceiling; and where they cost,
some number of attempts is best, since the problems that are left are those of which
mostly wrong answers are accepted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST = 100
"""Attempts that are looked at."""
NEAR = 0.001
"""What is worth so little less is as good, where it takes fewer attempts."""


Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Acceptance:
    """What a verifier accepts of each problem's answers, as shares of all of them: two arrays of one length."""

    right: Floats
    wrong: Floats


def find_ceiling(complete: float, sound: float, rate: float) -> float | None:
    """The accuracy of accepted answers, which no number of attempts exceeds: c·r / (c·r + (1 - s)·(1 - r)).

    Args:
        complete: The share of right answers that the verifier accepts (c).
        sound: The share of wrong ones that it does not accept (s).
        rate: The share of answers that are right (r).

    Returns:
        The ceiling, 0 to 1; None where nothing is accepted.

    """
    right, wrong = complete * rate, (1 - sound) * (1 - rate)
    return right / (right + wrong) if right + wrong > 0 else None


def find_value(problems: Acceptance, attempts: int, loss: float) -> float:
    """What up to so many attempts at each problem are worth: 1 for a right answer that is accepted, less for a wrong one.

    Args:
        problems: What is accepted of the answers to each, at least one.
        attempts: Attempts at each, at most; the first that is accepted ends it.
        loss: What a wrong answer that is accepted costs; an answer withheld is worth nothing.

    Returns:
        The mean over problems.

    """
    accepted = problems.right + problems.wrong
    some = accepted > 0
    worth = (problems.right[some] - loss * problems.wrong[some]) / accepted[some]
    return float(((1 - (1 - accepted[some]) ** attempts) * worth).sum() / len(accepted))


def choose_attempts(problems: Acceptance, loss: float, most: int = MOST) -> tuple[int, float]:
    """The number of attempts that is worth most, 0 where any answer costs more than it gives; the fewest within NEAR of the most.

    Args:
        problems: What is accepted of the answers to each, at least one.
        loss: What a wrong answer that is accepted costs.
        most: Attempts that are looked at.

    Returns:
        The number, and what it is worth.

    """
    values = [0.0, *(find_value(problems, attempts, loss) for attempts in range(1, most + 1))]
    fewest = next(attempts for attempts, value in enumerate(values) if value >= max(values) - NEAR)
    return fewest, values[fewest]
