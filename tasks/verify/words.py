"""Answers in letters and words: options, yes or no, dates, names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from tasks.verify.dates import find_dates
from tasks.verify.judgement import Judgement, judge_equal
from tasks.verify.no_answer import DENIAL
from tasks.verify.number import normalize_digits

_LETTER = re.compile(r"^\W*+(?:(?:option|choice|answer)\W*+)?([A-Ja-j])\s*(?:[).:,\]]|$)", re.IGNORECASE)
_BRACKETED = re.compile(r"\(([A-Ja-j])\)")
_TWO_LETTERS = re.compile(r"\W*[A-J]\)?\s*(?:,|&|\band\b)\s*\(?[A-J]\W*", re.IGNORECASE)
_REFUSED = re.compile(r"\b(?:not|none|no|closest|cannot)\b", re.IGNORECASE)
YES = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_BOTH = re.compile(r"\b(?:yes|true)\s+(?:and|or)\s+(?:no|false)\b|\b(?:no|false)\s+(?:and|or)\s+(?:yes|true)\b")
_NOT_LISTED = re.compile(r"\b(?:not (?:listed|in|among|one of|given|provided)|none of)\b", re.IGNORECASE)
_SMALL = {"the", "a", "an", "on", "in", "at", "is", "it", "was", "to", "of"}


def judge_date(gold: str, answer: str) -> Judgement:
    """The judgement on a date."""
    gold_dates, answer_dates = find_dates(gold), find_dates(answer)
    if len(gold_dates) != 1 or None in gold_dates:
        return Judgement("undecided", "date", "gold unparsable")
    if len(answer_dates) > 1:
        return Judgement("undecided", "date", "several answers")
    if not answer_dates:
        return Judgement("wrong", "denial") if DENIAL.search(answer) else Judgement("undecided", "date", "unparsable")
    return judge_equal(gold_dates == answer_dates, "date")


def _strip_letter(option: str) -> str:
    """An option's text without its letter."""
    return _normalize(re.sub(r"^\s*\(?[A-Ja-j]\s*[).:]\s*", "", option))


def _normalize(text: str) -> str:
    text = unicodedata.normalize("NFKC", text).casefold().replace("\u2212", "-")
    return re.sub(r"\s+", " ", re.sub(r"[^\w\s%/.\-+]", " ", text)).strip(" .")


def judge_choice(gold: str, answer: str, options: Sequence[str]) -> Judgement:
    """The judgement on an option, named by its letter or by its text."""
    several = _TWO_LETTERS.fullmatch(answer) or re.search(r"\b(?:or|either)\b", answer, re.IGNORECASE)
    if several and len(set(re.findall(r"\b[A-J]\b", answer.upper()))) > 1:
        return Judgement("undecided", "choice", "several answers")
    wanted, letter = _find_letter(gold, options), _find_letter(answer, options)
    if wanted is None:
        return Judgement("undecided", "choice", "gold unparsable")
    if letter is None:
        denied = DENIAL.search(answer) or _NOT_LISTED.search(answer)
        none = "none" in options[ord(wanted) - ord("A")].casefold()
        if denied and not none and not _BRACKETED.search(answer) and not re.search(r"\bclosest|\d", answer):
            return Judgement("wrong", "denial")
        return Judgement("undecided", "choice", "unparsable")
    return judge_equal(letter == wanted, "choice")


def _find_letter(answer: str, options: Sequence[str]) -> str | None:
    """The letter of the option that an answer names, by its letter or by its text; None where it names none."""
    match = _LETTER.match(normalize_digits(answer))
    letter = match[1].upper() if match else None
    bracketed = {mark.upper() for mark in _BRACKETED.findall(answer)}
    if letter is None and len(bracketed) == 1 and not _REFUSED.search(answer):
        letter = bracketed.pop()
    if letter is None:
        same = [i for i, option in enumerate(options) if _strip_letter(option) == _normalize(answer)]
        letter = chr(ord("A") + same[0]) if len(same) == 1 else None
    return letter if letter is not None and ord(letter) - ord("A") < len(options) else None


