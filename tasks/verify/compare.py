"""Comparing an extracted answer with gold: right, wrong, or undecided with the reason."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Any

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types import read_answer
from tasks.verify.answer_types.amounts import find_amounts
from tasks.verify.answer_types.collection import Collection
from tasks.verify.answer_types.dates import find_date
from tasks.verify.answer_types.formulas import Formula, compare_formulas
from tasks.verify.answer_types.options import compare_choices
from tasks.verify.answer_types.regions import ALL
from tasks.verify.answer_types.text import compare_texts
from tasks.verify.extract import extract
from tasks.verify.extraction import AnswerKind, Extraction
from tasks.verify.judgement import Compare, Judgement, judge_equal, judge_expression, judge_finding
from tasks.verify.no_answer import DENIAL
from tasks.verify.normalize import LONGEST, strip_words, tidy
from tasks.verify.number import find_numbers, has_mention, number_of, read_number_list
from tasks.verify.numeric import MARKED, QUALIFIED, SYMBOLS, judge_number, judge_numbers, number_or_none
from tasks.verify.plain_text import read_last_implication
from tasks.verify.truncation import find_afterword
from tasks.verify.units import has_several_units
from tasks.verify.written_numbers import UNIT_POWER, align_decimal_mark, write_figures

NEAR = 400
"""Characters at the end of a text in which a result is one that it came to at last."""
NUMERIC = ("numeric", "fraction", "percent", "set", "expression")
_RULE_OF = {"number": "numeric", "yes or no": "yes or no", "none": "set", "reals": "interval"} | {
    kind: kind for kind in ("choice", "text", "date", "expression", "time", "ratio", "amounts")
}


def choose_answer_kind(gold: str, options: Sequence[str] | None) -> AnswerKind:
    """What sort of answer a problem asks for, by its gold answer."""
    if options:
        return "choice"
    if (special := _find_special_kind(gold)) is not None:
        return special
    if read_number_list(gold):
        return "number"
    if "=" in gold and re.search(r"[a-zA-Z]\s*[-+*/^]|[-+*/^\d]\s*[a-zA-Z]", gold.split("=")[0]):
        return "expression"
    if MARKED.search(gold):
        return "expression"
    if number_or_none(gold) and not re.search(r"[A-Za-z]{3,}", strip_words(tidy(gold))):
        return "number"
    if re.search(r"[\\^=√{}()\[\]+*]|\d[a-z]\b|^[a-z]$|\d\s*_\s*\{?\d", gold):
        return "expression"
    return "text"


_LETTER_BASE = re.compile(r"\$?(\d+)\s*_\s*\{?([a-z])\}?\$?")
"""Digits in a base that the question names by a letter."""
_DOUBTED = re.compile(
    r"\d[^\d]*\b(?:not|maybe|perhaps|possibly|probably|wrong|false|guess)\b|\d\W*\?|\d[\s,;]*[-+*/^=<>&@#~|]\s*[.$]?\s*$|\d\s*,[\s\\$]*%|\d[\s,]+[bcefijnopqruvwxyz](?![\w'’.])",
    re.IGNORECASE,
)
"""A number that is taken back, asked, or goes on with what is none of it."""
_LETTERED = re.compile(r"=|(?<![a-zA-Z\\])[a-zA-Z](?![a-zA-Z])")
_LETTER_OF_OPTION = re.compile(r"\([A-J]\)|(?:option |choice )\(?[A-J]\)?", re.IGNORECASE)
_SPECIAL: dict[str, AnswerKind] = {
    "nothing": "none", "number in a base": "expression", "residue": "expression", "time of day": "time", "matrix": "expression", "vector": "expression", "cases": "expression",
    "option": "text", "yes or no": "yes or no", "date": "date", "antiderivative": "expression", "family": "expression", "interval": "expression", "ratio": "ratio", "named amounts": "amounts",
}  # fmt: skip
"""By the type of a gold answer that is none of plain numbers and words: what sort of answer is sought in a text."""


@lru_cache(maxsize=65_536)
def _find_special_kind(gold: str) -> AnswerKind | None:
    try:
        reading = read_answer(gold)
    except UnreadableFormula:
        return None
    parts: tuple[Any, ...] = (
        reading.value.parts if reading.type == "collection" else (reading.value,) if reading.type == "value" else ()
    )
    alone = len(parts) == 1 and isinstance(parts[0], Formula) and parts[0].tree[0] == "letter"  # maybe an option's
    if not alone and any(isinstance(part, Collection) or list_letters(part.tree) or part.of for part in parts):
        return "expression"
    if reading.type == "collection" and not read_number_list(gold):
        return "expression"
    if (
        reading.type == "value"
        and reading.value.unit
        and reading.value.digits >= 0
        and number_or_none(write_figures(gold))
    ):
        return "number"
    if reading.type == "text" and reading.value:
        return None if re.search(r"\d", gold) else "text"
    return "reals" if reading.value == ALL else _SPECIAL.get(reading.type)


def judge_answer(
    gold: str, extraction: Extraction, kind: AnswerKind, options: Sequence[str], question: str, compare: Compare
) -> Judgement:
    """The verdict on an answer found in a completion."""
    answer = align_decimal_mark(extraction.answer.strip(), gold.strip(), f"{question} {extraction.context}")
    gold = align_decimal_mark(gold, answer)
    extraction = replace(extraction, answer=answer)
    if max(len(answer), len(gold)) > LONGEST:
        return Judgement("undecided", _RULE_OF[kind], "too long")
    if kind == "choice":
        return judge_finding(compare_choices(gold, answer, options))
    if kind == "yes or no" or kind == "text":
        judged = judge_finding(compare_texts(gold, answer))
        unmarked = kind == "text" and extraction.context and judged.verdict == "wrong"  # a sentence, not an answer
        return Judgement("undecided", judged.rule, "unparsable") if unmarked else judged
    if kind == "date":
        return judge_finding(find_date(gold, answer))
    if kind in ("expression", "time", "ratio", "none", "reals"):
        return _judge_alternatives(judge_expression(gold, answer, compare), gold, answer, question)
    if kind == "amounts":
        return _judge_amounts(gold, extraction, compare)
    if (match := _LETTER_BASE.fullmatch(answer)) and re.search(rf"\d_\{{?{match[2]}\b", question):
        answer = match[1]
    extraction = replace(
        extraction,
        answer=write_figures(read_last_implication(answer), question),
        context=UNIT_POWER.sub(r"\1", extraction.context),
    )
    answer, gold = extraction.answer, write_figures(gold)
    if len(answer.split()) > 6 and DENIAL.search(answer) and not _is_zero(gold):
        return (
            Judgement("undecided", "set", "several answers")
            if _has_gold(gold, answer)
            else Judgement("wrong", "denial")
        )
    if re.search(r"\b(?:incorrect|not correct)\b", answer):
        return Judgement("undecided", "numeric", "unparsable")
    if _DOUBTED.search(answer):
        return Judgement("undecided", "numeric", "not fully read")
    if _LETTER_OF_OPTION.fullmatch(answer.strip()):
        return Judgement("undecided", "choice", "not fully read")
    if QUALIFIED.search(answer) and not DENIAL.search(answer):
        return Judgement("undecided", "numeric", "not fully read")
    wanted = read_number_list(gold)
    judged = (
        _judge_number_list(gold, wanted, extraction, compare)
        if wanted
        else _judge_alternatives(judge_number(gold, extraction, question, compare), gold, answer, question)
    )
    if (
        judged.undecided in ("unparsable", "not fully read")
        and DENIAL.search(answer)
        and not _has_gold(gold, answer)
        and not _is_zero(gold)
    ):
        return Judgement("wrong", "denial")
    return judged


_COUNTED = re.compile(r"\bhow (?:many|much|long|far|old|often)\b|\bnumber of\b", re.IGNORECASE)
_SOUGHT = re.compile(r"\b(?:find|solve|determine|what (?:is|are)|give|evaluate)\b", re.IGNORECASE)


def _judge_alternatives(judged: Judgement, gold: str, answer: str, question: str) -> Judgement:
    """Wrong, where a value is sought and two are given for good: "3 or 4" is not the answer 3; a count may be a guess."""
    if judged.undecided != "several answers" or judged.rule != "set":
        return judged
    try:
        wanted, reading = read_answer(gold).value, read_answer(answer).value
    except UnreadableFormula:
        return judged
    if not isinstance(wanted, Formula):
        return judged
    parts = reading.parts if isinstance(reading, Collection) else ()
    values = [part for part in parts if isinstance(part, Formula) and not part.unit]
    replies = {compare_formulas(wanted, value) for value in values if "%" not in answer}
    sought, is_sought = number_or_none(gold), _SOUGHT.search(question) and not _COUNTED.search(question)
    if (
        replies == {"different"}
        and len(values) == len(parts)
        and sought
        and not _is_derived_from(find_numbers(answer), {sought[0]})
    ):
        return Judgement("wrong", "set")
    return Judgement("wrong", "set") if replies >= {"equal", "different"} and is_sought else judged


def _judge_number_list(gold: str, wanted: list[Fraction], extraction: Extraction, compare: Compare) -> Judgement:
    """Several numbers: by their types where the answer is a formula, else by the results that its words give."""
    if (
        _is_list(extraction.answer)
        or SYMBOLS.search(extraction.answer)
        or re.search(r"\\[a-zA-Z{]|[(\[=]", extraction.answer)
    ):
        judged = judge_expression(gold, extraction.answer, compare)
        if (
            judged.verdict == "wrong" and _LETTERED.search(extraction.answer) and "=" not in gold
        ):  # letters may stand for others than those asked for
            return Judgement("undecided", judged.rule, "not fully read", judged.opinion)
        if (
            judged.verdict != "undecided"
            or SYMBOLS.search(extraction.answer)
            or re.search(r"\\[a-zA-Z]", extraction.answer)
        ):
            return judged
    return judge_numbers(wanted, extraction)


def _is_list(answer: str) -> bool:
    """Whether an answer is a list of values, without words."""
    try:
        return read_answer(answer).type == "collection" and not re.search("[a-zA-Z]{3}", answer)
    except UnreadableFormula:
        return False


def _judge_amounts(gold: str, extraction: Extraction, compare: Compare) -> Judgement:
    """Amounts by their names, wherever in its sentence the answer gives them."""
    wanted = read_answer(gold).value
    given = find_amounts(extraction.context or extraction.answer, wanted)
    if given is None:
        judged = judge_expression(gold, extraction.answer, compare)
        return (
            judged
            if judged.verdict != "wrong" or judged.proved
            else Judgement("undecided", "amounts", "not fully read")
        )
    return judge_equal(given == wanted, "amounts")


def _has_gold(gold: str, text: str) -> bool:
    """Whether the number of a gold answer stands in a text, or one of its numbers."""
    values = set(read_number_list(gold) or [])
    sought = None if values else number_of(gold)
    return has_mention(text, values or ({sought[0]} if sought else set()))


def _is_zero(gold: str) -> bool:
    """Whether none at all may be the right answer."""
    value = number_or_none(gold)
    return value is not None and not value[0]


def check_presence(judged: Judgement, gold: str, extraction: Extraction, text: str) -> Judgement:
    """Undecided instead of wrong, where a text that ends by denying an answer came to gold's number shortly before."""
    value = number_or_none(gold)
    if judged.rule != "denial" or extraction.rule != "denial" or value is None:
        return judged
    came = re.findall(r"=\s*\$?(-?\d+(?:\.\d+)?)", text[-NEAR:].replace(",", ""))
    return (
        Judgement("undecided", "denial", "several answers")
        if value[0] in {Fraction(figure) for figure in came}
        else judged
    )


