"""Repairs: the changes of a wrong calculation after which the rest, worked out anew, leads to the right answer.

A kind of mistake is certain where repairs of that kind lead there and none of
another kind do. No right solution is needed, only the right answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tasks.arithmetic.equations import Equation, PlacedNumber

MOST_FOLLOWING = 64
_OPERATORS = "+-*/"


@dataclass(frozen=True)
class Repair:
    """One change of a calculation."""

    kind: str
    """The kind of mistake that it mends."""
    place: PlacedNumber | None
    """The number that was replaced; None where it is the operation."""
    right: Fraction | str
    """What belongs there."""
    value: Fraction
    """The calculation's value after the change."""


def calculate(operator: str, left: Fraction, right: Fraction) -> Fraction | None:
    """The result of an operation; None for a division by nothing."""
    if operator == "/":
        return left / right if right else None
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def list_repairs(equation: Equation, given: set[Fraction], results: set[Fraction]) -> Iterator[Repair]:
    """Every change of one number, the result or the operation of a calculation with two operands."""
    assert equation.operator is not None
    if not equation.holds:
        yield Repair("calculation", equation.result, equation.computed, equation.computed)
    left, right = equation.operands
    for operator in _OPERATORS:
        value = calculate(operator, left, right)
        if operator != equation.operator and value is not None:
            yield Repair("wrong operation", None, operator, value)
    if equation.operator in "-/" and (value := calculate(equation.operator, right, left)) is not None and left != right:
        yield Repair("wrong operation", None, "the other way round", value)
    for k, number in enumerate(equation.leaves):
        strange = number.value not in given | results
        for other in given | results:
            operands = (other, right) if k == 0 else (left, other)
            value = calculate(equation.operator, *operands)
            if other != number.value and value is not None:
                kind = (
                    "wrong operand" if not strange else "miscopied result" if other in results else "misread quantity"
                )
                yield Repair(kind, number, other, value)


def leads_to_gold(wrong: Equation, value: Fraction, following: Sequence[Equation], gold: Fraction) -> bool:
    """Whether the calculations that follow come to the right answer once a wrong one has another value."""
    changed = {wrong.result.value: value}
    last = value
    for equation in following[:MOST_FOLLOWING]:
        if equation.operator is None:
            return False
        left, right = (changed.get(operand, operand) for operand in equation.operands)
        result = calculate(equation.operator, left, right)
        if result is None:
            return False
        changed[equation.result.value] = last = result
    return last == gold


def find_unique_repair(
    wrong: Equation, given: set[Fraction], results: set[Fraction], following: Sequence[Equation], gold: Fraction
) -> Repair | None:
    """A repair that leads to the right answer, where all that do are of one kind."""
    if wrong.operator is None:
        return None
    right = [
        repair for repair in list_repairs(wrong, given, results) if leads_to_gold(wrong, repair.value, following, gold)
    ]
    return right[0] if len({repair.kind for repair in right}) == 1 else None
