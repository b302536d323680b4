"""Arithmetic as steps state it: an expression of numbers, + - * / and brackets, as a tree with its value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal

Operator = Literal["+", "-", "*", "/"]
APPLY: dict[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
}
Tree = tuple[Any, ...]
"""`("number", Fraction)`, `("name", text)`, `("sum", (sign, tree), …)` with 1 and -1, `("product", (power, tree), …)` with 1 and -1
(below the stroke), `("power", tree, tree)`, `("root", degree, tree)`, `("factorial", tree)`."""
_OPERATORS: dict[str, tuple[Operator, Operator]] = {"sum": ("+", "-"), "product": ("*", "/")}
LONGEST_EXPRESSION = 64
"""Numbers and signs of an expression that is looked at."""


@dataclass(frozen=True)
class Calculation:
    """A calculation that a step states: a number, or an operation on two."""

    value: Fraction
    operator: Operator | None = None
    left: Calculation | None = None
    right: Calculation | None = None


def make_calculation(tree: Tree) -> Calculation | None:
    """What a formula calculates; None where there is more in it than numbers, + - * and /, it is too long, or divides by zero."""
    try:
        return _make_calculation(tree) if 2 * _count_operands(tree) - 1 <= LONGEST_EXPRESSION else None
    except (ZeroDivisionError, _NoCalculationError):
        return None


class _NoCalculationError(Exception):
    """A formula is not arithmetic alone."""


def _count_operands(tree: Tree) -> int:
    return sum(_count_operands(part) for _, part in tree[1:]) if tree[0] in _OPERATORS else 1


def _make_calculation(tree: Tree) -> Calculation:
    if tree[0] == "number":
        return Calculation(tree[1])
    if tree[0] not in _OPERATORS or tree[1][0] < 0:
        raise _NoCalculationError
    calculation = _make_calculation(tree[1][1])
    for sign, part in tree[2:]:
        operator = _OPERATORS[tree[0]][sign < 0]
        other = _make_calculation(part)
        calculation = Calculation(APPLY[operator](calculation.value, other.value), operator, calculation, other)
    return calculation


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
