"""Comparing an extracted answer with gold: right, wrong, or undecided with the reason."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod

from tasks.answers.dates import DATE, as_number, dates_in, hours_of
from tasks.answers.denial import DENIAL, NOTHING_LEFT
from tasks.answers.extract import AnswerKind, Extraction
from tasks.answers.number import Several, decimals, mentions, number_of, numbers_in, plain, several_of
from tasks.answers.same import UNKNOWN, same
from tasks.answers.tidy import LONGEST, bare, tidy
from tasks.answers.units import other_unit, several_units

Compare = Callable[[str, str], str]
"""Compares two expressions: `equal`, `different`, or a reason why neither can be said."""

_LETTER = re.compile(r"^\W*+(?:(?:option|choice|answer)\W*+)?([A-Ja-j])\s*(?:[).:,\]]|$)", re.IGNORECASE)
_BRACKETED = re.compile(r"\(([A-Ja-j])\)")
_TWO_LETTERS = re.compile(r"\W*[A-J]\)?\s*(?:,|&|\band\b)\s*\(?[A-J]\W*", re.IGNORECASE)
_REFUSED = re.compile(r"\b(?:not|none|no|closest|cannot)\b", re.IGNORECASE)
_MARKED = re.compile(r"\d!|\d[₀-₉]|\d\s*_\s*\{?\d")
"""Signs that change what the figures before them mean: factorials, bases."""
_FRACTION = re.compile(r"[/½¼¾]|frac")
NUMERIC = ("numeric", "fraction", "percent", "set", "expression")
_RULE_OF = {"number": "numeric", "yes or no": "yes or no"} | {
    one: one for one in ("choice", "text", "date", "expression")
}
_YES = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_BOTH = re.compile(r"\b(?:yes|true)\s+(?:and|or)\s+(?:no|false)\b|\b(?:no|false)\s+(?:and|or)\s+(?:yes|true)\b")
_NOT_LISTED = re.compile(r"\b(?:not (?:listed|in|among|one of|given|provided)|none of)\b", re.IGNORECASE)
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
    opinion: str | None = None
    """What math-verify said, where it was asked."""
    proved: bool = False
    """Whether exact arithmetic or certified bounds have settled it."""


def kind_of(gold: str, options: Sequence[str] | None) -> AnswerKind:
    """What sort of answer a problem asks for, told from its gold answer."""
    if options:
        return "choice"
    if several_of(gold):
        return "number"
    if "=" in gold and re.search(r"[a-zA-Z]\s*[-+*/^]|[-+*/^\d]\s*[a-zA-Z]", gold.split("=")[0]):
        return "expression"
    if _MARKED.search(gold):
        return "expression"
    if _number_or_none(gold) and not re.search(r"[A-Za-z]{3,}", bare(tidy(gold))):
        return "number"
    if gold.strip().casefold() in _YES:
        return "yes or no"
    if DATE.fullmatch(gold.strip()):
        return "date"
    if re.search(r"[\\^=√{}()\[\]+*]|\d[a-z]\b|^[a-z]$|\d\s*_\s*\{?\d", gold):
        return "expression"
    return "text"


def judge(
    gold: str, found: Extraction, kind: AnswerKind, options: Sequence[str], question: str, compare: Compare
) -> Judgement:
    """The verdict on an answer found in a completion."""
    answer = found.answer
    if max(len(answer), len(gold)) > LONGEST:
        return Judgement("undecided", _RULE_OF[kind], "too long")
    if kind == "choice":
        return _choice(gold, answer, options)
    if kind == "yes or no" or kind == "text":
        return _text(gold, answer)
    if kind == "date":
        return _date(gold, answer)
    if kind == "expression":
        return _expression(gold, answer, compare)
    if len(answer.split()) > 6 and DENIAL.search(answer) and not _zero(gold):
        return (
            Judgement("undecided", "set", "several answers") if _gold_in(gold, answer) else Judgement("wrong", "denial")
        )
    if re.search(r"\b(?:incorrect|not correct)\b", answer):
        return Judgement("undecided", "numeric", "unparsable")
    wanted = several_of(gold)
    judged = _numbers(wanted, found) if wanted else _number(gold, found, question, compare)
    if judged.undecided == "unparsable" and DENIAL.search(answer) and not _gold_in(gold, answer) and not _zero(gold):
        return Judgement("wrong", "denial")
    return judged


def _judged(equal: bool, rule: str) -> Judgement:
    return Judgement("right" if equal else "wrong", rule)


def _gold_in(gold: str, text: str) -> bool:
    """Whether the number of a gold answer stands in a text, or one of its numbers."""
    values = set(several_of(gold) or [])
    sought = None if values else number_of(gold)
    return mentions(text, values or ({sought[0]} if sought else set()))


def _zero(gold: str) -> bool:
    """Whether none at all may be the right answer."""
    value = _number_or_none(gold)
    return value is not None and not value[0]


def by_absence(judged: Judgement, gold: str, found: Extraction, text: str) -> Judgement:
    """Wrong instead of undecided, where a number that gold asks for stands nowhere in the completion.

    Only where figures stand in the answer that neither add up nor multiply to
    gold: a right answer left in another form is none.
    """
    if judged.undecided not in ("unparsable", "several answers") or judged.rule not in NUMERIC:
        return judged
    wanted = set(several_of(gold) or []) or {one[0] for one in [_number_or_none(gold)] if one}
    given = numbers_in(found.context or found.answer)
    if not wanted or not given or _made_of(given, wanted) or _compound(found.context or found.answer):
        return judged
    if re.search(
        r"[\d)]\s*(?:[+*/^]|-\s)|[a-zA-Z]\s*[-+*/^]|[-+*/^]\s*[a-zA-Z]|\\[a-z]|\bdozen|\b(?:hundred|thousand|million|billion)",
        found.answer,
    ):
        return judged
    missing = [value for value in wanted if not mentions(text[-20_000:], {value, value / 100, value * 100})]
    return Judgement("wrong", "absent") if missing else judged


def _number_or_none(text: str) -> tuple[Fraction, bool] | None:
    try:
        return number_of(text)
    except Several:
        return None


def _made_of(given: set[Fraction], wanted: set[Fraction]) -> bool:
    """Whether numbers add up to, multiply to or differ by one that is wanted, or are it."""
    some = sorted(given)[:8]
    made = {sum(some, Fraction(0)), prod(some)} | set(some)
    for a in some:
        for b in some:
            made |= {a + b, a - b, a * b} | ({a / b} if b else set())
    return bool(made & wanted)


def _compound(text: str) -> bool:
    """Whether an amount is given in several units, or as a time."""
    return bool(re.search(r"\d:\d\d", text)) or several_units(text)


def _not_wrong_by_form(gold: str, found: Extraction, question: str) -> Judgement | None:
    """Undecided, where an answer that differs from gold may be the same: in another unit, rounded, or beside it."""
    sought, given = number_of(gold), number_of(found.answer)
    if sought is None or given is None:
        return None
    wanted, value = sought[0], given[0]
    if wanted in numbers_in(found.context or found.answer):
        return Judgement("undecided", "numeric", "several answers")
    if other_unit(value, wanted, found.context or found.answer, question):
        return Judgement("undecided", "numeric", "other unit")
    if value * 100 == wanted and re.search(r"percent|%", question, re.IGNORECASE):
        return Judgement("undecided", "percent", "percent unclear")
    digits, given_digits = decimals(gold), decimals(found.answer)
    rounded = (digits > 0 and round(value, digits) == wanted) or (
        given_digits > 0 and round(wanted, given_digits) == value
    )
    if rounded or (_inexact(gold) and 0 < abs(value - wanted) <= abs(wanted) * Fraction(1, 10**6)):
        return Judgement("undecided", "numeric", "rounding")
    return None


def _inexact(gold: str) -> bool:
    """Whether a gold answer's form says that it is rounded."""
    return bool(re.search(r"\d\.\d{3,}", gold))


