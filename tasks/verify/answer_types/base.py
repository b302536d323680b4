"""What an answer type is: how an answer in plain text is read as one, whole, and when two of them are the same."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tasks.verify.algebra.tokens import UnreadableFormula

UNKNOWN = "not settled"
"""Neither proved nor disproved: a second opinion is asked."""
ALIKE = "alike"
"""Not proved equal, but no bounds separate the two: no second opinion "different" counts."""
NOT_READ = "not fully read"
DOUBTED = re.compile(
    r"[\d+*/=<>?@^|~;\ufffd]|\\(?!text|mathrm|mathbf|boxed|quad|[,;:! $])|\b(?:not|maybe|perhaps|possibly|probably|or|if|unless|only|false|wrong|at least|at most)\b",
    re.IGNORECASE,
)
"""What stands beside an answer in words and takes it back, or is not understood."""
PARTS = 64
"""Of a set, tuple, matrix or chain."""


@dataclass(frozen=True)
class Finding:
    """What a comparison came to."""

    result: str
    """equal, different, or why it is neither."""
    rule: str
    """One of `problems.COMPARISON_RULES`."""
    settled: bool = False
    """Whether it is proved."""


@dataclass(frozen=True)
class Reading:
    """An answer that was read whole, as a value of a type."""

    type: str
    """One of `ANSWER_TYPES`."""
    value: Any
    """What the type's `read` makes of it."""


@dataclass(frozen=True)
class AnswerType:
    """One type of answer."""

    name: str
    rule: str
    """Of its comparisons, one of `problems.COMPARISON_RULES`."""
    read: Callable[[str], Any]
    """The value of an answer in plain text; None where it is no answer of this type; raises `Unreadable` with the rest
    where it is one that cannot be read whole."""
    compare: Callable[[Any, Any], Finding]
    """Whether two values of the type, gold's first, are the same."""


def split_outside(text: str, separator: str = ",") -> list[str]:
    """A text cut at separators outside of brackets, words and environments."""
    parts, depth, begun = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([{\u27e8") - (sign in ")]}\u27e9")
        if sign == separator and depth == 0:
            parts.append(text[begun:at])
            begun = at + 1
    return [*parts, text[begun:]]


def is_closed_by_last(text: str) -> bool:
    """Whether the first bracket of a text is closed by its last sign."""
    depth = 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            return at == len(text) - 1
    return False


def is_balanced(text: str) -> bool:
    """Whether all brackets of a text are closed, whichever kind closes which."""
    depth = 0
    for sign in text:
        depth += (sign in "([{") - (sign in ")]}")
        if depth < 0:
            return False
    return depth == 0


def combine_findings(results: list[str], rule: str, sure: bool = True) -> Finding:
    """Equal where all are; one that surely differs is enough for a difference."""
    if "different" in results:
        return Finding("different", rule, sure)
    doubts = [reply for reply in results if reply != "equal"]
    if doubts:
        order = (ALIKE, UNKNOWN)
        return Finding(next((reply for reply in doubts if reply not in order), doubts[0]), rule)
    return Finding("equal", rule, sure)


def split_words(text: str) -> list[str]:
    """The words of a text in lower case, without signs and marks of words."""
    return re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.casefold())


__all__ = [
    "ALIKE",
    "DOUBTED",
    "NOT_READ",
    "UNKNOWN",
    "AnswerType",
    "Finding",
    "Reading",
    "UnreadableFormula",
    "combine_findings",
    "is_balanced",
    "is_closed_by_last",
    "split_outside",
    "split_words",
]
