"""Comparing an extracted answer with gold: right, wrong, or undecided with the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tasks.answers.extract import AnswerKind
from tasks.answers.number import Several, number_of, plain

Compare = Callable[[str, str], str]
"""Compares two expressions: `equal`, `different`, or a reason why neither can be said."""

_LETTER = re.compile(r"^\W*(?:option|choice|answer)?\W*([A-Ja-j])(?:\W|$)", re.IGNORECASE)
_YES = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
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
    try:
        if number_of(gold) is not None and not re.search(r"[A-Za-z]{3,}", plain(gold)):
            return "number"
    except Several:
        pass
    if re.search(r"[\\^=√{}()\[\]+*]|\d[a-z]\b|^[a-z]$", gold):
        return "expression"
    return "text"


def judge(gold: str, answer: str, kind: AnswerKind, options: Sequence[str], question: str, compare: Compare) -> Judgement:
    """The verdict on an answer."""
    if kind == "choice":
        return _choice(gold, answer, options)
    if kind == "number":
        return _number(gold, answer, question, compare)
    if kind == "text":
        return _text(gold, answer)
    return _expression(gold, answer, compare)


def _judged(equal: bool, rule: str) -> Judgement:
    return Judgement("right" if equal else "wrong", rule)


def _number(gold: str, answer: str, question: str, compare: Compare) -> Judgement:
    try:
        found, sought = number_of(answer), number_of(gold)
    except Several:
        return Judgement("undecided", "number", "several answers")
    if sought is None:
        return Judgement("undecided", "number", "gold unparsable")
    if found is None:
        return _expression(gold, answer, compare) if re.search(r"\d", answer) else Judgement("undecided", "number", "unparsable")
    (value, percent), (wanted, wanted_percent) = found, sought
    if percent == wanted_percent:
        return _judged(value == wanted, "number")
    if percent and re.search(r"percent|%", question, re.IGNORECASE):
        return _judged(value == wanted, "number")
    exact = value / 100 == wanted if percent else value == wanted / 100
    if not exact and value == wanted:
        return Judgement("undecided", "number", "percent unclear")
    return _judged(exact, "number")


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
    match = _LETTER.match(plain(answer))
    letter = match[1].upper() if match else None
    if letter is None:
        same = [i for i, option in enumerate(options) if _bare(option) == _normal(answer)]
        letter = chr(ord("A") + same[0]) if len(same) == 1 else None
    if letter is None or ord(letter) - ord("A") >= len(options):
        return Judgement("undecided", "choice", "unparsable")
    return _judged(letter == gold.strip().strip("()").upper(), "choice")


def _text(gold: str, answer: str) -> Judgement:
    wanted, found = _words(gold), _words(answer)
    if not found:
        return Judgement("undecided", "text", "unparsable")
    if len(wanted) == 1 and wanted[0] in _YES:
        said = {_YES[word] for word in found if word in _YES} if len(found) > 1 else {_YES.get(found[0])}
        if len(said) != 1 or None in said:
            first = _YES.get(found[0])
            return _judged(first == _YES[wanted[0]], "text") if first else Judgement("undecided", "text", "unparsable")
        return _judged(said == {_YES[wanted[0]]}, "text")
    if wanted == found:
        return Judgement("right", "text")
    if set(wanted) & set(found) or len(found) > 6:
        return Judgement("undecided", "text", "checkers disagree" if set(wanted) <= set(found) else "unparsable")
    return Judgement("wrong", "text")


def _words(text: str) -> list[str]:
    return [word for word in _normal(plain(text)).split() if word not in _SMALL]
