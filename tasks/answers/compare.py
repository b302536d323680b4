"""Comparing an extracted answer with gold: right, wrong, or undecided with the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from tasks.answers.extract import AnswerKind, Extraction
from tasks.answers.number import Several, decimals, number_of, numbers_in, plain, several_of
from tasks.answers.units import other_unit

Compare = Callable[[str, str], str]
"""Compares two expressions: `equal`, `different`, or a reason why neither can be said."""

LONGEST = 1000
"""Characters of an answer; a longer one is none, and would cost time."""
_LETTER = re.compile(r"^\W*+(?:(?:option|choice|answer)\W*+)?([A-Ja-j])\s*(?:[).:,\]]|$)", re.IGNORECASE)
_BRACKETED = re.compile(r"\(([A-Ja-j])\)")
_TWO_LETTERS = re.compile(r"\W*[A-J]\)?\s*(?:,|&|\band\b)\s*\(?[A-J]\W*", re.IGNORECASE)
_REFUSED = re.compile(r"\b(?:not|none|no|closest|cannot)\b", re.IGNORECASE)
_YES = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_BOTH = re.compile(r"\b(?:yes|true)\s+(?:and|or)\s+(?:no|false)\b|\b(?:no|false)\s+(?:and|or)\s+(?:yes|true)\b")
_SMALL = {"the", "a", "an", "on", "in", "at", "is", "it", "was", "to", "of"}


@dataclass(frozen=True)
class Judgement:
    """A verdict on one answer."""

    verdict: str
    """right, wrong or undecided."""
    rule: str
    """One of `tables.COMPARISON_RULES`."""
    undecided: str | None = None
    """Why neither right nor wrong can be said."""


def kind_of(gold: str, options: Sequence[str] | None) -> AnswerKind:
    """What sort of answer a problem asks for, told from its gold answer."""
    if options:
        return "choice"
    if several_of(gold):
        return "number"
    try:
        if number_of(gold) is not None and not re.search(r"[A-Za-z]{3,}", plain(gold)):
            return "number"
    except Several:
        pass
    if re.search(r"[\\^=√{}()\[\]+*]|\d[a-z]\b|^[a-z]$", gold):
        return "expression"
    return "text"


def judge(
    gold: str, found: Extraction, kind: AnswerKind, options: Sequence[str], question: str, compare: Compare
) -> Judgement:
    """The verdict on an answer found in a completion."""
    answer = found.answer
    if max(len(answer), len(gold)) > LONGEST:
        return Judgement("undecided", kind, "too long")
    if kind == "choice":
        return _choice(gold, answer, options)
    if kind == "text":
        return _text(gold, answer)
    if kind == "expression":
        return _expression(gold, answer, compare)
    wanted = several_of(gold)
    if wanted:
        return _numbers(wanted, found)
    judged = _number(gold, answer, question, compare)
    if judged.verdict == "wrong" and judged.rule == "number":
        return _not_wrong_by_form(gold, found, question) or judged
    return judged


def _judged(equal: bool, rule: str) -> Judgement:
    return Judgement("right" if equal else "wrong", rule)


def _not_wrong_by_form(gold: str, found: Extraction, question: str) -> Judgement | None:
    """Undecided, where an answer that differs from gold may be the same: in another unit, rounded, or beside it."""
    sought, given = number_of(gold), number_of(found.answer)
    if sought is None or given is None:
        return None
    wanted, value = sought[0], given[0]
    if wanted in numbers_in(found.context or found.answer):
        return Judgement("undecided", "number", "several answers")
    if other_unit(value, wanted, found.context or found.answer, question):
        return Judgement("undecided", "number", "other unit")
    if value * 100 == wanted and re.search(r"percent|%", question, re.IGNORECASE):
        return Judgement("undecided", "number", "percent unclear")
    digits, given_digits = decimals(gold), decimals(found.answer)
    rounded = (digits > 0 and round(value, digits) == wanted) or (
        given_digits > 0 and round(wanted, given_digits) == value
    )
    if rounded or 0 < abs(value - wanted) <= abs(wanted) * Fraction(1, 10**6):
        return Judgement("undecided", "number", "rounding")
    return None


def _numbers(wanted: list[Fraction], found: Extraction) -> Judgement:
    """Several numbers are asked for: the answer's, in any order."""
    values = numbers_in(found.context or found.answer)
    if values == set(wanted):
        return Judgement("right", "number")
    if len(values) == len(set(wanted)) and not re.search(r"[=*/]", found.answer):
        return Judgement("wrong", "number")
    return Judgement("undecided", "number", "unparsable")


