"""What follows from one step that was rewritten, worked out by rules: numbers that come from it are worked out anew.

A model rewrites a single step; the steps after it stay as they were but for
the numbers that depend on it. Where it is not certain what depends on what,
nothing is made.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from fractions import Fraction

from tasks.arithmetic import context_numbers
from tasks.arithmetic.equations import Equation, PlacedNumber, find_equations, find_numbers
from tasks.arithmetic.expressions import compute_changed
from tasks.classify.rules import blank_step_number
from tasks.inject.edits import format_number

Changes = dict[Fraction, Fraction]
"""Numbers that have become others."""
_FORMATTING = re.compile(
    r"\\[()\[\]]|\\(?:text|mathrm|textbf|boxed)\{[^{}\n]{0,80}\}|\\\\|[*_`]{2,}|/ ?[A-Za-z]{2,20}\b|\bper [A-Za-z]{2,20}\b"
    r"|\((?=[A-Za-z])[A-Za-z ]{2,40}\)"
)
_KEPT = re.compile(r"\d")
FACTOR = 10
"""A number is at most so many times as large or as small as the one it replaces: others give mistakes away."""


class _Uncertain(Exception):
    """It is not certain what follows."""


def carry_on(question: str, steps: Sequence[str], at: int, rewritten: str) -> tuple[str, ...] | None:
    """The solution with one step rewritten, and all that follows from it.

    Args:
        question: The problem.
        steps: The steps of a right solution.
        at: The step that is rewritten, counted from 0.
        rewritten: The step as it is now.

    Returns:
        All steps; None where nothing follows by calculation, or it is not certain what.

    """
    before = {number.value for step in steps[:at] for number in read_numbers(step)}
    given = context_numbers.find_given_numbers(question) | context_numbers.COMMON_NUMBERS
    try:
        first, changes = _begin(steps[at], rewritten, before | given)
        if not changes:
            return None
        rest = []
        for step in steps[at + 1 :]:
            rest.append(_renew(step, changes, before | given))
    except _Uncertain:
        return None
    return (*steps[:at], first, *rest)


def list_places(question: str, steps: Sequence[str]) -> list[int]:
    """The steps from which rules could carry on, if a result of theirs became another."""
    return [at for at in range(len(steps) - 1) if leads_on(question, steps, at)]


def find_result(step: str) -> str:
    """The last result of a step as it is written; without a calculation, its number in words."""
    equations = find_equations(blank_formatting(step))
    return step[equations[-1].result.start : equations[-1].result.end] if equations else "what it says"


def leads_on(question: str, steps: Sequence[str], at: int, value: Fraction | None = None) -> bool:
    """Whether what follows is certain, and another answer, where the last result of a step is another value: one more, if none is given."""
    step = steps[at]
    equations = find_equations(blank_formatting(step))
    if not equations:
        return False
    result = equations[-1].result
    value = result.value + 1 if value is None else value
    if (value * 100).denominator != 1:
        return False
    other = _format(value, result, step)
    after = carry_on(question, steps, at, step[: result.start] + other + step[result.end :])
    return after is not None and after[-1] != steps[-1]


def blank_formatting(step: str) -> str:
    """A step with its number and its formatting blotted out, so that all else stays where it is."""
    return _FORMATTING.sub(
        lambda match: match[0] if _KEPT.search(match[0]) else " " * len(match[0]), blank_step_number(step)
    )


def read_numbers(step: str) -> list[PlacedNumber]:
    """The numbers of a step, those of its number and its formatting aside."""
    return find_numbers(blank_formatting(step))


def _begin(old: str, new: str, known: set[Fraction]) -> tuple[str, Changes]:
    """The rewritten step, its results worked out where only operands were changed, and the numbers that become others."""
    before, after = find_equations(blank_formatting(old)), find_equations(blank_formatting(new))
    if len(before) != len(after) or not before:
        raise _Uncertain
    changes: Changes = {}
    replaced: list[tuple[PlacedNumber, str]] = []
    for equation, other in zip(before, after):
        value = other.result.value
        # what is calculated otherwise and falsely would be two mistakes
        if other.calculation != equation.calculation and (value == equation.result.value or other.holds is False):
            value = other.computed
            replaced.append((other.result, _format(value, other.result, new)))
        elif other.calculation == equation.calculation and value == equation.result.value and _uses(equation, changes):
            raise _Uncertain  # the step contradicts itself
        _note(changes, equation.result.value, value, known)
    return _replace(new, replaced), changes


def _renew(step: str, changes: Changes, known: set[Fraction]) -> str:
    """A later step with the numbers that have become others, its results worked out anew."""
    text = blank_formatting(step)
    equations = find_equations(text)
    numbers = find_numbers(text)
    _check_read(text, equations, numbers, changes, known)
    for equation in equations:
        value = _compute(equation, changes) if _uses(equation, changes) else equation.result.value
        _note(changes, equation.result.value, value, known)
    return _replace(step, [(n, _format(changes[n.value], n, step)) for n in numbers if n.value in changes])


def _check_read(
    text: str, equations: Sequence[Equation], numbers: Sequence[PlacedNumber], changes: Changes, known: set[Fraction]
) -> None:
    """Raises where a calculation that is not read uses a number that has become another."""
    read = [(equation.start, equation.end) for equation in equations]
    for match in re.finditer(r"=", text):
        if any(start <= match.start() < end for start, end in read):
            continue
        begins = max(text.rfind(sign, 0, match.start()) for sign in ("=", "\n", ". ", ": "))
        if any(begins < number.start < match.start() and number.value in changes for number in numbers):
            raise _Uncertain
    used = {number.value for number in numbers}
    if not equations and used & changes.keys() and used - changes.keys() - known:
        raise _Uncertain  # a number comes from nowhere: it was worked out in words


def _uses(equation: Equation, changes: Mapping[Fraction, Fraction]) -> bool:
    return any(number.value in changes for number in equation.leaves)


def _compute(equation: Equation, changes: Mapping[Fraction, Fraction]) -> Fraction:
    value = compute_changed(equation.calculation, changes)
    if value is None:
        raise _Uncertain
    return value


def _note(changes: Changes, old: Fraction, new: Fraction, known: set[Fraction]) -> None:
    """Notes that a number has become another; raises where a reader could not tell which of two is meant."""
    if changes.get(old, new) != new:
        raise _Uncertain
    if new == old:
        return
    if old in known or new <= 0 or not old <= FACTOR * new <= FACTOR**2 * old:
        raise _Uncertain
    if (new * 100).denominator != 1 or (new.denominator != 1 and old.denominator == 1 and (new * 2).denominator != 1):
        raise _Uncertain
    changes[old] = new


def _format(value: Fraction, like: PlacedNumber, text: str) -> str:
    """A number as another one is written."""
    written = text[like.start : like.end]
    if value.denominator == 1:
        return format_number(value, written)
    digits = max(len(written.partition(".")[2]), 1 if (value * 10).denominator == 1 else 2)
    return f"{float(value):,.{digits}f}" if "," in written else f"{float(value):.{digits}f}"


def _replace(text: str, replaced: Sequence[tuple[PlacedNumber, str]]) -> str:
    for number, written in sorted(replaced, key=lambda pair: pair[0].start, reverse=True):
        text = text[: number.start] + written + text[number.end :]
    return text
