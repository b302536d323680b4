"""Numbers that a step may use: those that are given, and the results of the steps before it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction

from tasks.arithmetic.equations import find_equations, find_numbers

_WORDS: dict[str, tuple[int, ...]] = {
    **{word: (value,) for value, word in enumerate(
        ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
    )},
    # "one" mostly stands for a thing and not for a number
    "one": (),
    "thirty": (30,), "forty": (40,), "fifty": (50,), "sixty": (60,), "seventy": (70,), "eighty": (80,), "ninety": (90,),
    "hundred": (100,), "thousand": (1000,), "dozen": (12,), "dozens": (12,), "half": (2,), "halves": (2,), "twice": (2,),
    "double": (2,), "doubled": (2,), "doubles": (2,), "once": (1,), "thrice": (3,), "triple": (3,), "tripled": (3,),
    "triples": (3,), "third": (3,), "thirds": (3,), "quarter": (4, 25), "quarters": (4, 25), "fourth": (4,), "fourths": (4,),
    "fifth": (5,), "fifths": (5,), "sixth": (6,), "tenth": (10,), "couple": (2,), "pair": (2,), "pairs": (2,), "both": (2,),
    "week": (7,), "weeks": (7,), "weekly": (7,), "day": (24, 7), "days": (24, 7), "daily": (7,), "hour": (60,), "hours": (60,),
    "minute": (60,), "minutes": (60,), "year": (12, 52, 365), "years": (12, 52, 365), "month": (30, 12), "months": (30, 12),
    "percent": (100,), "dollar": (100,), "dollars": (100,), "cents": (100,), "foot": (12,), "feet": (12,), "yard": (3,),
    "weekend": (2,), "weekday": (5,), "weekdays": (5,), "average": (2,), "quadruple": (4,),
}  # fmt: skip
_BRINGS = frozenset(
    [
        "week",
        "weeks",
        "weekly",
        "day",
        "days",
        "daily",
        "hour",
        "hours",
        "minute",
        "minutes",
        "year",
        "years",
        "month",
        "months",
        "percent",
        "dollar",
        "dollars",
        "cents",
        "foot",
        "feet",
        "yard",
        "weekend",
        "weekday",
        "weekdays",
        "average",
    ]
)
COMMON_NUMBERS = frozenset(map(Fraction, (0, 1, 2, 10, 100)))
"""Numbers that a step may bring in by itself."""


def find_stated_numbers(question: str) -> set[Fraction]:
    """The numbers that a problem gives in figures or in number words."""
    return _collect_values(question, _BRINGS)


def find_given_numbers(question: str) -> set[Fraction]:
    """The numbers that a problem gives, in figures or in words, with those that its words bring along (a week: 7)."""
    return _collect_values(question, frozenset())


def _collect_values(question: str, without: frozenset[str]) -> set[Fraction]:
    values = {number.value for number in find_numbers(question)}
    values |= {Fraction(value.replace(",", "")) for value in re.findall(r"\d{1,9}(?:\.\d{1,9})?", question)}
    for word in set(re.findall(r"[a-z]+", question.lower())) - without:
        values |= {Fraction(value) for value in _WORDS.get(word, ())}
    if "%" in question and not without:
        values.add(Fraction(100))
    return values


def find_derived_numbers(steps: Sequence[str]) -> set[Fraction]:
    """The numbers that steps came to, and all others that stand in them."""
    values = set()
    for step in steps:
        values |= {equation.result.value for equation in find_equations(step)} | {
            number.value for number in find_numbers(step)
        }
    return values
