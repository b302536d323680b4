"""A question with its options: one form for models that are asked, for views, and for readers of rows and reports."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase


def format_option_letter(number: int) -> str:
    """The letters of an option, counted from 0: A to Z, then AA, AB and so on, as columns of a spreadsheet."""
    before, last = divmod(number, len(ascii_uppercase))
    return (format_option_letter(before - 1) if before else "") + ascii_uppercase[last]


def format_question(question: str, options: Sequence[str] | None) -> str:
    """A question with its options below it, lettered, a line each.

    Args:
        question: The problem's text.
        options: The choices of multiple choice; None or empty where there are none.

    Returns:
        The question alone, or with a line `A) …`, `B) …` for each option.

    """
    return "\n".join([question, *(f"{format_option_letter(i)}) {option}" for i, option in enumerate(options or ()))])
