"""Units of one kind: whether two numbers may be the same amount in other units."""

from __future__ import annotations

import re
from fractions import Fraction

_FAMILIES: tuple[dict[str, Fraction], ...] = (
    {"second": Fraction(1), "minute": Fraction(60), "hour": Fraction(3600), "day": Fraction(86400), "week": Fraction(604800)},
    {"month": Fraction(1), "year": Fraction(12), "decade": Fraction(120)},
    {"cent": Fraction(1), "dollar": Fraction(100), "$": Fraction(100)},
    {"item": Fraction(1), "dozen": Fraction(12)},
    {"inch": Fraction(1), "foot": Fraction(12), "feet": Fraction(12), "yard": Fraction(36), "mile": Fraction(63360)},
    {"millimeter": Fraction(1), "centimeter": Fraction(10), "meter": Fraction(1000), "kilometer": Fraction(10**6)},
    {"mm": Fraction(1), "cm": Fraction(10), "m": Fraction(1000), "km": Fraction(10**6)},
    {"gram": Fraction(1), "kilogram": Fraction(1000), "ton": Fraction(10**6)},
    {"g": Fraction(1), "kg": Fraction(1000)},
    {"ounce": Fraction(1), "pound": Fraction(16)},
    {"milliliter": Fraction(1), "liter": Fraction(1000)},
    {"cup": Fraction(1), "pint": Fraction(2), "quart": Fraction(4), "gallon": Fraction(16)},
)  # fmt: skip


_RATIOS_OF = [frozenset(one / other for one in family.values() for other in family.values()) for family in _FAMILIES]
RATIOS = frozenset().union(*_RATIOS_OF)
"""Of the amounts of any two units of one family."""


def _named(text: str, family: dict[str, Fraction]) -> set[str]:
    """The units of a family that a text names."""
    found = set(re.findall(r"\$|[a-z]+", text.casefold()))
    return {unit for unit in family if unit in found or (len(unit) > 2 and f"{unit}s" in found) or f"{unit}es" in found}


def several_units(text: str) -> bool:
    """Whether a text names two units of one family: "1 hour and 53 minutes"."""
    return any(len({family[unit] for unit in _named(text, family)}) > 1 for family in _FAMILIES)


_MONEY = re.compile(
    r"\b(?:cost|costs|pay|pays|paid|spend|spends|spent|money|price|earn|earns|save|saves|make|makes|owe|owes|profit|bill)\b"
)


def _asked_for(asked: str, family: dict[str, Fraction]) -> bool:
    """Whether a question without a unit asks for an amount of a family: not for a count, money for money only."""
    if "how many" in asked:
        return False
    return bool(_MONEY.search(asked)) == ("dollar" in family)


def other_unit(value: Fraction, wanted: Fraction, answer: str, question: str) -> bool:
    """Whether an answer that differs from gold may be the same amount in another unit.

    It may where the ratio of the two numbers is that of two units, and either
    the answer names one of them and the question the other (or none), or the
    answer names none and the question both, without asking for one.
    """
    if not value or not wanted or value / wanted not in RATIOS:
        return False
    asked = re.split(r"(?<=[.!])\s", question.casefold().strip())[-1]
    for family, ratios in zip(_FAMILIES, _RATIOS_OF):
        if value / wanted not in ratios:
            continue
        units, known = _named(answer, family), _named(question, family)
        others = known or set(family)
        if not units and not _named(asked, family) and _asked_for(asked, family):
            units = others = known
        if any(value * family[unit] == wanted * family[other] for unit in units for other in others):
            return True
    return False
