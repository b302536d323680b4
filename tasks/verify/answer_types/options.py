"""Options of a multiple choice: by their letter, with or without their text, or by their text alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.plain_unicode import normalize_unicode
from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding
from tasks.verify.answer_types.formulas import Formula
from tasks.verify.no_answer import DENIAL
from tasks.verify.number import normalize_digits

_LETTER = re.compile(r"^\W*+(?:(?:option|choice|answer)\W*+)?([A-Ja-j])\s*(?:[).:,\]]|$)", re.IGNORECASE)
_BRACKETED = re.compile(r"\(([A-Ja-j])\)")
_TWO_LETTERS = re.compile(r"\W*[A-J]\)?\s*(?:,|&|\band\b)\s*\(?[A-J]\W*", re.IGNORECASE)
_REFUSED = re.compile(r"\b(?:not|none|no|closest|cannot)\b", re.IGNORECASE)
_NOT_LISTED = re.compile(r"\b(?:not (?:listed|in|among|one of|given|provided)|none of)\b", re.IGNORECASE)
_OPTION = re.compile(
    r"\W*(?:(?:option|choice)\s*\(?(?P<a>[A-J])\)?[).:]?|\((?P<b>[A-J])\)|(?P<c>[A-J])(?:\)|[.:](?=\s)))\W*(?P<text>.*)",
    re.IGNORECASE | re.DOTALL,
)
_QUALIFIED = re.compile(
    r"[?@^_\ufffd]|\b(?:if|when|where|unless|for|or|not|except|maybe|perhaps|possibly|probably|at least|approximately|(?:is|are) (?:false|wrong|incorrect))\b",
    re.IGNORECASE,
)
_OPERATOR = re.compile(r"[+*/=<>!;?%&|~^]|-(?=\d)")


@dataclass(frozen=True)
class Option:
    """An option, named by its letter."""

    letter: str
    text: str = ""
    """What stands behind the letter, without signs."""


def read_option(text: str) -> Option | None:
    """`(B)`, `B) 12 cm`, `Option B`; a letter alone may as well be a value."""
    text = re.sub(r"\s+", " ", re.sub(r"[*$\u27e8\u27e9]", " ", text)).strip()
    match = _OPTION.fullmatch(text)
    if match is None or _QUALIFIED.search(match["text"]):
        return None
    letter = next(letter for letter in (match["a"], match["b"], match["c"]) if letter)
    if _OPERATOR.search(text, max(map(match.end, "abc")), match.start("text")):
        return None
    return Option(letter, strip_signs(match["text"])) if letter.isupper() else None


def compare_options(gold: Option, answer: Option) -> Finding:
    """By their letters; where both go on with their text, that must say the same."""
    if gold.text and answer.text and (gold.text == answer.text) != (gold.letter == answer.letter):
        return Finding(UNKNOWN, "choice")
    return Finding("equal" if gold.letter == answer.letter else "different", "choice", True)


def compare_option_to_value(option: Option, value: Formula) -> Finding:
    """A letter alone beside `(B) 12`."""
    if value.tree[0] == "letter" and re.fullmatch("[A-J]", value.tree[1]) and not value.name:
        return Finding("equal" if value.tree[1] == option.letter else "different", "choice", True)
    return Finding(UNKNOWN, "choice")


def compare_choices(gold: str, answer: str, options: Sequence[str]) -> Finding:
    """Whether an answer names the option that gold is, by its letter or by its text.

    Args:
        gold: The right option.
        answer: What was answered.
        options: The options of the problem, in order.

    Returns:
        Not settled, with the reason, where either names none of the options, or several.

    """
    several = _TWO_LETTERS.fullmatch(answer) or re.search(r"\b(?:or|either)\b", answer, re.IGNORECASE)
    if several and len(set(re.findall(r"\b[A-J]\b", answer.upper()))) > 1:
        return Finding("several answers", "choice")
    wanted, letter = _find_letter(gold, options), _find_letter(answer, options)
    if wanted is None:
        return Finding("gold unparsable", "choice")
    if letter is None:
        denied = DENIAL.search(answer) or _NOT_LISTED.search(answer)
        none = "none" in options[ord(wanted) - ord("A")].casefold()
        if denied and not none and not _BRACKETED.search(answer) and not re.search(r"\bclosest|\d", answer):
            return Finding("different", "denial", True)
        return Finding("unparsable", "choice")
    return Finding("equal" if letter == wanted else "different", "choice", True)


def _find_letter(answer: str, options: Sequence[str]) -> str | None:
    """The letter of the option that an answer names, by its letter or by its text; None where it names none."""
    match = _LETTER.match(normalize_digits(answer))
    letter = match[1].upper() if match else None
    bracketed = {mark.upper() for mark in _BRACKETED.findall(answer)}
    if letter is None and len(bracketed) == 1 and not _REFUSED.search(answer):
        letter = bracketed.pop()
    if letter is None:
        same = [i for i, option in enumerate(options) if _strip_letter(option) == strip_signs(answer)]
        letter = chr(ord("A") + same[0]) if len(same) == 1 else None
    return letter if letter is not None and ord(letter) - ord("A") < len(options) else None


def _strip_letter(option: str) -> str:
    """An option's text without its letter."""
    return strip_signs(re.sub(r"^\s*\(?[A-Ja-j]\s*[).:]\s*", "", option))


def strip_signs(text: str) -> str:
    """A text in lower case, without signs that no number or word needs."""
    text = normalize_unicode(text).casefold().replace("\u2212", "-")
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s%/.\-+]", " ", text)).strip(" .")


OPTION = AnswerType("option", "choice", read_option, compare_options)
