"""Marks of steps: what the numbers of a step show of it, beside a right solution where one is known.

A mark proves nothing: right solutions go other ways, and wrong ones meet their
values by chance. How often right, first wrong and later steps bear each mark is
estimated (`tasks.localize.posterior.fit`). So numbers are read loosely here,
with units and words between them; what is strictly arithmetic is left to
`tasks.arithmetic`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache

from tasks.arithmetic.context_numbers import find_given_numbers
from tasks.arithmetic.equations import find_equations
from tasks.arithmetic.statements import Side, read_statements
from tasks.arithmetic.tokens import Token, tokenize

MARKS = ("words", "repeats", "known value", "reference value", "reference step", "departs in part", "departs", "false")
"""What a step shows: no number; none that is new; a calculation whose value stood there before; a value, or a calculation,
of the right solution; new values of which some, or none, are in it; an equation that does not hold."""
PLAIN_MARKS = ("words", "repeats", "calculates", "false")
"""The same where no right solution is known: no number; none that is new; new ones; an equation that does not hold."""
_LONGEST = 4_000
_NUMBER = r"(?:\d{1,12}(?:\.\d{1,12})?|\.\d{1,12})"
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]{0,40})\}\{([^{}]{0,40})\}")
_NAMED = re.compile(r"\\(?:text|boxed|mathrm)\{([^{}]{0,80})\}")
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})
_COMMANDS = {"\\times": "*", "\\cdot": "*", "\\div": "/"}
_BLANK = re.compile(r"\\?\$|\\[,;! ()\[\]]|[{}€£]")
_GROUPS = re.compile(r"(?<=\d),(?=\d{3})|(?<=\d) (?=000\b)")
_ITEM = re.compile(r"^\s{0,10}(?:step\s{0,3})?\d{1,3}[.:)]\s{0,10}", re.IGNORECASE)
_RATIO = re.compile(r"(\d{1,9})/(\d{1,9})")
_SIGN = re.compile(r"[\d)]\D{0,160}[-+*/x]\W{0,8}\d")
"""What a calculation of two numbers has, besides much else."""
_LONGEST_UNIT = 5
_ROUNDING = Fraction(1, 100)
Operation = tuple[str, Fraction, Fraction]


def mark_steps(question: str, steps: Sequence[str], reference: str | None) -> list[int]:
    """The mark of each step: an index of `MARKS`, or of `PLAIN_MARKS` where no right solution is known.

    Args:
        question: The problem.
        steps: The solution's steps.
        reference: A right solution of the problem, if one is known.

    Returns:
        As many as steps.

    """
    given = _extend({*_find_values(_clean(question)), *find_given_numbers(question)}) | {Fraction(0), Fraction(1)}
    reading = _Reading(set(given))
    if reference is None:
        return [_mark_by_arithmetic(step, reading) for step in steps]
    plan = _read_reference(reference)
    return [_mark_by_reference(step, reading, plan) for step in steps]


@dataclass
class _Reading:
    """What a solution has brought so far."""

    values: set[Fraction]
    operations: set[Operation] = field(default_factory=set)


@dataclass(frozen=True)
class _Reference:
    """The numbers and calculations of a right solution."""

    values: frozenset[Fraction]
    operations: frozenset[Operation]


@lru_cache(maxsize=4_096)  # several solutions have one problem
def _read_reference(text: str) -> _Reference:
    clean = _clean(text)
    operations = _find_operations(clean)
    results = {value for operation in operations if (value := _compute(operation)) is not None}
    return _Reference(frozenset({*_find_values(clean), *results}), frozenset(map(_normalize, operations)))


def _mark_by_arithmetic(step: str, reading: _Reading) -> int:
    new, _, any_number = _advance(step, reading)
    if _is_false(step):
        return PLAIN_MARKS.index("false")
    return PLAIN_MARKS.index("calculates" if new else "repeats" if any_number else "words")


def _mark_by_reference(step: str, reading: _Reading, plan: _Reference) -> int:
    new, operations, any_number = _advance(step, reading)
    if _is_false(step):
        return MARKS.index("false")
    if not new and not operations:
        return MARKS.index("repeats" if any_number else "words")
    follows = any(_normalize(operation) in plan.operations for operation in operations)
    foreign = [value for value in new if value not in plan.values]
    aside = not new and any(
        operation[0] != "/"  # which as often is how a share is written
        and _normalize(operation) not in plan.operations
        and _compute(operation) not in plan.values
        for operation in operations
    )
    agrees = follows or len(foreign) < len(new)
    if foreign or aside:
        return MARKS.index("departs in part" if agrees else "departs")
    return MARKS.index("reference step" if follows else "reference value" if new else "known value")


def _advance(step: str, reading: _Reading) -> tuple[list[Fraction], list[Operation], bool]:
    """A step's new numbers and new calculations, and whether it has a number at all."""
    text = _clean(_ITEM.sub("", step[:_LONGEST]))
    values = _find_values(text)
    new = [value for value in dict.fromkeys(values) if value not in reading.values]
    operations = [
        operation
        for operation in dict.fromkeys(_find_operations(text))
        if _normalize(operation) not in reading.operations
    ]
    reading.values |= set(new)
    reading.operations |= set(map(_normalize, operations))
    return new, operations, bool(values)


