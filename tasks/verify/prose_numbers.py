"""Which numbers of a sentence with several are results: no operands, no remainders, none that the question gives."""

from __future__ import annotations

import re
from fractions import Fraction

from tasks.verify.number import find_number_words, find_numbers, find_values, normalize_digits

_OPERAND = r"[$(]*\d[\d,.]*%?(?:\s?[a-zA-Z]{1,20}(?:/[a-zA-Z]{1,20})?)?(?:\s?\([a-z ]{1,20}\))?\)*"
_CALCULATION = re.compile(
    rf"(?<![\w.,/])(?:\d*[a-z]\s*=\s*)?{_OPERAND}(?:\s*[-+*/x×÷]\s*{_OPERAND})+\s*=\s*(?=[$-]?\d)"
    r"|(?<![\w.,/])\d+[a-z]\s*=\s*(?=[$-]?\d)"
)
"""A calculation up to its result: `3 * $12 = `, `2x = `."""
_REMAINDER = re.compile(
    r"\bremainder of \d+|\b\d[\d,.]*\s+(?:[a-z-]+\s+){0,3}(?:left(?:\s?over)?|leftover|remaining)\b", re.IGNORECASE
)
_REST = re.compile(r"\b(?:left|remain\w*|leftover|over|rest|unpacked|still)\b", re.IGNORECASE)
_TOTAL = re.compile(
    r"\b(?:total|altogether|in all|together|sum|combined|difference|more|fewer|less|average)\b", re.IGNORECASE
)
_OPEN = re.compile(r"[=*×÷+^<>]|\d\s*/\s*\d|\d[a-z]\b|\b[a-z]\s*-\s*\d|\bor\b")
"""What leaves open which of a text's numbers are results."""
_RESULT = re.compile(
    r"(?:[A-Za-z' ]{0,40}\b(?:is|are|:)\s*)?(?:§\s*)+[$-]{0,2}\d[\d,.]*%?(?:\s+[A-Za-z/]{1,20}){0,4}\W*", re.IGNORECASE
)
LONGEST = 1000
WORDS = 3
"""Of a sentence, at least."""


def find_asked_sentence(question: str) -> str:
    """The last sentence of a question."""
    return re.split(r"(?<=[.!])\s", question.strip())[-1]


def is_about_remainder(question: str) -> bool:
    """Whether a question asks for what is left."""
    return bool(_REST.search(find_asked_sentence(question)))


def find_results(text: str, question: str = "") -> list[Fraction]:
    """The numbers that a text gives as results, in its order."""
    text = _CALCULATION.sub("", normalize_digits(text[:LONGEST]))
    if question and not is_about_remainder(question):
        text = _REMAINDER.sub("", text)
    return find_values(text)


def has_only_result(text: str, wanted: Fraction, question: str) -> bool:
    """Whether of the results that a sentence gives a number is the only one that the question does not give."""
    if len(re.findall(r"[a-zA-Z]{2,}", text)) < WORDS or re.search(r"\bor\b", text):
        return False  # a list of answers
    question_numbers = (
        find_numbers(question[:LONGEST]) | find_numbers(question[-LONGEST:]) | find_number_words(question)
    )
    return wanted not in question_numbers and set(find_results(text, question)) - question_numbers == {wanted}


def has_open_operators(text: str) -> bool:
    """Whether operators or letters stand beside a text's results."""
    return bool(_OPEN.search(_CALCULATION.sub("", normalize_digits(text[:LONGEST]))))


def is_calculation(text: str) -> bool:
    """Whether a text is a calculation with its result, and nothing else."""
    return bool(_RESULT.fullmatch(_CALCULATION.sub("§", normalize_digits(text[:LONGEST]))))


def has_parts_of(text: str, wanted: Fraction, question: str) -> bool:
    """Whether an answer gives in parts what the question asks for as a whole: "86 glasses and 42 plates"."""
    parts = find_results(text)
    asking = find_asked_sentence(question)
    both = re.search(r"\band\b", asking) and not _TOTAL.search(asking)
    return (
        bool(both) and 2 <= len(parts) <= 4 and min(parts) > 0 and sum(parts) == wanted and not has_open_operators(text)
    )
