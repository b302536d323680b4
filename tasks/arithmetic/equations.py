"""Equations of a step, as far as they are arithmetic beyond doubt: numbers, + - * / and brackets.

Whatever could mean something else is left out: letters, percent, powers,
numbers in other bases, remainders. What is left can be called false.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tasks.arithmetic.expressions import Calculation, Tree, compute_changed, make_calculation
from tasks.arithmetic.statements import Statement, read_statements
from tasks.arithmetic.tokens import Token, tokenize

_MEASURES = tuple(
    tuple(frozenset(forms.split("/")) for forms in units.split())
    for units in (
        "second/seconds/sec/secs minute/minutes/min/mins hour/hours/hr/hrs day/days week/weeks month/months year/years",
        "mm/millimeter/millimeters cm/centimeter/centimeters inch/inches foot/feet/ft yard/yards meter/meters mile/miles km/kilometer/kilometers",
        "cent/cents/penny/pennies/nickel/nickels/dime/dimes/quarter/quarters dollar/dollars",
        "gram/grams/g ounce/ounces/oz pound/pounds/lb/lbs kg/kilogram/kilograms ton/tons",
        "ml/milliliter/milliliters liter/liters cup/cups pint/pints quart/quarts gallon/gallons",
    )
)
"""Units of one kind: of time, length, money, weight and volume; each unit in all its forms."""
_FRACTIONS = ("\\frac{", "\\dfrac{", "\\tfrac{")
LONGEST = 4_000
"""Characters of a step that are looked at."""


@dataclass(frozen=True)
class PlacedNumber:
    """A number where it stands."""

    value: Fraction
    start: int
    end: int


@dataclass(frozen=True)
class Equation:
    """One arithmetic equation of a step."""

    start: int
    end: int
    """Its first character, and the one behind its last."""
    result: PlacedNumber
    """The number that it states."""
    leaves: tuple[PlacedNumber, ...]
    """The numbers of its left side."""
    operator: str | None
    """Its operation, where its left side is one operation on two numbers."""
    holds: bool | None
    """Whether it is true; None where that is a matter of rounding."""
    unit: str
    """The word after its result; empty where none follows."""
    calculation: Calculation
    """Its left side,"""
    left: tuple[str | Fraction, ...]
    """and the numbers and signs that it is written with."""

    @property
    def computed(self) -> Fraction:
        """The value of its left side."""
        return self.calculation.value

    @property
    def values(self) -> list[Fraction]:
        """The numbers of its left side, in order."""
        return [leaf.value for leaf in self.leaves]

    @property
    def operands(self) -> tuple[Fraction, Fraction]:
        """The two numbers of a single operation."""
        return self.leaves[0].value, self.leaves[1].value


def find_equations(step: str) -> tuple[Equation, ...]:
    """The equations of a step, in order."""
    return _parse_equations(step[:LONGEST]) if "=" in step else ()


@lru_cache(maxsize=256)  # the steps of a solution are looked at again and again
def _parse_equations(step: str) -> tuple[Equation, ...]:
    equations = (_make_equation(statement, step) for statement in read_statements(step))
    return tuple(equation for equation in equations if equation)


def find_numbers(text: str) -> list[PlacedNumber]:
    """The plain numbers of a text."""
    return [
        PlacedNumber(token.value, token.start, token.end)
        for token in tokenize(text[:LONGEST])
        if token.kind == "number" and not token.percent and isinstance(token.value, Fraction)
    ]


def _make_equation(statement: Statement, step: str) -> Equation | None:
    left, right = statement.left, statement.right
    if not (left.certain and right.certain and statement.relation.certain and statement.relation.value == "="):
        return None
    calculation = make_calculation(left.tree) if left.tree else None
    result = _find_result(right.signs)
    if calculation is None or calculation.operator is None or result is None or left.signs[0].kind == "operator":
        return None
    leaves = tuple(PlacedNumber(value, sign.start, sign.end) for value, sign in _list_numbers(left.signs))
    if sum(sign.kind == "operator" for sign in left.signs) != len(leaves) - 1:
        return None  # a number with a sign of its own: 3 * -2
    holds = _holds(calculation, right.tree, result.value)
    if holds is False and (_reads_otherwise(statement, calculation) or _mixes_units(statement, step, result.end)):
        holds = None
    single = len(leaves) == 2
    return Equation(
        _find_start(step, left.signs[0].start), result.end, result, leaves,
        calculation.operator if single else None, holds, right.unit, calculation,
        tuple(sign.value for sign in left.signs if sign.kind != "word"),
    )  # fmt: skip


def _list_numbers(signs: Sequence[Token]) -> Iterator[tuple[Fraction, Token]]:
    return ((sign.value, sign) for sign in signs if isinstance(sign.value, Fraction))


def _find_result(signs: Sequence[Token]) -> PlacedNumber | None:
    """The number that a right side begins with."""
    negative = len(signs) > 1 and signs[0].kind == "operator" and signs[0].value == "-"
    sign = signs[negative] if signs else None
    if sign is None or not isinstance(sign.value, Fraction):
        return None
    return PlacedNumber(-sign.value if negative else sign.value, sign.start, sign.end)


def _holds(calculation: Calculation, right: Tree | None, stated: Fraction) -> bool | None:
    computed = calculation.value
    if computed == stated:
        return True
    total = make_calculation(right) if right and right[0] != "number" else None
    if total is not None and total.value == computed:
        return True
    if stated.denominator == 1 and not _divides(calculation) and computed.denominator == 1:
        return False
    return None if abs(computed - stated) < max(Fraction(1), abs(computed) / 50) else False


def _divides(calculation: Calculation) -> bool:
    if calculation.left is None or calculation.right is None:
        return False
    return calculation.operator == "/" or _divides(calculation.left) or _divides(calculation.right)


def _find_start(step: str, start: int) -> int:
    """Where an expression begins, with the name of the fraction that its first sign stands in."""
    command = step.rfind("\\", max(0, start - 7), start + 1)
    named = command >= 0 and any(name.startswith(step[command:start]) for name in _FRACTIONS)
    return command if named else start


def _reads_otherwise(statement: Statement, calculation: Calculation) -> bool:
    """Whether percent may be meant in another way: as the number before the sign, or as a share of what it is added to."""
    parts, result = list(_list_numbers(statement.left.signs)), next(_list_numbers(statement.right.signs))
    percents = [sign.percent for _, sign in (*parts, result)]
    if not any(percents) or all(percents):
        return False
    if result[1].percent or any(sign.kind == "operator" and sign.value in ("+", "-") for sign in statement.left.signs):
        return True
    hundredfold = {value: value * 100 for value, sign in parts if sign.percent}
    return compute_changed(calculation, hundredfold) == result[0]


def _mixes_units(statement: Statement, step: str, end: int) -> bool:
    """Whether two units of one kind stand in an equation, so that its numbers are not of one measure."""
    words = set(re.findall(r"[a-z]+", step[statement.left.signs[0].start : end + 20].lower()))
    if "$" in (statement.left.currency, statement.right.currency):
        words.add("dollars")
    return any(len({unit for unit in units if words & unit}) > 1 for units in _MEASURES)
