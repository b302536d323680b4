"""Units of one kind: whether two numbers may be the same amount in other units."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from itertools import product

_FAMILIES: tuple[dict[str, int], ...] = (
    {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800},
    {"month": 1, "year": 12, "decade": 120},
    {"cent": 1, "dollar": 100, "$": 100},
    {"item": 1, "dozen": 12},
    {"inch": 1, "foot": 12, "feet": 12, "yard": 36, "mile": 63360},
    {"millimeter": 1, "centimeter": 10, "meter": 1000, "kilometer": 10**6},
    {"mm": 1, "cm": 10, "m": 1000, "km": 10**6},
    {"gram": 1, "kilogram": 1000, "ton": 10**6},
    {"g": 1, "kg": 1000},
    {"ounce": 1, "pound": 16},
    {"milliliter": 1, "liter": 1000},
    {"cup": 1, "pint": 2, "quart": 4, "gallon": 16},
)  # fmt: skip


_OTHERS: dict[tuple[int, int], list[tuple[dict[str, int], list[tuple[str, str]]]]] = {}
"""By the ratio of two numbers: the families with units, each with another, of which they may be the same amount."""
for _family in _FAMILIES:
    _by_ratio: dict[tuple[int, int], list[tuple[str, str]]] = {}
    for _unit, _other in product(_family, repeat=2):
        _by_ratio.setdefault(Fraction(_family[_other], _family[_unit]).as_integer_ratio(), []).append((_unit, _other))
    for _ratio, _pairs in _by_ratio.items():
        _OTHERS.setdefault(_ratio, []).append((_family, _pairs))
RATIOS = frozenset(Fraction(*ratio) for ratio in _OTHERS)
"""Of the amounts of any two units of one family."""


@lru_cache(maxsize=4096)  # of a question for each answer to it
def _list_words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\$|[a-z]+", text.casefold()))


def _list_units(text: str, family: dict[str, int]) -> set[str]:
    """The units of a family that a text names."""
    words = _list_words(text)
    return {unit for unit in family if unit in words or (len(unit) > 2 and f"{unit}s" in words) or f"{unit}es" in words}


def has_several_units(text: str) -> bool:
    """Whether a text names two units of one family: "1 hour and 53 minutes"."""
    return any(len({family[unit] for unit in _list_units(text, family)}) > 1 for family in _FAMILIES)


_AMOUNT = re.compile(r"(?P<money>\$)?\s*(?P<number>\d[\d,]*(?:\.\d+)?)(?:[\s-]*(?P<unit>[a-z]+))?", re.IGNORECASE)
_JOINED = re.compile(r"\W*(?:and|,)?\W*", re.IGNORECASE)


def read_amounts(text: str) -> list[tuple[Fraction, str]] | None:
    """The amounts, each with its unit, of which a text consists; None where other things stand in it."""
    amounts: list[tuple[Fraction, str]] = []
    at = 0
    for match in _AMOUNT.finditer(text):
        unit = "$" if match["money"] else (match["unit"] or "").casefold()
        known = [name for family in _FAMILIES for name in family if unit in (name, f"{name}s", f"{name}es")]
        if not known or not _JOINED.fullmatch(text, at, match.start()):
            return None
        amounts.append((Fraction(match["number"].replace(",", "")), known[0]))
        at = match.end()
    return amounts if amounts and _JOINED.fullmatch(text, at) else None


def compare_parts(text: str, wanted: Fraction, question: str) -> str | None:
    """What an amount in several units is beside a wanted number: `same`, `different`, or `unclear`; None where it is none.

    "1 hour and 53 minutes" is 113, of the minutes it names itself, and no 25.

    Args:
        text: The amount, as “1 hour and 53 minutes”.
        wanted: Gold.
        question: The problem's text, which may name the unit.

    Returns:
        `same`, `different`, `unclear`, or None.

    """
    amounts = read_amounts(text)
    family = next(
        (candidate for candidate in _FAMILIES if amounts and all(unit in candidate for _, unit in amounts)), None
    )
    if not amounts or family is None or len({family[unit] for _, unit in amounts}) < len(amounts) or len(amounts) < 2:
        return None
    whole = sum((number * family[unit] for number, unit in amounts), Fraction(0))
    named = {unit for _, unit in amounts} | _list_units(question, family)
    if any(wanted * family[unit] == whole for unit in named):
        return "same"
    near = any(abs(wanted * size - whole) < size for size in family.values())
    return "unclear" if near or wanted in {number for number, _ in amounts} else "different"


def has_both_units(text: str, wanted: Fraction) -> bool:
    """Whether a text gives one amount in two units, in one of them as a wanted number: "2040 minutes or 34 hours"."""
    either = [read_amounts(part) or [] for part in re.split(r"\s+or\s+", text)]
    if len(either) != 2 or any(len(amounts) != 1 for amounts in either):
        return False
    (value, unit), (other, unit_of_other) = either[0][0], either[1][0]
    family = next((candidate for candidate in _FAMILIES if unit in candidate and unit_of_other in candidate), None)
    return family is not None and value * family[unit] == other * family[unit_of_other] and wanted in (value, other)


def is_same_in_question_unit(value: Fraction, wanted: Fraction, answer: str, question: str) -> bool:
    """Whether an answer names its unit, and is gold's number in the only unit of that kind that the question names."""
    for family in _FAMILIES:
        own, known = ({family[unit] for unit in _list_units(text, family)} for text in (answer, question))
        if len(own) == len(known) == 1 and own != known and value * own.pop() == wanted * known.pop():
            return True
    return False


_MONEY = re.compile(
    r"\b(?:cost|costs|pay|pays|paid|spend|spends|spent|money|price|earn|earns|save|saves|make|makes|owe|owes|profit|bill)\b"
)


_GIVEN = re.compile(r"\d[\d,.]*[\s-]*[a-z]+")
"""An amount: "in 4 weeks" asks for no weeks."""


@lru_cache(maxsize=4096)
def _find_asked(question: str) -> str:
    """What a question asks in the end, without the amounts it gives."""
    return _GIVEN.sub(" ", re.split(r"(?<=[.!])\s", question.casefold().strip())[-1])


def _is_asked_for(asked: str, family: dict[str, int]) -> bool:
    """Whether a question without a unit asks for an amount of a family: no count, time for time, money for money only."""
    if "how many" in asked:
        return False
    if "how much time" in asked or "how long" in asked:
        return "hour" in family or "year" in family
    return bool(_MONEY.search(asked)) == ("dollar" in family)


def may_differ_in_unit(value: Fraction, wanted: Fraction, answer: str, question: str) -> bool:
    """Whether an answer that differs from gold may be the same amount in another unit.

    It may where the ratio of the two numbers is that of two units, and either
    the answer names one of them and the question the other (or none), or the
    answer names none and the question both, without asking for one.

    Args:
        value: The answer's number.
        wanted: Gold's.
        answer: The answer's text.
        question: The problem's text.

    Returns:
        True where nothing can be decided.

    """
    if not value or not wanted:
        return False
    for family, others in _OTHERS.get((value / wanted).as_integer_ratio(), ()):
        units, known = _list_units(answer, family), _list_units(question, family)
        if (
            not units
            and known
            and not _list_units(asked := _find_asked(question), family)
            and _is_asked_for(asked, family)
        ):
            units = known
        if any(unit in units and (not known or other in known) for unit, other in others):
            return True
    return False
