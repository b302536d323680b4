"""Times of day."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from tasks.verify.answer_types.base import AnswerType, Finding

_TIME = re.compile(r"(\d{1,2}):([0-5]\d)(?::([0-5]\d))?\s*\u27e8?\s*([ap])?\.?\s*(m)?\.?\s*\u27e9?", re.IGNORECASE)
_HOUR = re.compile(
    r"(\d{1,2})\s*\u27e8?\s*([ap])\.?\s*m\.?\s*\u27e9?|(noon|midnight)|(\d{1,2})\s*\u27e8?\s*o['’]clock\s*\u27e9?",
    re.IGNORECASE,
)
_HOURS = re.compile(r"(\d{1,2}):([0-5]\d)\s*(?:[ap]\.?m\.?)?", re.IGNORECASE)


@dataclass(frozen=True)
class Clock:
    """A time of day, or a ratio that looks like one."""

    hour: int
    minute: int
    half: str = ""
    """a or p, where it is given."""


def read_time(text: str) -> Clock | None:
    """`3:30 PM`, `noon`."""
    if match := _TIME.fullmatch(text):
        if (match[5] and not match[4]) or int(match[1]) > 24:
            return None
        return Clock(int(match[1]), int(match[2]), (match[4] or "").casefold())
    if match := _HOUR.fullmatch(text.strip("\u27e8\u27e9 ")):
        if match[3]:
            return Clock(12, 0, "p" if match[3].casefold() == "noon" else "a")
        return Clock(int(match[1] or match[4]), 0, (match[2] or "").casefold())
    return None


def compare_times(gold: Clock, answer: Clock) -> Finding:
    """By the hour of the day; one that does not say which half is right where its figures are."""
    if gold.half and answer.half:
        day = [(clock.hour % 12 + (12 if clock.half == "p" else 0), clock.minute) for clock in (gold, answer)]
        return Finding("equal" if day[0] == day[1] else "different", "time", True)
    if (gold.hour, gold.minute) == (answer.hour, answer.minute):
        return Finding("equal", "time", True)
    complete, bare = (gold, answer) if gold.half else (answer, gold)
    if (
        complete.half
        and complete.hour % 12 + (12 if complete.half == "p" else 0) == bare.hour
        and complete.minute == bare.minute
    ):
        return Finding("equal", "time", True)
    same_figures = (gold.hour - answer.hour) % 12 == 0 and gold.minute == answer.minute
    return Finding("time unclear", "time") if same_figures else Finding("different", "time", True)


def read_hours(text: str) -> tuple[int, int] | None:
    """Hour and minute of a text that is a time of day, or a span of hours and minutes."""
    match = _HOURS.fullmatch(text.strip(" .*"))
    return (int(match[1]), int(match[2])) if match else None


def as_number(hour: int, minute: int) -> set[Fraction]:
    """The numbers that hours and minutes may be meant by."""
    return {Fraction(hour * 60 + minute), Fraction(hour) + Fraction(minute, 60), Fraction(hour), Fraction(minute)}


TIME = AnswerType("time of day", "time", read_time, compare_times)
