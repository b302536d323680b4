"""What an injected mistake must be like to be kept: small, in the step named, and not given away by words or layout.

The steps before it stay; few characters change; no word, bracket or layout says
that something is wrong. Each check names its reason.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from tasks.arithmetic.equations import find_equations
from tasks.classify.rules import blank_step_number

LEAKS = re.compile(
    r"\b(?:mistak\w*|incorrect\w*|wrong\w*|errors?|erroneous\w*|inaccura\w*|correction|actually|oops|wait|let me (?:check|re\w+))\b",
    re.IGNORECASE,
)
"""Words that speak of mistakes: a right solution with one of them would be given away by it, too."""
_TELLTALE = re.compile(
    r"\b(?:should (?:be|have)|ought to|instead of|rather than|correct\w*|fault\w*|fals\w+|flaw\w*|confus\w+|careless\w*|forg[eo]t\w*|"
    r"overlook\w*|ignor\w+|misread\w*|miscalculat\w*|misinterpret\w*|intention\w*|deliberate\w*|on purpose|inject\w*|sorry|"
    r"note|original\w*|modified|changed|altered)\b",
    re.IGNORECASE,
)
_NOTE = re.compile(r"[(\[{<][^()\[\]{}<>]{0,200}[^\W\d_]{3}[^()\[\]{}<>]{0,200}[)\]}>]|//|/\*|<!--")
_NUMBER = re.compile(r"\d[\d.,]*")
_MARK = re.compile(r"[^\w\s.,'’+\-*/×÷·−=$%€£]|\*\*|__|--")
UNCHANGED, OTHER_STEPS, OTHER_PLACE = "unchanged", "another number of steps", "the change is not in the step named"
TOO_MUCH, WORDS, NOTES, LAYOUT, SECOND = (
    "changes too much", "words of a mistake", "notes in brackets", "another layout", "a second mistake",
)  # fmt: skip
LONGEST = 20_000
"""Characters of a solution that is looked at."""


def find_rejection(before: Sequence[str], after: Sequence[str], at: int, most: float) -> str:
    """Why a solution made from a right one, said to be wrong from step `at` on, is not kept; empty where it may be.

    Args:
        before: The steps of the right solution.
        after: The steps of what was made of it.
        at: The first step that is said to be wrong, counted from 0.
        most: The share of the characters, of the longer of the two, that may change.

    Returns:
        The reason in few words, or an empty text.

    """
    if list(before) == list(after):
        return UNCHANGED
    if abs(len(before) - len(after)) > 1:
        return OTHER_STEPS
    first = next((i for i, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))
    if first != at or at >= len(after):
        return OTHER_PLACE
    old, new = "\n".join(before), "\n".join(after)
    longest = max(len(old), len(new))
    if longest > LONGEST or distance(old, new) > most * longest:
        return TOO_MUCH
    if leaks_mistake(old, new):
        return WORDS
    if _has_new_match(_NOTE, old, new):
        return NOTES
    if _has_new_match(_MARK, old, new) or _count_line_breaks(before, len(after), at) != sum(
        step.count("\n") for step in after
    ):
        return LAYOUT
    return SECOND if _has_false_equation(after[at + 1 :]) else ""


def find_rejection_of_continuation(before: Sequence[str], after: Sequence[str], at: int) -> str:
    """Why a solution in which a model went on behind a wrong step is not kept: words of a mistake, or another one; else empty."""
    if leaks_mistake("\n".join(before), "\n".join(after)):
        return WORDS
    return SECOND if _has_false_equation(after[at + 1 :]) else ""


def _has_false_equation(steps: Sequence[str]) -> bool:
    return any(equation.holds is False for step in steps for equation in find_equations(blank_step_number(step)))


def leaks_mistake(old: str, new: str) -> bool:
    """Whether a text speaks of a mistake, or in words of one that the text it was made from has not."""
    return LEAKS.search(new) is not None or _has_new_match(_TELLTALE, old, new)


def _has_new_match(pattern: re.Pattern[str], old: str, new: str) -> bool:
    """Whether a text has something of a kind that another has not; other numbers are no other thing."""
    before, after = (
        {_NUMBER.sub("0", match.group().lower()) for match in pattern.finditer(text)} for text in (old, new)
    )
    return bool(after - before)


def _count_line_breaks(before: Sequence[str], count: int, at: int) -> int:
    """The line breaks that so many steps should have, one at `at` left out or put in."""
    gone = before[at].count("\n") if count < len(before) and at < len(before) else 0
    return sum(step.count("\n") for step in before) - gone


def distance(text: str, other: str) -> int:
    """Levenshtein's distance: characters to replace, put in or leave out."""
    start = next((i for i, (a, b) in enumerate(zip(text, other)) if a != b), min(len(text), len(other)))
    text, other = text[start:], other[start:]
    end = next((i for i, (a, b) in enumerate(zip(text[::-1], other[::-1])) if a != b), min(len(text), len(other)))
    text, other = text[: len(text) - end], other[: len(other) - end]
    codes = np.array([*map(ord, other)], np.int32)
    steps = np.arange(len(other) + 1, dtype=np.int32)
    row = steps.copy()
    for i, char in enumerate(map(ord, text), 1):
        # without insertions first; each of those then costs one more than what stands to its left
        costs = np.concatenate(([i], np.minimum(row[1:] + 1, row[:-1] + (codes != char)))).astype(np.int32)
        row = np.minimum.accumulate(costs - steps) + steps
    return int(row[-1])
