"""Critiques in the form that the prompt `critique` asks for: what the world says of each step, right or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tasks.synthetic.solution import ANSWER
from tasks.synthetic.truth import Kind, Truth

WORDS: Mapping[Kind, str] = {
    "calculation": "The calculation belongs here, but its result is another number.",
    "wrong operand": "A number of the problem stands where another belongs.",
    "misread quantity": "A number stands here that the problem does not have.",
    "miscopied result": "A number stands here that no earlier step has come to.",
    "wrong operation": "These numbers are to be put together in another way.",
    "missing step": "A calculation has been left out before this.",
    "extra step": "The problem does not ask for this calculation.",
    "unit": "What comes out counts something else.",
    "final answer": "What is stated at the end is not what was worked out.",
}
"""What is said of each kind of mistake: without the words by which judgements are read."""


def describe_mistake(truth: Truth) -> str:
    """What is wrong, in words."""
    return WORDS[truth.kind] if truth.kind else "It follows from the problem and what stands before."


def write_critique(steps: Sequence[str], seen: Truth, reveals: int | None = None) -> str:
    """A critique, up to the first step that it calls wrong.

    Args:
        steps: The steps of an attempt.
        seen: What the critic takes for their truth.
        reveals: The right answer, where the critique gives it away.

    Returns:
        Three lines a step, and two about the final answer.

    """
    right = seen.first_error < 0
    lines = []
    for i, step in enumerate(steps if right else steps[: seen.first_error + 1]):
        wrong = i == seen.first_error
        lines += [
            f"Step sentence: {' '.join(step.split())}",
            f"Correctness of the step: {'Wrong' if wrong else 'Correct'}",
            f"Explanation: {describe_mistake(seen if wrong else Truth(-1))}",
        ]
    end = "It is what the steps come to." if reveals is None else f"It should be {ANSWER}{reveals}"
    return "\n".join(
        [*lines, f"Correctness of the final answer: {'Correct' if right else 'Wrong'}", f"Explanation: {end}"]
    )
