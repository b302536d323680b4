"""Arithmetic as steps state it: an expression of numbers, + - * / and brackets, as a tree with its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Operator = Literal["+", "-", "*", "/"]
APPLY: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
LONGEST_EXPRESSION = 64
"""Numbers and signs of an expression that is looked at."""


@dataclass(frozen=True)
class Calculation:
    """A calculation that a step states: a number, or an operation on two."""

    value: Fraction
    operator: Operator | None = None
    left: Calculation | None = None
    right: Calculation | None = None


def parse_calculation(tokens: Sequence[str | Fraction]) -> Calculation | None:
    """What an expression of numbers and signs calculates; None where it is none, is too long, or divides by zero."""
    if len(tokens) > LONGEST_EXPRESSION:
        return None
    try:
        calculation, end = _parse_sum(tokens, 0)
    except (IndexError, ZeroDivisionError, TypeError):
        return None
    return calculation if end == len(tokens) else None


def _parse_sum(tokens: Sequence[str | Fraction], at: int) -> tuple[Calculation, int]:
    left, at = _parse_product(tokens, at)
    while at < len(tokens) and tokens[at] in ("+", "-"):
        right, after = _parse_product(tokens, at + 1)
        left, at = _join_operands(tokens[at], left, right), after
    return left, at


def _parse_product(tokens: Sequence[str | Fraction], at: int) -> tuple[Calculation, int]:
    left, at = _parse_atom(tokens, at)
    while at < len(tokens) and tokens[at] in ("*", "/"):
        right, after = _parse_atom(tokens, at + 1)
        left, at = _join_operands(tokens[at], left, right), after
    return left, at


def _parse_atom(tokens: Sequence[str | Fraction], at: int) -> tuple[Calculation, int]:
    token = tokens[at]
    if isinstance(token, Fraction):
        return Calculation(token), at + 1
    if token != "(":  # noqa: S105
        raise TypeError
    inner, at = _parse_sum(tokens, at + 1)
    if tokens[at] != ")":
        raise TypeError
    return inner, at + 1


def _join_operands(operator: str | Fraction, left: Calculation, right: Calculation) -> Calculation:
    assert operator in ("+", "-", "*", "/") and isinstance(operator, str)
    return Calculation(APPLY[operator](left.value, right.value), operator, left, right)  # type: ignore[arg-type]


def compute_changed(calculation: Calculation, changed: Mapping[Fraction, Fraction]) -> Fraction | None:
    """A calculation's value with other numbers in the place of some; None for a division by nothing."""
    if calculation.left is None or calculation.right is None or calculation.operator is None:
        return changed.get(calculation.value, calculation.value)
    left, right = compute_changed(calculation.left, changed), compute_changed(calculation.right, changed)
    if left is None or right is None or (calculation.operator == "/" and right == 0):
        return None
    return APPLY[calculation.operator](left, right)


def list_leaves(calculation: Calculation) -> Iterator[Fraction]:
    """The numbers that a calculation begins with, from left to right."""
    if calculation.left is None or calculation.right is None:
        yield calculation.value
    else:
        yield from list_leaves(calculation.left)
        yield from list_leaves(calculation.right)