def check_afterword(judged: Judgement, gold: str, extraction: Extraction, text: str) -> Judgement:
    """Undecided instead of wrong, where words behind a JSON answer come to gold's number after all."""
    value = number_or_none(gold)
    if judged.verdict != "wrong" or extraction.rule != "stated" or value is None:
        return judged
    behind = find_afterword(text)
    other = extract(behind, None, "number") if behind else None
    if other is None or number_or_none(other.answer) != value:
        return judged
    return Judgement("undecided", judged.rule, "several answers")


def check_absence(judged: Judgement, gold: str, extraction: Extraction, text: str) -> Judgement:
    """Wrong instead of undecided, where a number that gold asks for stands nowhere in the completion.

    Only where figures stand in the answer that neither add up nor multiply to
    gold: a right answer left in another form is none.

    Args:
        judged: What comparing the answers came to.
        gold: The right answer.
        extraction: The answer of the completion.
        text: The completion.

    Returns:
        A judgement by the rule `absent`, or the one that came in.

    """
    if judged.undecided not in ("unparsable", "several answers") or judged.rule not in NUMERIC:
        return judged
    wanted = set(read_number_list(gold) or []) or {reading[0] for reading in [number_or_none(gold)] if reading}
    given = find_numbers(extraction.context or extraction.answer)
    if (
        not wanted
        or not given
        or _is_derived_from(given, wanted)
        or _is_compound(extraction.context or extraction.answer)
    ):
        return judged
    if re.search(
        r"[~'’^_{}<>\u00a0\u2000-\u200a\u202f]|\\|[\d)]\s*(?:[+*/^]|-\s)|[a-zA-Z]\s*[-+*/^]|[-+*/^]\s*[a-zA-Z]|\\[a-z]|\bdozen|\b(?:hundred|thousand|million|billion)",
        extraction.answer,
    ):
        return judged
    missing = [value for value in wanted if not has_mention(text[-20_000:], {value, value / 100, value * 100})]
    return Judgement("wrong", "absent") if missing else judged


def _is_derived_from(given: set[Fraction], wanted: set[Fraction]) -> bool:
    """Whether numbers add up to, multiply to or differ by one that is wanted, or are it."""
    numbers = sorted(given)[:8]
    derived = {sum(numbers, Fraction(0)), prod(numbers)} | set(numbers)
    for a in numbers:
        for b in numbers:
            derived |= {a + b, a - b, a * b} | ({a / b} if b else set())
    return bool(derived & wanted)


def _is_compound(text: str) -> bool:
    """Whether an amount is given in several units, or as a time."""
    return bool(re.search(r"\d:\d\d", text)) or has_several_units(text)