def _numbers(wanted: list[Fraction], found: Extraction) -> Judgement:
    """Several numbers are asked for: the answer's, in any order."""
    values = numbers_in(found.context or found.answer)
    if values == set(wanted):
        return Judgement("right", "set")
    if len(values) == len(set(wanted)) and not re.search(r"[=*/]", found.answer):
        return Judgement("wrong", "set")
    return Judgement("undecided", "set", "unparsable")


def _number(gold: str, found: Extraction, question: str, compare: Compare) -> Judgement:
    sought = _number_or_none(gold)
    if sought is None:
        return Judgement("undecided", "numeric", "gold unparsable")
    try:
        given = None if _MARKED.search(found.answer) else number_of(found.answer)
    except Several:
        return _several(sought[0], found)
    if given is None:
        return _worked_out(gold, sought[0], found, compare)
    rule = "percent" if given[1] or sought[1] else "fraction" if _FRACTION.search(found.answer + gold) else "numeric"
    judged = _percents(given, sought, question, rule)
    if judged.verdict == "wrong":
        return _not_wrong_by_form(gold, found, question) or judged
    return judged


def _percents(given: tuple[Fraction, bool], sought: tuple[Fraction, bool], question: str, rule: str) -> Judgement:
    """Two numbers, either of which may bear a percent sign: 5 % is 0.05, and 5 only where percent is asked for."""
    (value, percent), (wanted, wanted_percent) = given, sought
    if percent == wanted_percent:
        return _judged(value == wanted, rule)
    if re.search(r"percent|%", question, re.IGNORECASE) and value == wanted:
        return Judgement("right", rule)
    exact = value / 100 == wanted if percent else value == wanted / 100
    if not exact and value == wanted:
        return Judgement("undecided", rule, "percent unclear")
    return _judged(exact, rule)


