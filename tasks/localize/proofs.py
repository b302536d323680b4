"""Proofs of the first wrong step: a calculation, what it should be, and that the rest then leads to the right answer.

A solution's calculations are read in order, and where a right solution is
known each is matched with one of its calculations that comes to the same. The
first that is false, or that the right solution has not, is the first wrong one
if all before it are matched and, put right and the rest worked out anew, the
solution comes to the right answer. A repair of the last calculation proves
nothing by itself; it counts where all before it is matched. Alternative ways
to the answer are none: where the answer is reached, nothing departs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tasks.arithmetic.equations import find_equations, find_numbers
from tasks.arithmetic.expressions import Calculation, compute_changed, list_leaves, parse_calculation
from tasks.classify.rules import blank_step_number, format_fraction, parse_number

NO_EQUATION = "no calculation that can be read"
NO_FALSE_EQUATION = "no equation that does not hold"
NOT_ENOUGH = "an equation that does not hold, but its repair does not lead to the answer"
NO_REPAIR = "departs from the right solution, but no repair leads to the answer"
NOT_READ = "an equation before it could not be read"
IN_WORDS = "a step in words may be where it goes wrong"
NOTHING = "nothing departs from the right solution"
LONGEST_REFERENCE = 20_000


@dataclass(frozen=True)
class StatedCalculation:
    """A calculation of a solution, with what it states."""

    step: int
    text: str
    """As it stands there."""
    calculation: Calculation
    value: Fraction
    """What the solution goes on with."""
    holds: bool | None
    leaves: frozenset[Fraction]

    def matches(self, other: StatedCalculation) -> int:
        """How surely two calculations are the same: 2 the same numbers, 1 one of them and the same result, 0 not."""
        if self.value != other.value or self.holds is False:
            return 0
        same = self.leaves == other.leaves and self.calculation.operator == other.calculation.operator
        return 2 if same else int(bool(self.leaves & other.leaves))


@dataclass(frozen=True)
class Proof:
    """The first wrong step, and why it is."""

    step: int
    """Counted from 0."""
    rule: str
    certificate: str
    """The calculation, what it should be, and what follows; steps are counted from 1."""


def prove_first_error(row: Mapping[str, Any]) -> Proof | str:
    """Prove which step of a wrong solution is the first wrong one.

    Args:
        row: `question`, `steps`, `answer` (the right one), and `reference`, a right solution, where there is one.

    Returns:
        The proof, or why there is none.

    """
    gold = parse_number(row["answer"].replace("$", ""))
    calculations = list_calculations(row["steps"])
    if gold is None or not calculations:
        return NO_EQUATION if not calculations else NOT_ENOUGH if _find_false(calculations) is not None else NO_EQUATION
    reference = _list_reference(row.get("reference") or "", gold)
    matched = match_calculations(calculations, reference)
    false = _find_false(calculations)
    if false is not None:
        return _prove_false(calculations, false, matched, gold, row["steps"])
    if not reference:
        return NO_FALSE_EQUATION
    at = next((i for i, calculation in enumerate(calculations) if calculation.value == gold), None)
    if at is not None:
        return _prove_past_answer(calculations, at, matched, reference, row["steps"])
    return _prove_departure(calculations, matched, reference, gold, row)


def list_calculations(steps: Sequence[str]) -> list[StatedCalculation]:
    """The calculations of all steps, in order; one that a step says twice counts once."""
    calculations: list[StatedCalculation] = []
    for at, step in enumerate(steps):
        for equation in find_equations(blank_step_number(step)):
            calculation = parse_calculation(equation.left)
            assert calculation is not None
            value = equation.computed if equation.holds else equation.result.value
            leaves = frozenset(list_leaves(calculation))
            text = step[equation.start : equation.end]
            stated = StatedCalculation(at, text, calculation, value, equation.holds, leaves)
            before = calculations[-1] if calculations else None
            if before is None or (before.step, before.value, before.leaves) != (at, value, leaves):
                calculations.append(stated)
    return calculations


def _list_reference(text: str, gold: Fraction) -> list[StatedCalculation]:
    """The calculations of a right solution; none where they do not end in the right answer, or one does not hold."""
    calculations = list_calculations(text[:LONGEST_REFERENCE].split("\n"))
    sound = bool(calculations) and calculations[-1].value == gold and _find_false(calculations) is None
    return calculations if sound else []


def match_calculations(
    calculations: Sequence[StatedCalculation], reference: Sequence[StatedCalculation]
) -> list[int | None]:
    """Which calculation of the right solution each is; none of them is two."""
    left = dict(enumerate(reference))
    matched: list[int | None] = []
    for calculation in calculations:
        best = max(left, key=lambda i: (calculation.matches(left[i]), -i), default=None)
        if best is not None and not calculation.matches(left[best]):
            best = None
        if best is not None:
            del left[best]
        matched.append(best)
    return matched


def compute_outcome(calculations: Sequence[StatedCalculation], at: int, value: Fraction) -> Fraction | None:
    """What a solution comes to once one of its calculations has another value; None where nothing can be worked out."""
    changed, last = {calculations[at].value: value}, value
    for calculation in calculations[at + 1 :]:
        if calculation.leaves & changed.keys():
            result = compute_changed(calculation.calculation, changed)
            if result is None:
                return None
            changed[calculation.value] = last = result
        else:
            changed.pop(calculation.value, None)  # the same number, come by in another way
            last = calculation.value
    return last


def _find_false(calculations: Sequence[StatedCalculation]) -> int | None:
    return next((i for i, calculation in enumerate(calculations) if calculation.holds is False), None)


def _prove_false(
    calculations: Sequence[StatedCalculation],
    at: int,
    matched: Sequence[int | None],
    gold: Fraction,
    steps: Sequence[str],
) -> Proof | str:
    """A calculation that does not hold: vouched for by what it leads to once put right, or by a right solution before it."""
    false = calculations[at]
    right = false.calculation.value
    fault = f"`{false.text}` does not hold: the left side comes to {format_fraction(right)}"
    if compute_outcome(calculations, at, right) == gold:
        return Proof(
            false.step, "a false equation, whose repair leads to the answer",
            f"{fault}, and with that the rest comes to the right answer, {format_fraction(gold)}.",
        )  # fmt: skip
    followed = bool(matched[:at]) and None not in matched[:at]
    if followed and not _has_unread(steps[: false.step]):
        return Proof(
            false.step, "a false equation, and the right solution before it",
            f"{fault}, and all {at} calculations before it are those of the right solution.",
        )  # fmt: skip
    return NOT_ENOUGH


def _prove_past_answer(
    calculations: Sequence[StatedCalculation], at: int, matched: Sequence[int | None],
    reference: Sequence[StatedCalculation], steps: Sequence[str],
) -> Proof | str:  # fmt: skip
    """A solution that came to the right answer as the right solution does, and went on from it."""
    reached = calculations[at]
    last = len(reference) - 1
    whole = None not in matched[: at + 1] and matched[at] == last and reached.matches(reference[last]) == 2
    further = next(
        (c for c in calculations[at + 1 :] if c.step > reached.step and reached.value in c.leaves and c.value != reached.value),
        None,
    )  # fmt: skip
    if not whole or further is None:
        return NOTHING
    if _has_unread(steps[: further.step]) or any(_has_number(step) for step in steps[reached.step + 1 : further.step]):
        return IN_WORDS
    return Proof(
        further.step, "goes on from the right answer",
        f"step {reached.step + 1} comes to the right answer, {format_fraction(reached.value)}, as the right solution does; "
        f"`{further.text}` goes on from it.",
    )  # fmt: skip


def _prove_departure(
    calculations: Sequence[StatedCalculation], matched: Sequence[int | None], reference: Sequence[StatedCalculation],
    gold: Fraction, row: Mapping[str, Any],
) -> Proof | str:  # fmt: skip
    """The first calculation that the right solution has not, where a result of it in its place leads to the answer."""
    steps = row["steps"]
    at = next((i for i, match in enumerate(matched) if match is None), None)
    if at is None:
        return NOTHING
    wrong = calculations[at]
    if _has_unread(steps[: wrong.step + 1]):
        return NOT_READ
    left = [calculation for i, calculation in enumerate(reference) if i not in matched]
    right = next((c for c in left if compute_outcome(calculations, at, c.value) == gold), None)
    if right is None or not right.leaves & wrong.leaves:
        return NO_REPAIR
    user = next((c for c in calculations[at + 1 :] if wrong.value in c.leaves), None)
    skipped = any(c.value in right.leaves for c in left)
    if (user is not None and skipped) or (user is None and at < len(calculations) - 1):
        return NO_REPAIR  # what the right solution does before is left out, or the result is not used: where is open
    known = {number.value for number in find_numbers(row["question"])} | {c.value for c in calculations[:at]}
    if _stands_in_words(steps, calculations, wrong, right, known, user.step if user else len(steps)):
        return IN_WORDS
    leads = "that is" if user is None else "with it the rest comes to"
    return Proof(
        wrong.step, "departs from the right solution",
        f"`{wrong.text}`: the right solution has `{right.text}` here; {leads} the right answer, {format_fraction(gold)}.",
    )  # fmt: skip


def _stands_in_words(
    steps: Sequence[str], calculations: Sequence[StatedCalculation], wrong: StatedCalculation, right: StatedCalculation,
    known: Set[Fraction], used: int,
) -> bool:  # fmt: skip
    """Whether a step without a calculation says the wrong number first, or says what the result is taken for."""
    calculating = {calculation.step for calculation in calculations}
    strange = wrong.leaves - right.leaves
    for at in range(wrong.step):
        mentioned = _list_values(steps[at]) & (strange if at == wrong.step - 1 else strange - known)
        if at not in calculating and mentioned:
            return True
    after = (at for at in range(wrong.step + 1, used) if at not in calculating and used < len(steps))
    return any(wrong.value in _list_values(steps[at]) for at in after)


def _list_values(step: str) -> set[Fraction]:
    return {number.value for number in find_numbers(blank_step_number(step))}


def _has_number(step: str) -> bool:
    return bool(_list_values(step))


def _has_unread(steps: Sequence[str]) -> bool:
    """Whether a step has an equals sign at which no equation was read."""
    return any(step.count("=") > len(find_equations(blank_step_number(step))) for step in steps)
