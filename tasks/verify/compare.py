"""Comparing an extracted answer with gold: right, wrong, or undecided with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from math import prod

from tasks.verify.dates import DATE
from tasks.verify.extract import AnswerKind, Extraction, extract
from tasks.verify.judgement import Compare, Judgement, expression
from tasks.verify.no_answer import DENIAL
from tasks.verify.normalize import LONGEST, bare, tidy
from tasks.verify.number import mentions, number_of, numbers_in, several_of
from tasks.verify.numeric import MARKED, number, number_or_none, numbers
from tasks.verify.truncation import afterword
from tasks.verify.units import several_units
from tasks.verify.words import YES, choice, date, worded

NEAR = 400
"""Characters at the end of a text in which a result is one that it came to at last."""
NUMERIC = ("numeric", "fraction", "percent", "set", "expression")
_RULE_OF = {"number": "numeric", "yes or no": "yes or no"} | {
    one: one for one in ("choice", "text", "date", "expression")
}


def kind_of(gold: str, options: Sequence[str] | None) -> AnswerKind:
    """What sort of answer a problem asks for, told from its gold answer."""
    if options:
        return "choice"
    if several_of(gold):
        return "number"
    if "=" in gold and re.search(r"[a-zA-Z]\s*[-+*/^]|[-+*/^\d]\s*[a-zA-Z]", gold.split("=")[0]):
        return "expression"
    if MARKED.search(gold):
        return "expression"
    if number_or_none(gold) and not re.search(r"[A-Za-z]{3,}", bare(tidy(gold))):
        return "number"
    if gold.strip().casefold() in YES:
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
        return choice(gold, answer, options)
    if kind == "yes or no" or kind == "text":
        return worded(gold, answer)
    if kind == "date":
        return date(gold, answer)
    if kind == "expression":
        return expression(gold, answer, compare)
    if len(answer.split()) > 6 and DENIAL.search(answer) and not _zero(gold):
        return (
            Judgement("undecided", "set", "several answers") if _gold_in(gold, answer) else Judgement("wrong", "denial")
        )
    if re.search(r"\b(?:incorrect|not correct)\b", answer):
        return Judgement("undecided", "numeric", "unparsable")
    wanted = several_of(gold)
    judged = numbers(wanted, found) if wanted else number(gold, found, question, compare)
    if judged.undecided == "unparsable" and DENIAL.search(answer) and not _gold_in(gold, answer) and not _zero(gold):
        return Judgement("wrong", "denial")
    return judged


def _gold_in(gold: str, text: str) -> bool:
    """Whether the number of a gold answer stands in a text, or one of its numbers."""
    values = set(several_of(gold) or [])
    sought = None if values else number_of(gold)
    return mentions(text, values or ({sought[0]} if sought else set()))


def _zero(gold: str) -> bool:
    """Whether none at all may be the right answer."""
    value = number_or_none(gold)
    return value is not None and not value[0]


def by_presence(judged: Judgement, gold: str, found: Extraction, text: str) -> Judgement:
    """Undecided instead of wrong, where a text that ends in saying that it cannot tell came to gold's number shortly before."""
    value = number_or_none(gold)
    if judged.rule != "denial" or found.rule != "denial" or value is None:
        return judged
    came = re.findall(r"=\s*\$?(-?\d+(?:\.\d+)?)", text[-NEAR:].replace(",", ""))
    return (
        Judgement("undecided", "denial", "several answers") if value[0] in {Fraction(one) for one in came} else judged
    )


def by_afterword(judged: Judgement, gold: str, found: Extraction, text: str) -> Judgement:
    """Undecided instead of wrong, where words behind a JSON answer come to gold's number after all."""
    value = number_or_none(gold)
    if judged.verdict != "wrong" or found.rule != "stated" or value is None:
        return judged
    behind = afterword(text)
    other = extract(behind, None, "number") if behind else None
    if other is None or number_or_none(other.answer) != value:
        return judged
    return Judgement("undecided", judged.rule, "several answers")


def by_absence(judged: Judgement, gold: str, found: Extraction, text: str) -> Judgement:
    """Wrong instead of undecided, where a number that gold asks for stands nowhere in the completion.

    Only where figures stand in the answer that neither add up nor multiply to
    gold: a right answer left in another form is none.

    Args:
        judged: What comparing the answers came to.
        gold: The right answer.
        found: The answer of the completion.
        text: The completion.

    Returns:
        A judgement by the rule `absent`, or the one that came in.

    """
    if judged.undecided not in ("unparsable", "several answers") or judged.rule not in NUMERIC:
        return judged
    wanted = set(several_of(gold) or []) or {one[0] for one in [number_or_none(gold)] if one}
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
