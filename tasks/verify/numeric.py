"""Amounts: answers that are numbers, or should be."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from tasks.verify.answer_types.time_of_day import as_number, read_hours
from tasks.verify.answer_types.unit_names import canonicalize_unit
from tasks.verify.extraction import Extraction
from tasks.verify.judgement import Compare, Judgement, judge_equal, judge_expression
from tasks.verify.no_answer import NOTHING_LEFT
from tasks.verify.number import Several, find_numbers, has_figures, number_of, read_decimals
from tasks.verify.plain_text import CLOSE, OPEN, normalize_answer
from tasks.verify.prose_numbers import (
    find_asked_sentence,
    find_results,
    has_only_result,
    has_open_operators,
    has_parts_of,
    is_about_remainder,
    is_calculation,
)
from tasks.verify.units import compare_parts, has_both_units, is_same_in_question_unit, may_differ_in_unit
from tasks.verify.vectorized import ROUGHLY

MARKED = re.compile(r"\d!|\d[₀-₉]|\d\s*_\s*\{?\d")
"""Signs that change what the figures before them mean: factorials, bases."""
SYMBOLS = re.compile(
    r"[<>≤≥≠∈⟨]|\^|[⁰¹²³⁴-⁹]|\\(?:le|leq|leqslant|ge|geq|geqslant|lt|gt|ne|neq|in|notin|cup|cap|sqrt|pi|infty|pm|mp|log|ln|lg|sin|cos|tan|cot|exp|sum|prod|"
    r"int|lim|binom|p?mod|bmod|equiv|approx|overline|bar|dots|ldots|cdots|theta|alpha|beta|gamma|lambda|begin|to|circ|degree|lfloor|lceil|mid|vert)(?![a-zA-Z])"
    r"|[√π∞±°≈≡…]|(?<![\w.])\d[\d.,]*[a-zA-Z](?![a-zA-Z'])|(?:(?<=[\s(=,])|^)[a-zA-Z]\s*[<>]|\)\s*[a-zA-Z](?![a-zA-Z])|\d\s*:\s*\d"
    r"|@|\?.*\d|[\d,]\s*_\s*[{a-zA-Z\\]|[\ufffd\u2190-\u21ff\u25a0-\u27bf]"
)
"""Signs of a formula, in which a number is not the answer."""
_PRODUCT = re.compile(r"[-+*/^]\s*\(\s*[-.\d]|\d\(\s*-?[\d.,]+\s*\)|\)\s*[\d(]|\d\)\s*[-+*/!]")


def has_symbols(answer: str) -> bool:
    """Whether an answer, or what it comes to at last, is a formula of which no number may be taken alone."""
    return bool(SYMBOLS.search(answer) or _PRODUCT.search(answer.rpartition("=")[2]))


QUALIFIED = re.compile(
    r"\b(?:at least|at most|between|more than|less than|fewer than|greater than|larger than|smaller than|up to|no more than|no less than|not|isn['’]t|never)\s+\$?\d"
    r"|\d(?:\s*(?!if|or|unless|except)[a-zA-Z]+)?[\s,(]*(?:\\text\s*\{\s*)?\b(?:or more|or less|or fewer|or above|or below|if|unless|except|when|where|for all|or\s+(?!\$?\d|more|less|fewer|about|approx)[a-z]+)\b",
    re.IGNORECASE,
)
"""Words with which a number is not the answer alone."""
PERCENT = re.compile(r"percent|per cent|%", re.IGNORECASE)
_SHARE = re.compile(
    r"\b(?:rates?|probabilit\w+|chances?|odds|likel\w+|interest|discount\w*|taxe?s?|tips?|commissions?|fractions?|ratios?|proportions?|"
    r"shares?|portions?|increase\w*|decrease\w*|reduc\w+|rais\w+|grow\w*|growth|margins?|mark\w*|efficiency|concentration|solution|"
    r"humidity|yields?|returns?|inflation|scores?|grades?|off|off-peak|completed?|parts?|battery|average|accura\w+|purity|slope)\b",
    re.IGNORECASE,
)
"""Words of a question that may mean percent without saying so."""
PLAIN = re.compile(r"\s*\$?-?\$?\d[\d,]*(?:\.\d+)?\s*%?\.?")
"""An answer that is one number and nothing else."""
_LESS = re.compile(
    r"(?<!positive )\bdifference\b|\b(?:los[et]|loses|loss|lower|less|fewer|below|behind|owes?|debt|short|drop\w*|decrease\w*|overspen\w+)\b",
    re.IGNORECASE,
)
"""A question whose answer may as well be given below zero."""
_ROUGHLY = re.compile(ROUGHLY, re.IGNORECASE)
_FRACTION = re.compile(r"[/½¼¾]|frac")


def number_or_none(text: str) -> tuple[Fraction, bool] | None:
    """`number_of`, but None where several stand side by side."""
    try:
        return number_of(text)
    except Several:
        return None


def _judge_form(gold: str, extraction: Extraction, question: str) -> Judgement | None:
    """Another judgement, where an answer that differs from gold may be the same: in another unit, rounded, or beside it."""
    sought, given = number_of(gold), number_of(extraction.answer)
    if sought is None or given is None:
        return None
    wanted, value = sought[0], given[0]
    text = extraction.context or extraction.answer
    single = PLAIN.fullmatch(text)
    if not single and (wanted in find_numbers(text) or (extraction.context and has_figures(text, wanted))):
        return None if not extraction.context and is_calculation(text) else _judge_several(wanted, text, question)
    if may_differ_in_unit(value, wanted, text, question):
        if is_same_in_question_unit(value, wanted, text, question):
            return Judgement("right", "unit")
        return Judgement("undecided", "numeric", "other unit")
    if not single and (unclear := _judge_among(value, wanted, text, question)):
        return unclear
    if value == -wanted and _LESS.search(find_asked_sentence(question)):
        return Judgement("undecided", "numeric", "sign unclear")
    if _ROUGHLY.search(question) and (abs(value - wanted) < 1 or value == _round_like(value, wanted)):
        return Judgement("undecided", "numeric", "rounded")
    if value * 100 == wanted and PERCENT.search(question):
        return Judgement("undecided", "percent", "percent unclear")
    digits, given_digits = read_decimals(gold), read_decimals(extraction.answer)
    rounded = (digits > 0 and round(value, digits) == wanted) or (
        given_digits > 0 and round(wanted, given_digits) == value
    )
    if rounded or (_is_inexact(gold) and 0 < abs(value - wanted) <= abs(wanted) * Fraction(1, 10**6)):
        return Judgement("undecided", "numeric", "rounded")
    return None


def _judge_among(value: Fraction, wanted: Fraction, text: str, question: str) -> Judgement | None:
    """Of a sentence's numbers, unmarked, another than the last may be meant: gold's in parts, or in another unit."""
    given = find_results(text, question)
    if len(given) > 1 and sum(given) == wanted:
        return _judge_several(wanted, text, question)
    if any(may_differ_in_unit(result, wanted, text, question) for result in given if result != value):
        return Judgement("undecided", "numeric", "other unit")
    return None


def _round_like(value: Fraction, exact: Fraction) -> Fraction | None:
    """An exact number rounded to where the zeros of a whole one begin; None where it has no zeros."""
    zeros = len(str(value)) - len(str(value).rstrip("0")) if value.denominator == 1 else 0
    return Fraction(round(exact, -zeros)) if zeros else None


def _judge_several(wanted: Fraction, text: str, question: str) -> Judgement:
    """An answer of several numbers: right where gold's is its only result, or it gives gold's in parts or in two units."""
    if has_only_result(text, wanted, question) or has_both_units(text, wanted):
        return Judgement("right", "numeric")
    if has_parts_of(text, wanted, question):
        return Judgement("right", "sum")
    return Judgement("undecided", "set", "several answers")


def _is_inexact(gold: str) -> bool:
    """Whether a gold answer's form says that it is rounded."""
    return bool(re.search(r"\d\.\d{3,}", gold))