_SIGNS = re.compile(
    r"[@^_\ufffd\u2600-\u26ff]|\\(?!text|mathrm|mathbf|boxed|fbox|left|right|mbox|quad|[\s,;:!()\[\]{}$])[a-zA-Z]"
)
"""Signs that mean something which no words say."""


def judge_text(gold: str, answer: str) -> Judgement:
    """The judgement on a yes or no, a name or another text."""
    if (lettered := _compare_letters(gold, answer)) is not None:
        return judge_equal(lettered, "choice")
    gold_words, answer_words = _list_words(gold), _list_words(answer)
    if _SIGNS.search(answer) and not _SIGNS.search(gold):
        return Judgement("undecided", "text", "not fully read")
    if not answer_words:
        return Judgement("undecided", "text", "unparsable")
    if len(gold_words) == 1 and gold_words[0] in YES:
        if _BOTH.search(_normalize(normalize_digits(answer))):
            return Judgement("undecided", "yes or no", "several answers")
        truths = (
            {YES[word] for word in answer_words if word in YES} if len(answer_words) > 1 else {YES.get(answer_words[0])}
        )
        if len(truths) != 1 or None in truths:
            first = YES.get(answer_words[0])
            return (
                judge_equal(first == YES[gold_words[0]], "yes or no")
                if first
                else Judgement("undecided", "yes or no", "unparsable")
            )
        return judge_equal(truths == {YES[gold_words[0]]}, "yes or no")
    if (
        gold_words == answer_words
        or _list_items(gold) == _list_items(answer)
        or gold_words == [word for word in answer_words if word not in _FILLERS]
    ):
        return Judgement("right", "text")
    if set(gold_words) & set(answer_words) or len(answer_words) > 6:
        return Judgement(
            "undecided", "text", "several answers" if set(gold_words) <= set(answer_words) else "unparsable"
        )
    # figures that are written otherwise ("5 million", "5,000,000") may be the same
    shapes = {re.sub(r"\d", "0", " ".join(words)) for words in (gold_words, answer_words)}
    if len(shapes) > 1 and any(re.search(r"\d", text) for text in (gold, answer)):
        return Judgement("undecided", "text", "unparsable")
    return Judgement("wrong", "text")


_FILLERS = frozenset(
    [
        "it",
        "falls",
        "is",
        "was",
        "be",
        "will",
        "are",
        "on",
        "so",
        "therefore",
        "thus",
        "hence",
        "answer",
        "that",
        "this",
        "day",
    ]
)
"""Words of a sentence that say nothing beside an answer."""
_OPTIONED = re.compile(r"^\W*(?:option\s*)?\(?([A-J])\)?(?:[).:]|$)\W*(.*)$", re.DOTALL)


def _compare_letters(gold: str, answer: str) -> bool | None:
    """Whether two answers name one option, where both begin with its letter and at most one goes on with its text."""
    if _SIGNS.search(answer) or re.search(r"[?]|\b(?:if|when|unless|for|or|not|except)\b", answer):
        return None
    matches = [_OPTIONED.match(_strip_markup(text)) for text in (gold, answer)]
    if matches[0] is None or matches[1] is None or (matches[0][2] and matches[1][2] and matches[0][2] != matches[1][2]):
        return None
    return matches[0][1] == matches[1][1]


def is_lettered(gold: str) -> bool:
    """Whether a gold answer is an option's letter in brackets, with or without its text."""
    return bool(re.match(r"^\W*(?:\\text\w*\{)?\s*\([A-J]\)", gold))


def _strip_markup(text: str) -> str:
    return re.sub(r"[*$\\\s]+", " ", normalize_digits(text)).strip()


def _list_items(text: str) -> frozenset[str]:
    """The items of a list of names, in any order; of one name alone nothing that equals another."""
    items = frozenset(_normalize(item) for item in re.split(r",|;|\band\b", normalize_digits(text)) if _normalize(item))
    return items if len(items) > 1 else frozenset([text])


def _list_words(text: str) -> list[str]:
    return [word for word in _normalize(normalize_digits(text)).split() if word not in _SMALL]
