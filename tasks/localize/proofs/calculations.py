"""The calculations that a solution states, beside those of a right one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from tasks.arithmetic.equations import LONGEST, find_equations, find_numbers
from tasks.arithmetic.expressions import Calculation, compute_changed, list_leaves
from tasks.arithmetic.tokens import tokenize
from tasks.classify.rules import blank_step_number

LONGEST_REFERENCE = 20_000
_COMPARING = frozenset(["more", "fewer", "less", "additional", "extra"])
"""Words behind a number by which it is a difference, and no amount."""


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
    unit: str
    """The word behind its result; empty where none follows."""

    @property
    def compares(self) -> bool:
        """Whether its result is said to be a difference (`30 more`)."""
        return self.unit in _COMPARING

    @property
    def doubtful(self) -> bool:
        """Whether it may be false, and not by rounding alone."""
        return self.holds is None and abs(self.calculation.value - self.value) >= 1

    @property
    def operands(self) -> tuple[Fraction, ...]:
        """The numbers on its left side, in order."""
        return tuple(list_leaves(self.calculation))

    def matches(self, other: StatedCalculation) -> int:
        """How surely two calculations are the same: 2 the same numbers, 1 one of them and the same result, 0 not."""
        if self.value != other.value or self.holds is False:
            return 0
        same = self.leaves == other.leaves and self.calculation.operator == other.calculation.operator
        return 2 if same else int(bool(self.leaves & other.leaves))

    def contains(self, other: StatedCalculation) -> bool:
        """Whether another calculation is the beginning of this one (`12 - 2` of `12 - 2 - 2`)."""
        part = self.calculation.left
        while part is not None and part.operator is not None:
            if part.value == other.value and frozenset(list_leaves(part)) == other.leaves:
                return True
            part = part.left
        return False


def list_calculations(steps: Sequence[str]) -> list[StatedCalculation]:
    """The calculations of all steps, in order; one that a step says twice counts once."""
    calculations: list[StatedCalculation] = []
    for at, step in enumerate(steps):
        for equation in find_equations(blank_step_number(step)):
            calculation = equation.calculation
            value = equation.computed if equation.holds else equation.result.value
            leaves = frozenset(list_leaves(calculation))
            text = step[equation.start : equation.end]
            stated = StatedCalculation(at, text, calculation, value, equation.holds, leaves, equation.unit)
            before = calculations[-1] if calculations else None
            if before is None or (before.step, before.value, before.leaves) != (at, value, leaves):
                calculations.append(stated)
    return calculations


def list_reference(text: str, gold: Fraction) -> list[StatedCalculation]:
    """The calculations of a right solution; none where they do not end in the right answer, or one does not hold."""
    # the answer may be in cents where the last calculation is in dollars
    calculations = list_calculations(text[:LONGEST_REFERENCE].split("\n"))
    ends = bool(calculations) and (calculations[-1].value == gold or _is_hundredth(calculations[-1].value, gold))
    return calculations if ends and find_false(calculations) is None else []


def _is_hundredth(value: Fraction, gold: Fraction) -> bool:
    return value.denominator > 1 and value * 100 == gold


def find_false(calculations: Sequence[StatedCalculation]) -> int | None:
    """The first calculation that does not hold."""
    return next((i for i, calculation in enumerate(calculations) if calculation.holds is False), None)


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


def list_terms(calculation: StatedCalculation, before: Sequence[StatedCalculation]) -> Counter[Fraction] | None:
    """The terms of a sum, with sums that were worked out before in their terms; None where it is no sum.

    Args:
        calculation: The sum.
        before: The calculations that it may go on from.

    Returns:
        How often each term is added.

    """
    if not _is_sum(calculation.calculation):
        return None
    sums = {earlier.value: earlier for earlier in before if _is_sum(earlier.calculation)}
    terms: Counter[Fraction] = Counter()
    for operand in calculation.operands:
        earlier = sums.get(operand)
        expanded = None if earlier is None else list_terms(earlier, before[: before.index(earlier)])
        terms.update(expanded if expanded is not None else [operand])
    return terms


def _is_sum(calculation: Calculation) -> bool:
    if calculation.left is None or calculation.right is None:
        return calculation.operator is None
    return calculation.operator == "+" and _is_sum(calculation.left) and _is_sum(calculation.right)


def list_values(step: str) -> set[Fraction]:
    """The numbers in a step, but for its own."""
    return {number.value for number in find_numbers(blank_step_number(step))}


def find_units(step: str) -> list[tuple[Fraction, str]]:
    """The numbers in a step that have a word right behind them, with it."""
    tokens = tokenize(blank_step_number(step[:LONGEST]))
    pairs = pairwise(tokens)
    return [(a.value, str(b.value)) for a, b in pairs if isinstance(a.value, Fraction) and b.kind == "word"]


def list_results(text: str) -> set[Fraction]:
    """The numbers that stand right behind an equals sign."""
    tokens = tokenize(text[:LONGEST_REFERENCE])
    after = (tokens[i + 1] for i, token in enumerate(tokens[:-1]) if token.kind == "equals")
    return {token.value for token in after if isinstance(token.value, Fraction)}


def has_unread(steps: Sequence[str]) -> bool:
    """Whether a step has an equals sign at which no equation was read."""
    return any(step.count("=") > len(find_equations(blank_step_number(step))) for step in steps)