def judge_numbers(wanted: list[Fraction], extraction: Extraction) -> Judgement:
    """Several numbers are asked for: the answer's, in any order."""
    text = extraction.context or extraction.answer
    values = find_results(text)
    if sorted(values) == wanted or set(values) == set(wanted):
        return Judgement("right", "set")
    if len(values) == len(wanted) and not has_open_operators(text):
        return Judgement("wrong", "set")
    return Judgement("undecided", "set", "unparsable")


def judge_number(gold: str, extraction: Extraction, question: str, compare: Compare) -> Judgement:
    """One number is asked for."""
    sought = number_or_none(gold)
    if sought is None:
        return Judgement("undecided", "numeric", "gold unparsable")
    if NOTHING_LEFT.fullmatch(extraction.answer):
        return (
            judge_equal(not sought[0], "numeric")
            if is_about_remainder(question)
            else Judgement("undecided", "text", "unparsable")
        )
    if not is_known_unit(extraction.answer, question):
        return Judgement("undecided", "numeric", "not fully read")
    try:
        given = (
            None if MARKED.search(extraction.answer) or has_symbols(extraction.answer) else number_of(extraction.answer)
        )
    except Several:
        return _judge_side_by_side(sought[0], extraction, question)
    if given is None:
        return _judge_worked_out(gold, sought[0], extraction, question, compare)
    rule = (
        "percent" if given[1] or sought[1] else "fraction" if _FRACTION.search(extraction.answer + gold) else "numeric"
    )
    judged = _judge_percents(given, sought, question, rule)
    if judged.verdict == "wrong" and given[0] != sought[0]:
        return _judge_form(gold, extraction, question) or judged
    return judged


