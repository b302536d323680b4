"""Repairs: the changes of a wrong calculation after which the rest, worked out anew, leads to the right answer.

A kind of mistake is certain where repairs of that kind lead there and none of
another kind do. No right solution is needed, only the right answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tasks.arithmetic.equations import Equation, Number

MOST_FOLLOWING = 64
_OPERATORS = "+-*/"


@dataclass(frozen=True)
class Repair:
    """One change of a calculation."""

    kind: str
    """The kind of mistake that it mends."""
    place: Number | None
    """The number that was replaced; None where it is the operation."""
    right: Fraction | str
    """What belongs there."""
    value: Fraction
    """What the calculation then comes to."""


def calculate(operator: str, left: Fraction, right: Fraction) -> Fraction | None:
    """What an operation comes to; None for a division by nothing."""
    if operator == "/":
        return left / right if right else None
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def list_repairs(one: Equation, given: set[Fraction], results: set[Fraction]) -> Iterator[Repair]:
    """Every change of one number, the result or the operation of a calculation with two operands."""
    assert one.operator is not None
    if not one.holds:
        yield Repair("calculation", one.result, one.computed, one.computed)
    left, right = one.operands
    for operator in _OPERATORS:
        value = calculate(operator, left, right)
        if operator != one.operator and value is not None:
            yield Repair("wrong operation", None, operator, value)
    if one.operator in "-/" and (value := calculate(one.operator, right, left)) is not None and left != right:
        yield Repair("wrong operation", None, "the other way round", value)
    for k, number in enumerate(one.leaves):
        strange = number.value not in given | results
        for other in given | results:
            operands = (other, right) if k == 0 else (left, other)
            value = calculate(one.operator, *operands)
            if other != number.value and value is not None:
                kind = (
                    "wrong operand" if not strange else "miscopied result" if other in results else "misread quantity"
                )
                yield Repair(kind, number, other, value)


def leads_to_gold(wrong: Equation, value: Fraction, following: Sequence[Equation], gold: Fraction) -> bool:
    """Whether the calculations that follow come to the right answer once a wrong one has another value."""
    changed = {wrong.result.value: value}
    last = value
    for one in following[:MOST_FOLLOWING]:
        if one.operator is None:
            return False
        left, right = (changed.get(operand, operand) for operand in one.operands)
        found = calculate(one.operator, left, right)
        if found is None:
            return False
        changed[one.result.value] = last = found
    return last == gold


def find_unique_repair(
    wrong: Equation, given: set[Fraction], results: set[Fraction], following: Sequence[Equation], gold: Fraction
) -> Repair | None:
    """A repair that leads to the right answer, where all that do are of one kind."""
    if wrong.operator is None:
        return None
    right = [one for one in list_repairs(wrong, given, results) if leads_to_gold(wrong, one.value, following, gold)]
    return right[0] if len({one.kind for one in right}) == 1 else None