def _number(gold: str, answer: str, question: str, compare: Compare) -> Judgement:
    try:
        found, sought = number_of(answer), number_of(gold)
    except Several:
        return Judgement("undecided", "number", "several answers")
    if sought is None:
        return Judgement("undecided", "number", "gold unparsable")
    if found is None:
        return _worked_out(gold, answer, compare)
    (value, percent), (wanted, wanted_percent) = found, sought
    if percent == wanted_percent:
        return _judged(value == wanted, "number")
    if re.search(r"percent|%", question, re.IGNORECASE) and value == wanted:
        return Judgement("right", "number")
    exact = value / 100 == wanted if percent else value == wanted / 100
    if not exact and value == wanted:
        return Judgement("undecided", "number", "percent unclear")
    return _judged(exact, "number")


def _worked_out(gold: str, answer: str, compare: Compare) -> Judgement:
    """An answer that is no plain number: an expression that may have gold's value; words make it no mistake."""
    if not re.search(r"\d", answer):
        return Judgement("undecided", "number", "unparsable")
    if re.search(r"\d,\d{1,2}(?!\d)", answer):  # a decimal comma, or a number cut off
        return Judgement("undecided", "number", "unparsable")
    judged = _expression(gold, answer, compare)
    pure = re.fullmatch(
        r"[\d\s.,+\-*/^()$\\{}×÷]*", re.sub(r"\\(?:[dt]?frac|sqrt|times|cdot|div|left|right)", "", answer)
    )
    return judged if judged.verdict != "wrong" or pure else Judgement("undecided", "expression", "unparsable")


def _expression(gold: str, answer: str, compare: Compare) -> Judgement:
    reply = compare(gold, answer)
    if reply in ("equal", "different"):
        return _judged(reply == "equal", "expression")
    return Judgement("undecided", "expression", reply)


def _bare(option: str) -> str:
    """An option's text without its letter."""
    return _normal(re.sub(r"^\s*\(?[A-Ja-j]\s*[).:]\s*", "", option))


def _normal(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2212", "-")
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s%/.\-+]", " ", text)).strip(" .")


def _choice(gold: str, answer: str, options: Sequence[str]) -> Judgement:
    several = _TWO_LETTERS.fullmatch(answer) or re.search(r"\b(?:or|either)\b", answer, re.IGNORECASE)
    if several and len(set(re.findall(r"\b[A-J]\b", answer.upper()))) > 1:
        return Judgement("undecided", "choice", "several answers")
    wanted, letter = _letter(gold, options), _letter(answer, options)
    if wanted is None or letter is None:
        return Judgement("undecided", "choice", "unparsable" if wanted else "gold unparsable")
    return _judged(letter == wanted, "choice")


def _letter(answer: str, options: Sequence[str]) -> str | None:
    """The letter of the option that an answer names, by its letter or by its text; None where it names none."""
    match = _LETTER.match(plain(answer))
    letter = match[1].upper() if match else None
    bracketed = {found.upper() for found in _BRACKETED.findall(answer)}
    if letter is None and len(bracketed) == 1 and not _REFUSED.search(answer):
        letter = bracketed.pop()
    if letter is None:
        same = [i for i, option in enumerate(options) if _bare(option) == _normal(answer)]
        letter = chr(ord("A") + same[0]) if len(same) == 1 else None
    return letter if letter is not None and ord(letter) - ord("A") < len(options) else None


def _text(gold: str, answer: str) -> Judgement:
    wanted, found = _words(gold), _words(answer)
    if not found:
        return Judgement("undecided", "text", "unparsable")
    if len(wanted) == 1 and wanted[0] in _YES:
        if _BOTH.search(_normal(plain(answer))):
            return Judgement("undecided", "text", "several answers")
        said = {_YES[word] for word in found if word in _YES} if len(found) > 1 else {_YES.get(found[0])}
        if len(said) != 1 or None in said:
            first = _YES.get(found[0])
            return _judged(first == _YES[wanted[0]], "text") if first else Judgement("undecided", "text", "unparsable")
        return _judged(said == {_YES[wanted[0]]}, "text")
    if wanted == found:
        return Judgement("right", "text")
    if set(wanted) & set(found) or len(found) > 6:
        return Judgement("undecided", "text", "several answers" if set(wanted) <= set(found) else "unparsable")
    # figures that are written otherwise ("5 million", "5,000,000") may be the same
    shapes = {re.sub(r"\d", "0", " ".join(words)) for words in (wanted, found)}
    if len(shapes) > 1 and any(re.search(r"\d", text) for text in (gold, answer)):
        return Judgement("undecided", "text", "unparsable")
    return Judgement("wrong", "text")


def _words(text: str) -> list[str]:
    return [word for word in _normal(plain(text)).split() if word not in _SMALL]
