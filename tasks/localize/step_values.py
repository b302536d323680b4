"""Labels of single steps that follow from the shares of rollouts that succeed behind them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from tasks.arithmetic.context_numbers import find_derived_numbers
from tasks.arithmetic.equations import find_equations


def label_sorm(steps: Sequence[str], q: Sequence[float]) -> list[int | None]:
    """GLoRe's label of each step: whether any rollout from it, or from a later step, succeeds.

    A rollout may succeed although the step is wrong, where it does not use what the step says: a label of 1 is left open (null)
    where the last result that the step states stands in no later step.

    Args:
        steps: The steps of a solution.
        q: The share of successes behind each.

    Returns:
        For each step 1, 0 or null.

    """
    labels: list[int | None] = []
    solvable, later = False, set[Fraction]()
    for step, share in zip(reversed(steps), reversed(q)):
        solvable, equations = solvable or share > 0, find_equations(step)
        used = not labels or not equations or equations[-1].result.value in later
        labels.append((1 if used else None) if solvable else 0)
        later |= find_derived_numbers([step])
    return labels[::-1]


def compute_rest_values(q: Sequence[float]) -> list[float]:
    """ReST-MCTS*'s value of each step, V = max(0, V' + (1 - V') r / m) from the value V' before it, 0 at the problem.

    r is 1 where a rollout from the step succeeds and else -1. m is the fewest steps to a right answer, this one among them: in
    place of a search's, those that the solution itself still has; behind a wrong step it stays that of the last right one.

    Args:
        q: The share of successes behind each step.

    Returns:
        The values, from 0 to 1.

    """
    values, value, left = [], 0.0, len(q)
    for i, share in enumerate(q):
        left = len(q) - i if share > 0 else left
        value = compute_rest_value(value, share > 0, left)
        values.append(value)
    return values


def compute_rest_value(before: float, is_right: bool, left: int) -> float:
    """ReST-MCTS*'s value of a step.

    Args:
        before: The value before it, 0 at the problem.
        is_right: Whether a right answer is reached from it.
        left: The fewest steps to a right answer, this one among them.

    Returns:
        The value, from 0 to 1.

    """
    return max(0.0, before + (1 - before) * (1 if is_right else -1) / left)
