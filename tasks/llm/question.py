"""A question with its options: one form for models that are asked, for views, and for readers of rows and reports."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase


def format_option_letter(number: int) -> str:
    """The letters of an option, counted from 0: A to Z, then AA, AB and so on, as columns of a spreadsheet."""
    before, last = divmod(number, len(ascii_uppercase))
    return (format_option_letter(before - 1) if before else "") + ascii_uppercase[last]


def _strip_letters(options: Sequence[str]) -> Sequence[str]:
    """Options without the letters that they bring along, where each brings its own: `A) 8:16`, `(B) 9:02`, `C. none`."""
    marks = [rf"\(?{format_option_letter(i)}(?:\)|[.:](?=\s))\s*" for i in range(len(options))]
    matches = [re.match(mark, option.strip(), re.IGNORECASE) for mark, option in zip(marks, options)]
    if len(options) < 2 or not all(matches):
        return options
    return [option.strip()[match.end() :] for option, match in zip(options, matches) if match]


def format_question(question: str, options: Sequence[str] | None) -> str:
    """A question with its options below it, lettered, a line each.

    Args:
        question: The problem's text.
        options: The choices of multiple choice, with letters of their own or without; None or empty where there are none.

    Returns:
        The question alone, or with a line `A) …`, `B) …` for each option.

    """
    lettered = enumerate(_strip_letters(options or ()))
    return "\n".join([question, *(f"{format_option_letter(i)}) {option}" for i, option in lettered)])