def _is_false(step: str) -> bool:
    """Whether an equation of a step does not hold, read strictly or, of two numbers, loosely."""
    if any(equation.holds is False for equation in find_equations(step)):
        return True
    for statement in read_statements(step[:_LONGEST]) if "=" in step else ():
        operation, right = _read_operation(statement.left), statement.right
        value = _compute(operation) if operation else None
        plain = statement.relation.value == "=" and len(right.signs) == 1 and right.signs[0].certain
        if value is None or not plain or right.tree is None or right.tree[0] != "number" or right.signs[0].percent:
            continue
        if abs(value - right.tree[1]) > _ROUNDING * max(Fraction(1), abs(value)):
            return True
    return False


def _read_operation(side: Side) -> Operation | None:
    """The calculation of two bare numbers that a side is."""
    if len(side.signs) != 3 or any(sign.percent or not sign.certain for sign in side.signs):
        return None
    left, sign, right = (sign.value for sign in side.signs)
    known = isinstance(left, Fraction) and isinstance(right, Fraction) and sign in ("+", "-", "*", "/")
    return (str(sign), left, right) if known else None  # type: ignore[return-value]


def _clean(text: str) -> str:
    """A text without LaTeX, currency and the marks between groups of digits; its signs those of a keyboard."""
    text = _NAMED.sub(r" \1 ", _FRACTION.sub(r"(\1)/(\2)", text[:_LONGEST].translate(_SIGNS)))
    for command, sign in _COMMANDS.items():
        text = text.replace(command, sign)
    return _GROUPS.sub("", _BLANK.sub(" ", text))


def _find_values(text: str) -> list[Fraction]:
    """The numbers of a clean text, fractions among them."""
    values = [Fraction(number) for number in re.findall(_NUMBER, text)]
    return values + [Fraction(int(over), int(under)) for over, under in _RATIO.findall(text) if int(under)]


def _find_operations(text: str) -> list[Operation]:
    """The calculations of two numbers in a clean text, whatever units stand between them."""
    tokens = tokenize(text) if _SIGN.search(text) else ()
    operations: list[Operation] = []
    for i, token in enumerate(tokens):
        if token.kind != "op" or token.value in ("(", ")"):
            continue
        left = _find_operand(tokens[max(0, i - _LONGEST_UNIT - 2) : i][::-1])
        right = next((other.value for other in tokens[i + 1 : i + 3] if other.value != "("), None)
        if isinstance(left, Fraction) and isinstance(right, Fraction):
            operations.append((str(token.value), left, right))
    return operations


def _find_operand(before: Sequence[Token]) -> Fraction | str | None:
    """What stands before a sign, nearest first: the number behind whose unit, or bracket, it stands."""
    return next((token.value for token in before if token.kind != "word" and token.value != ")"), None)


def _normalize(operation: Operation) -> Operation:
    """A calculation with its numbers in order, where their order says nothing."""
    sign, left, right = operation
    return (sign, min(left, right), max(left, right)) if sign in "+*" else operation


def _compute(operation: Operation) -> Fraction | None:
    sign, left, right = operation
    if sign == "/":
        return left / right if right else None
    return left + right if sign == "+" else left - right if sign == "-" else left * right


def _extend(values: Iterable[Fraction]) -> set[Fraction]:
    """Numbers with those that stand for them in calculations: 20 % is 0.2 and leaves 0.8, one of four is 1/4."""
    known = set(values)
    small = {value for value in known if 0 < value <= 100}
    return known | {value / 100 for value in small} | {1 - value / 100 for value in small} | {
        1 / value for value in small if value.denominator == 1 and value <= 12
    }  # fmt: skip
