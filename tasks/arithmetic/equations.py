"""Equations in the words of a step, as far as they are arithmetic beyond doubt: numbers, + - * / and brackets.

Whatever could mean something else is left out: letters, percent, powers,
numbers in other bases, remainders. What is left can be called false.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tasks.arithmetic.expressions import LONGEST_EXPRESSION, parse_calculation
from tasks.arithmetic.tokens import Token, tokenize

_BRACKETS = {"(": 1, ")": -1}
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
_CLEAN = frozenset(".,:;<>|&?\"'[]{}—–-→⇒#~`*")


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
    computed: Fraction
    """The value of its left side."""
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
    left: tuple[str | Fraction, ...]
    """The numbers and signs of its left side."""

    @property
    def operands(self) -> tuple[Fraction, Fraction]:
        """The two numbers of a single operation."""
        return self.leaves[0].value, self.leaves[1].value


def find_equations(step: str) -> tuple[Equation, ...]:
    """The equations of a step, in order."""
    return _parse_equations(step[:LONGEST]) if "=" in step else ()


@lru_cache(maxsize=256)  # the steps of a solution are looked at again and again
def _parse_equations(step: str) -> tuple[Equation, ...]:
    tokens = tokenize(step)
    equations = (_parse_equation(tokens, at, step) for at, token in enumerate(tokens) if token.kind == "equals")
    return tuple(equation for equation in equations if equation)


def find_numbers(text: str) -> list[PlacedNumber]:
    """The plain numbers of a text."""
    return [
        PlacedNumber(_read_value(token), token.start, token.end)
        for token in tokenize(text[:LONGEST])
        if token.kind == "number" and not token.percent
    ]


def _read_value(token: Token) -> Fraction:
    assert isinstance(token.value, Fraction)
    return token.value


def _parse_equation(tokens: Sequence[Token], at: int, step: str) -> Equation | None:
    left = _find_left_side(tokens, at)
    right = _find_right_side(tokens, at)
    if left is None or right is None:
        return None
    computed = _compute(left)
    if computed is None:
        return None
    stated, chain = right
    leaves = tuple(PlacedNumber(_read_value(token), token.start, token.end) for token in left if token.kind == "number")
    binary = len(left) == 3 and left[1].kind == "op"
    total = _compute(chain) if len(chain) > 1 else None
    after = next((i for i in range(at + 1, len(tokens)) if tokens[i].start >= stated.end), len(tokens))
    unit = str(tokens[after].value) if after < len(tokens) and tokens[after].kind == "word" else ""
    divides = any(token.kind == "op" and token.value == "/" for token in left)
    holds = True if total == computed else _holds(computed, stated.value, divides)
    if holds is False and (_reads_otherwise(left, tokens, at) or _mixes_units(step[left[0].start : stated.end + 20])):
        holds = None
    return Equation(
        _find_start(step, left[0].start), stated.end, computed, stated, leaves, str(left[1].value) if binary else None, holds, unit,
        tuple(token.value for token in left),
    )  # fmt: skip


def _holds(computed: Fraction, stated: Fraction, divides: bool) -> bool | None:
    if computed == stated:
        return True
    if stated.denominator == 1 and not divides and computed.denominator == 1:
        return False
    return None if abs(computed - stated) < max(Fraction(1), abs(computed) / 50) else False


def _find_start(step: str, start: int) -> int:
    """Where an expression begins, with the name of the fraction that its first sign stands in."""
    command = step.rfind("\\", max(0, start - 7), start + 1)
    named = command >= 0 and any(name.startswith(step[command:start]) for name in _FRACTIONS)
    return command if named else start


def _reads_otherwise(left: Sequence[Token], tokens: Sequence[Token], at: int) -> bool:
    """Whether percent may be meant in another way: as the number before the sign, or as a share of what it is added to."""
    result = next(token for token in tokens[at + 1 :] if token.kind == "number")
    parts = [token for token in left if token.kind == "number"]
    percents = [token.percent for token in (*parts, result)]
    if not any(percents) or all(percents):
        return False
    if result.percent or any(token.value in ("+", "-") for token in left):
        return True
    plain = [token._replace(value=token.value * 100) if token.percent else token for token in left]
    return _compute(plain) == result.value


def _mixes_units(text: str) -> bool:
    """Whether two units of one kind stand in a text, so that its numbers are not of one measure."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    return any(len({unit for unit in units if words & unit}) > 1 for units in _MEASURES)


def _find_left_side(tokens: Sequence[Token], at: int) -> list[Token] | None:
    """The expression before an equals sign: at least one operation; None where it may go on further to the left."""
    expression: list[Token] = []
    i, depth = at - 1, 0
    while i >= 0 and len(expression) <= LONGEST_EXPRESSION:
        token = tokens[i]
        if token.kind == "word":
            before = i
            while before >= 0 and tokens[before].kind == "word" and i - before < 4:
                before -= 1
            after_number = before >= 0 and (tokens[before].kind == "number" or tokens[before].value == ")")
            if not after_number or (expression and expression[0].kind == "number"):
                break
            i = before
            continue
        if token.kind not in ("number", "op") or (
            token.kind == "number" and expression and expression[0].kind == "number"
        ):
            break
        depth += _BRACKETS.get(str(token.value), 0)
        if depth > 0:
            break  # the bracket that the equation stands in
        expression.insert(0, token)
        i -= 1
    stop = tokens[i] if i >= 0 else None
    if stop is not None and (stop.kind in ("odd", "number") or (stop.kind == "other" and stop.value not in _CLEAN)):
        return None
    if expression and expression[0].value == "-" and stop is None:
        expression = expression[1:]  # a bullet
    while sum(_BRACKETS.get(str(part.value), 0) for part in expression) > 0 and expression[0].value == "(":
        expression = expression[1:]  # the equation stands in brackets
    while len(expression) > 3 and expression[0].value == "(" and _closes_at_end(expression):
        expression = expression[1:-1]
    if len(expression) < 3 or (expression[0].kind == "op" and expression[0].value != "("):
        return None
    return expression if sum(part.kind == "number" for part in expression) > 1 else None


def _closes_at_end(expression: Sequence[Token]) -> bool:
    """Whether the bracket that an expression begins with is closed by its last token."""
    depth = 0
    for i, token in enumerate(expression):
        depth += _BRACKETS.get(str(token.value), 0)
        if depth == 0:
            return i == len(expression) - 1
    return False


def _find_right_side(tokens: Sequence[Token], at: int) -> tuple[PlacedNumber, list[Token]] | None:
    """The number after an equals sign, and the expression that it begins; None where it may be part of something else."""
    i = at + 1
    sign = 1
    if i < len(tokens) and tokens[i].value == "-":
        sign, i = -1, i + 1
    if i >= len(tokens) or tokens[i].kind != "number":
        return None
    token = tokens[i]
    stated = PlacedNumber(sign * _read_value(token), token.start, token.end)
    chain = [token]
    end = i + 1
    while end < len(tokens) and tokens[end].kind in ("number", "op") and len(chain) < LONGEST_EXPRESSION:
        chain.append(tokens[end])
        end += 1
    if end < len(tokens) and tokens[end].kind == "odd":
        return None
    if len(chain) > 1 and (sign < 0 or chain[1].kind != "op" or (chain[-1].kind == "op" and chain[-1].value != ")")):
        return (stated, [token]) if chain[1].value in ("(", ")", "-") else None
    return stated, chain


def _compute(tokens: Sequence[Token]) -> Fraction | None:
    """The value of an expression; None where it is none."""
    calculation = parse_calculation([token.value for token in tokens])
    return calculation.value if calculation else None