def _several(wanted: Fraction, found: Extraction) -> Judgement:
    """Numbers side by side, of which the answer does not say which it is: none of them right is wrong all the same."""
    spaced = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", "", found.answer)
    if spaced != found.answer and (given := _number_or_none(spaced)) and given[0] == wanted:
        return Judgement("right", "numeric")  # "9 500"
    return Judgement("undecided", "set", "several answers")


def _worked_out(gold: str, wanted: Fraction, found: Extraction, compare: Compare) -> Judgement:
    """An answer that is no plain number: a time, or an expression that may have gold's value; words make it no mistake."""
    answer = found.answer
    if (time := hours_of(answer)) is not None:
        if time[1] == 0 and time[0] == wanted:
            return Judgement("right", "time")
        return (
            Judgement("undecided", "time", "other unit") if wanted in as_number(*time) else Judgement("wrong", "time")
        )
    if (
        re.search(r"\d,\d{1,2}(?!\d)", answer)
        and "," in re.sub(r"\d{1,3}(?:,\d{3})+(?!\d)", "", answer)
        and not re.search(r"[\[({]", answer)
    ):
        return Judgement("undecided", "numeric", "unparsable")  # a decimal comma, or a number cut off
    judged = _expression(gold, answer, compare)
    if (
        judged.verdict == "wrong"
        and answer.rstrip().endswith("!")
        and (given := _number_or_none(answer))
        and given[0] == wanted
    ):
        return Judgement("undecided", "expression", "several answers")  # the end of a sentence, or a factorial
    if judged.verdict != "wrong" or judged.proved:
        return judged
    pure = re.fullmatch(
        r"[\d\s.,+\-*/^()$\\{}×÷]*", re.sub(r"\\(?:[dt]?frac|sqrt|times|cdot|div|left|right)", "", answer)
    )
    return judged if pure else Judgement("undecided", "expression", "unparsable", judged.opinion)


def _expression(gold: str, answer: str, compare: Compare) -> Judgement:
    """What exact arithmetic proves; else what it finds and math-verify does not contradict."""
    found = same(gold, answer)
    decided = found.said in ("equal", "different")
    if found.settled and decided:
        return Judgement("right" if found.said == "equal" else "wrong", found.rule, proved=True)
    if (
        not decided and found.said != UNKNOWN
    ):  # what we cannot read math-verify reads as it likes: 31.\overline{6} as 31
        return Judgement("undecided", found.rule, found.said)
    reply = compare(gold, answer)
    if reply not in ("equal", "different"):
        return Judgement("undecided", found.rule, reply, reply)
    if decided and reply != found.said:
        return Judgement("undecided", found.rule, "checkers disagree", reply)
    return Judgement("right" if reply == "equal" else "wrong", found.rule, None, reply)


def _date(gold: str, answer: str) -> Judgement:
    wanted, found = dates_in(gold), dates_in(answer)
    if len(wanted) != 1 or None in wanted:
        return Judgement("undecided", "date", "gold unparsable")
    if len(found) > 1:
        return Judgement("undecided", "date", "several answers")
    if not found:
        return Judgement("wrong", "denial") if DENIAL.search(answer) else Judgement("undecided", "date", "unparsable")
    return _judged(wanted == found, "date")


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
    if wanted is None:
        return Judgement("undecided", "choice", "gold unparsable")
    if letter is None:
        denied = DENIAL.search(answer) or _NOT_LISTED.search(answer)
        none = "none" in options[ord(wanted) - ord("A")].casefold()
        if denied and not none and not _BRACKETED.search(answer) and not re.search(r"\bclosest|\d", answer):
            return Judgement("wrong", "denial")
        return Judgement("undecided", "choice", "unparsable")
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
            return Judgement("undecided", "yes or no", "several answers")
        said = {_YES[word] for word in found if word in _YES} if len(found) > 1 else {_YES.get(found[0])}
        if len(said) != 1 or None in said:
            first = _YES.get(found[0])
            return (
                _judged(first == _YES[wanted[0]], "yes or no")
                if first
                else Judgement("undecided", "yes or no", "unparsable")
            )
        return _judged(said == {_YES[wanted[0]]}, "yes or no")
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
