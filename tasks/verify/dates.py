"""Dates and times of day as people and models write them."""

from __future__ import annotations

import re
from datetime import date
from fractions import Fraction

_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_NAMES = "|".join(f"{name[:3]}(?:{name[3:]})?" if len(name) > 3 else name for name in _MONTHS)
DATE = re.compile(
    rf"\b\d{{1,2}}\s*[/-]\s*\d{{1,2}}\s*[/-]\s*\d{{4}}\b|\b\d{{4}}-\d{{1,2}}-\d{{1,2}}\b"
    rf"|\b(?:{_NAMES})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_NAMES})\.?,?\s+\d{{4}}\b",
    re.IGNORECASE,
)
_TIME = re.compile(r"(\d{1,2}):([0-5]\d)\s*(?:[ap]\.?m\.?)?", re.IGNORECASE)


def find_dates(text: str) -> set[date | None]:
    """The dates that stand in a text, None for one that no calendar has."""
    return {_read_date(match[0]) for match in DATE.finditer(text)}


def _read_date(text: str) -> date | None:
    """A date; of figures alone the year, or else the month comes first, unless there is no such month."""
    numbers = [int(digits) for digits in re.findall(r"\d+", text)]
    name = re.search(r"[a-zA-Z]{3}", re.sub(r"\d+(?:st|nd|rd|th)|\bof\b", "", text))
    if name:
        month = next(i for i, month_name in enumerate(_MONTHS, 1) if month_name.startswith(name[0].casefold()))
        day, year = numbers
    elif numbers[0] > 999:
        year, month, day = numbers
    else:
        month, day, year = numbers
        if month > 12:
            month, day = day, month
    try:
        return date(year, month, day)
    except ValueError:
        return None


def read_hours(text: str) -> tuple[int, int] | None:
    """Hour and minute of a text that is a time of day, or a span of hours and minutes."""
    match = _TIME.fullmatch(text.strip(" .*"))
    return (int(match[1]), int(match[2])) if match else None


def as_number(hour: int, minute: int) -> set[Fraction]:
    """The numbers that hours and minutes may be meant by."""
    return {Fraction(hour * 60 + minute), Fraction(hour) + Fraction(minute, 60), Fraction(hour), Fraction(minute)}
