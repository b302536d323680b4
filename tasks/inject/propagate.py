"""A right solution made wrong by rules: one edit, and what follows from it.

After the edit every number that came from it is worked out anew, so that the
solution goes on as if nothing were wrong. Layout and all other words and
numbers stay as they are: nothing but what is said tells it from a right one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from tasks.arithmetic.equations import Equation, find_equations, find_numbers
from tasks.arithmetic.expressions import compute_changed
from tasks.classify.rules import blank_step_number
from tasks.inject.edits import Edit, Name, SolutionReading, format_number, list_edits, read_solution

FACTOR = 4
"""A result is at most so many times as large or as small as the one it replaces: larger numbers give mistakes away."""


@dataclass(frozen=True)
class Injected:
    """A solution with a mistake made on purpose."""

    steps: tuple[str, ...]
    at: int
    """The first wrong step, from 0."""
    type: str
    by: str
    """Who or what made it."""
    edit: str
    """What was replaced, and by what."""
    cause: str | None = None
    """What is wrong, in the words of who made it."""
    text: str | None = None
    """The whole solution, where more than numbers follow: the steps are not those of the right one."""


def inject_mistake(
    question: str, steps: Sequence[str], answer: Fraction, types: Mapping[Name, str], random: Random
) -> Injected | None:
    """A wrong solution from a right one, given the type of what each edit makes; None where none is certain to be wrong."""
    read = read_solution(question, tuple(steps))
    if read is None:
        return None
    edits = list(list_edits(read, list(types), random))
    random.shuffle(edits)
    names = sorted({edit.name for edit in edits})
    # each type as often, and each edit of a type, however many places there are for it
    for kind in random.sample(kinds := sorted({types[name] for name in names}), len(kinds)):
        for name in random.sample(own := [candidate for candidate in names if types[candidate] == kind], len(own)):
            for edit in edits:
                if edit.name == name and (propagated := _propagate(read, edit, answer)) is not None:
                    return Injected(propagated, edit.at, kind, f"rule: {name}", f"{edit.before} → {edit.after}")
    return None


def _propagate(solution: SolutionReading, edit: Edit, answer: Fraction) -> tuple[str, ...] | None:
    """The edited solution with all that follows from it; None where that is not certain or changes no answer."""
    read = [find_equations(blank_step_number(step)) for step in edit.steps[edit.at :]]
    if sum(map(len, read)) != sum(map(len, solution.equations[edit.at :])) - (edit.name == "step left out"):
        return None
    if any(step.count("=") > len(equations) for step, equations in zip(edit.steps[edit.at :], read)):
        return None  # what is not read is not worked out anew
    changed = dict(edit.changed)
    for i, equation in ((i, equation) for i, equations in enumerate(read) for equation in equations):
        if i == 0 and equation.result.start < edit.through:
            continue
        value = _recalculate(equation, {} if i == 0 and equation.start < edit.through else changed)
        if value is None or (value != equation.result.value and not _is_plausible(value, equation.result.value)):
            return None
        if value != equation.result.value:
            changed[equation.result.value] = value
    misread = {value for value, new in edit.changed.items() if edit.name == "another number told"}
    kept = {
        number.value for step in solution.steps[: edit.at] for number in find_numbers(blank_step_number(step))
    } | solution.given
    if changed.get(answer, answer) == answer or (kept - misread) & changed.keys():
        return None
    if any(not _is_plausible(new, old) for old, new in edit.changed.items()):
        return None
    first = _replace_numbers(edit.steps[edit.at], edit.through, changed)
    return (*edit.steps[: edit.at], first, *(_replace_numbers(step, 0, changed) for step in edit.steps[edit.at + 1 :]))


def _recalculate(equation: Equation, changed: Mapping[Fraction, Fraction]) -> Fraction | None:
    """The result of a calculation with other numbers."""
    return compute_changed(equation.calculation, changed)


def _is_plausible(value: Fraction, old: Fraction) -> bool:
    """Whether a number looks like the one that it replaces: another one, whole, above 0, not out of all proportion."""
    if value.denominator != 1 or value <= 0 or value == old:
        return False
    return old <= FACTOR * value <= FACTOR**2 * old


def _replace_numbers(text: str, start: int, changed: Mapping[Fraction, Fraction]) -> str:
    """A text whose numbers from a place on are those that they have become; the number of the step stays."""
    renewed, at = text[:start], start
    for number in find_numbers(blank_step_number(text)):
        if number.start >= start and number.value in changed:
            renewed += text[at : number.start] + format_number(changed[number.value], text[number.start : number.end])
            at = number.end
    return renewed + text[at:]
