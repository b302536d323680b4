"""Dates as people and models write them."""

from __future__ import annotations

import re
from datetime import date

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import DOUBTED, NOT_READ, AnswerType, Finding
from tasks.verify.no_answer import DENIAL

_MONTHS = [
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
]  # fmt: skip
_NAMES = "|".join(f"{name[:3]}(?:{name[3:]})?" if len(name) > 3 else name for name in _MONTHS)
DATED = re.compile(
    rf"\b\d{{1,2}}\s*[/-]\s*\d{{1,2}}\s*[/-]\s*\d{{4}}\b|\b\d{{4}}-\d{{1,2}}-\d{{1,2}}\b"
    rf"|\b(?:{_NAMES})\.?\s+\d{{1,2}}(?:st|nd|rd|th)?,?\s+\d{{4}}\b|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?(?:{_NAMES})\.?,?\s+\d{{4}}\b",
    re.IGNORECASE,
)
"""A date with its year."""


def find_dates(text: str) -> set[date | None]:
    """The dates that stand in a text, None for one that no calendar has."""
    return {_read_match(match[0]) for match in DATED.finditer(text)}


def _read_match(text: str) -> date | None:
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


def read_date(text: str) -> date | None:
    """One date, and nothing else."""
    text = re.sub("[\u27e8\u27e9]", " ", text).strip()
    if not DATED.fullmatch(text):
        return None
    value = _read_match(text)
    if value is None:
        raise UnreadableFormula(f"{text} is in no calendar")
    return value


def compare_dates(gold: date, answer: date) -> Finding:
    """By the calendar."""
    return Finding("equal" if gold == answer else "different", "date", True)


def find_date(gold: str, answer: str) -> Finding:
    """Whether the only date of an answer in words is gold's."""
    gold_dates, answer_dates = find_dates(gold), find_dates(answer)
    if len(gold_dates) != 1 or None in gold_dates:
        return Finding("gold unparsable", "date")
    if len(answer_dates) > 1:
        return Finding("several answers", "date")
    if not answer_dates:
        return Finding("different", "denial", True) if DENIAL.search(answer) else Finding("unparsable", "date")
    if DOUBTED.search(DATED.sub(" ", answer)):
        return Finding(NOT_READ, "date")
    return Finding("equal" if gold_dates == answer_dates else "different", "date", True)


DATE = AnswerType("date", "date", read_date, compare_dates)
