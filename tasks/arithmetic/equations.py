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
from typing import NamedTuple

from tasks.arithmetic.expressions import LONGEST_EXPRESSION, parse_calculation

LONGEST = 4_000
"""Characters of a step that are looked at."""
# words come first because most tokens are words; `*+` gives nothing back
_TOKEN = re.compile(
    r"\s*+(?:(?P<word>[^\W\d_]+)"
    r"|(?P<frac>\\[dt]?frac\{(?P<over>\d{1,12})\}\{(?P<under>\d{1,12})\})"
    r"|(?P<odd>\d[\d.,]{0,30}(?:[_^:]|\s?\\?%|[^\W\d])|[_^%√!]|\d{13,})"
    r"|(?P<number>\d{1,3}(?:,\d{3})+(?:\.\d{1,12})?(?!\d)|\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})"
    r"|(?P<op>\\times\b|\\cdot\b|\\div\b|[-+*/×÷·−()])"
    r"|(?P<equals>=)"
    r"|(?P<skip>\\?[$€£]|\\[,;! ])"
    r"|(?P<command>\\[^\W\d_]+)"
    r"|(?P<other>\S))"
)  # fmt: skip
_SIGN = {"×": "*", "·": "*", "\\times": "*", "\\cdot": "*", "x": "*", "÷": "/", "\\div": "/", "−": "-"}
_TAINTED = frozenset(
    [
        "of",
        "per",
        "percent",
        "plus",
        "minus",
        "times",
        "divided",
        "multiplied",
        "hundred",
        "thousand",
        "million",
        "billion",
        "dozen",
        "squared",
        "cubed",
        "and",
        "half",
        "remainder",
        "r",
        "mod",
        "modulo",
        "sqrt",
        "frac",
        "log",
        "sin",
        "cos",
        "tan",
        "pi",
        "about",
        "approximately",
        "over",
        "to",
    ]
)
_CLEAN = frozenset(".,:;<>|&?\"'[]{}—–-→⇒#~`")


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


class _Token(NamedTuple):
    kind: str
    value: Fraction | str
    start: int
    end: int


def find_equations(step: str) -> tuple[Equation, ...]:
    """The equations of a step, in order."""
    return _parse_equations(step[:LONGEST]) if "=" in step else ()


@lru_cache(maxsize=256)  # the steps of a solution are looked at again and again
def _parse_equations(step: str) -> tuple[Equation, ...]:
    tokens = _tokenize(step)
    equations = (_parse_equation(tokens, at) for at, token in enumerate(tokens) if token.kind == "equals")
    return tuple(equation for equation in equations if equation)


def find_numbers(text: str) -> list[PlacedNumber]:
    """The plain numbers of a text."""
    return [
        PlacedNumber(_read_value(token), token.start, token.end)
        for token in _tokenize(text[:LONGEST])
        if token.kind == "number"
    ]


def _read_value(token: _Token) -> Fraction:
    assert isinstance(token.value, Fraction)
    return token.value


@lru_cache(maxsize=256)
def _tokenize(step: str) -> tuple[_Token, ...]:
    tokens = []
    for match in _TOKEN.finditer(step):
        kind = match.lastgroup or ""
        text = match[kind]
        value: Fraction | str = text
        if kind in ("word", "command"):
            kind, value = _classify_word(text)
        elif kind == "number":
            value = _parse_fraction(text)
        elif kind == "op":
            value = _SIGN.get(text, text)
        elif kind == "frac":
            over, under = int(match["over"]), int(match["under"])
            kind, value = ("number", Fraction(over, under)) if under else ("odd", "")
        elif kind == "skip":
            continue
        tokens.append(_Token(kind, value, match.start(match.lastindex or 0), match.end()))
    return tuple(tokens)


# the same few numbers and words stand in most steps
@lru_cache(maxsize=4096)
def _parse_fraction(number: str) -> Fraction:
    return Fraction(number.replace(",", ""))


@lru_cache(maxsize=4096)
def _classify_word(word: str) -> tuple[str, str]:
    """The kind of a word, and what it stands for."""
    lower = word.lower()
    if lower == "x" or lower in _SIGN:
        return "op", "*"
    odd = (len(word) == 1 and lower not in ("a", "i")) or word.startswith("\\") or lower in _TAINTED
    return ("odd" if odd else "word"), lower


def _parse_equation(tokens: Sequence[_Token], at: int) -> Equation | None:
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
    return Equation(
        left[0].start, stated.end, computed, stated, leaves, str(left[1].value) if binary else None, holds, unit,
        tuple(token.value for token in left),
    )  # fmt: skip


def _holds(computed: Fraction, stated: Fraction, divides: bool) -> bool | None:
    if computed == stated:
        return True
    if stated.denominator == 1 and not divides and computed.denominator == 1:
        return False
    return None if abs(computed - stated) < max(Fraction(1), abs(computed) / 50) else False


def _find_left_side(tokens: Sequence[_Token], at: int) -> list[_Token] | None:
    """The expression before an equals sign: at least one operation; None where it may go on further to the left."""
    expression: list[_Token] = []
    i = at - 1
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
        expression.insert(0, token)
        i -= 1
    stop = tokens[i] if i >= 0 else None
    if stop is not None and (stop.kind == "odd" or (stop.kind == "other" and stop.value not in _CLEAN)):
        return None
    if expression and expression[0].value == "-" and stop is None:
        expression = expression[1:]  # a bullet
    if len(expression) < 3 or (expression[0].kind == "op" and expression[0].value != "("):
        return None
    return expression if sum(part.kind == "number" for part in expression) > 1 else None


def _find_right_side(tokens: Sequence[_Token], at: int) -> tuple[PlacedNumber, list[_Token]] | None:
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


def _compute(tokens: Sequence[_Token]) -> Fraction | None:
    """The value of an expression; None where it is none."""
    calculation = parse_calculation([token.value for token in tokens])
    return calculation.value if calculation else None
