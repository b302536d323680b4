"""No solution, or no value."""

from __future__ import annotations

import re

from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding

_NOTHING = re.compile(
    r"(?:\\(?:emptyset|varnothing)|\\lbrace\s*\\rbrace|\{\s*\}|\(?\s*\\emptyset\s*\)?)(?:\s*\u27e8?\s*\(?(?:no (?:[a-z]+ )?solutions?|(?:the )?(?:empty|null) set)\s*\)?\u27e9?)?$"
)
NO_SOLUTION = re.compile(
    r"(?:there (?:is|are|exists?) )?(?:no(?: (?:real|such|valid|possible|integer|positive|finite))*(?: (?:solutions?|values?|answers?|integers?|numbers?|roots?"
    r"|functions?|pairs?))|none)(?: exists?)?|(?:the )?(?:empty set|null set|equation has no solutions?)|has no (?:real )?solutions?|inconsistent"
)
_NO_VALUE = re.compile(r"(?:the )?(?:limit )?(?:d\.?n\.?e|does ?n[o']t exist|doesn['’]t exist|undefined|not defined)")


def read_nothing(text: str) -> str | None:
    """`no solution` or `no value`."""
    if _NOTHING.fullmatch(text):
        return "no solution"
    phrase = " ".join(re.sub(r"[\u27e8\u27e9.]", " ", text).casefold().split())
    if NO_SOLUTION.fullmatch(phrase):
        return "no solution"
    return "no value" if _NO_VALUE.fullmatch(phrase) else None


def compare_nothing(gold: str, answer: str) -> Finding:
    """Whether neither has a solution, or neither a value."""
    return Finding("equal", "set", True) if gold == answer else Finding(UNKNOWN, "set")


NOTHING = AnswerType("nothing", "set", read_nothing, compare_nothing)