_BEHIND = re.compile(f"\\d\\s*%?[\\s,;.]*{OPEN}([^{CLOSE}]*){CLOSE}")


def is_known_unit(answer: str, question: str) -> bool:
    r"""Whether the words in `\text{…}` behind a number are a unit, one noun, or words of the question."""
    for match in _BEHIND.finditer(normalize_answer(answer)) if "\\" in answer else ():
        words = re.findall(r"[a-z]+", match[1].casefold())
        known = set(re.findall(r"[a-z]+", question.casefold()))
        if len(words) > 1 and canonicalize_unit(match[1]) is None and not known.issuperset(words):
            return False
    return True


def _judge_percents(given: tuple[Fraction, bool], sought: tuple[Fraction, bool], question: str, rule: str) -> Judgement:
    """Two numbers, either of which may bear a percent sign: 5 % is 0.05, and 5 only where percent is asked for.

    A question that speaks of rates or chances may mean percent without saying so, and so may one that is not known.

    Args:
        given: The answer, and whether it bears a percent sign.
        sought: Gold, likewise.
        question: The problem's text.
        rule: The rule that the judgement bears.

    Returns:
        Undecided where the question does not say what it means.

    """
    (value, percent), (wanted, wanted_percent) = given, sought
    if percent == wanted_percent:
        return judge_equal(value == wanted, rule)
    if value == wanted and value:
        if PERCENT.search(question):
            return Judgement("right", rule)
        unclear = wanted_percent or not question.strip() or _SHARE.search(question)
        return Judgement("undecided", rule, "percent unclear") if unclear else Judgement("wrong", rule)
    return judge_equal(value / 100 == wanted if percent else value == wanted / 100, rule)


def _judge_side_by_side(wanted: Fraction, extraction: Extraction, question: str) -> Judgement:
    """Numbers side by side, of which the answer does not say which it is."""
    spaced = re.sub(r"(?<=\d) (?=\d{3}(?!\d))", "", extraction.answer)
    if spaced != extraction.answer and (given := number_or_none(spaced)) and given[0] == wanted:
        return Judgement("right", "numeric")  # "9 500"
    beside = compare_parts(extraction.answer, wanted, question)
    if beside in ("same", "different"):
        return judge_equal(beside == "same", "unit")
    return _judge_several(wanted, extraction.context or extraction.answer, question)


_LETTER_UNIT = re.compile(r"\s*\$?(-?\d[\d,]*(?:\.\d+)?)\s?([gmlshLKk])\.?\s*")
_LETTER_NAMES = {"g": "gram", "m": "met(?:er|re)", "l": "lit(?:er|re)", "s": "second", "h": "hour", "k": "thousand"}


def _names_unit(question: str, letter: str) -> bool:
    """Whether a question speaks of the unit that a letter stands for."""
    low = letter.casefold()
    return bool(re.search(rf"\d\s?{low}\b|\b{_LETTER_NAMES[low]}s?\b", question, re.IGNORECASE)) and low != "k"


def _judge_worked_out(
    gold: str, wanted: Fraction, extraction: Extraction, question: str, compare: Compare
) -> Judgement:
    """An answer that is no plain number: a time, or an expression that may have gold's value; words make it no mistake."""
    answer = extraction.answer
    if (time := read_hours(answer)) is not None:
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
    if (
        (match := _LETTER_UNIT.fullmatch(answer))
        and _names_unit(question, match[2])
        and (given := number_or_none(match[1]))
    ):
        judged = _judge_percents(given, (wanted, False), question, "numeric")
        return (
            judged
            if judged.verdict == "right"
            else _judge_form(gold, replace(extraction, answer=match[1]), question) or judged
        )
    judged = judge_expression(gold, answer, compare)
    if judged.undecided in ("not settled", "other type"):  # words where a number is asked for
        judged = Judgement("undecided", "expression", "unparsable", judged.opinion)
    if judged.verdict == "wrong" and extraction.context and re.search(r"(?<![a-zA-Z\\])[a-zA-Z](?![a-zA-Z])", answer):
        return Judgement("undecided", "expression", "not fully read")  # letters that the text may have given values
    if (
        judged.verdict == "wrong"
        and answer.rstrip().endswith("!")
        and (given := number_or_none(answer))
        and given[0] == wanted
    ):
        return Judgement("undecided", "expression", "several answers")  # the end of a sentence, or a factorial
    if judged.verdict != "wrong" or judged.proved:
        return judged
    pure = re.fullmatch(
        r"[\d\s.,+\-*/^()$\\{}×÷]*", re.sub(r"\\(?:[dt]?frac|sqrt|times|cdot|div|left|right)", "", answer)
    )
    return judged if pure else Judgement("undecided", "expression", "unparsable", judged.opinion)
