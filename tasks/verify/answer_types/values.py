"""One value: a number or an expression, with its name, unit and approximation."""

from __future__ import annotations

import re

from tasks.verify.answer_types.base import AnswerType, Finding, combine_findings
from tasks.verify.answer_types.formulas import Formula, compare_formulas, read_formula

_LEAD = re.compile(
    r"^\u27e8?\s*(?:(?:therefore|thus|hence|so),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?(?:answer|result|value|solution|number)?\s*(?:is|are|be|equals|:)\s*\u27e9?\s*",
    re.IGNORECASE,
)
_ROUND = re.compile(
    r"^\u27e8\s*(?:there (?:are|is|will be)|it is|she has|he has|they have|we get)\s*\u27e9\s*", re.IGNORECASE
)


def read_value(text: str) -> Formula:
    """A formula, whole."""
    text = _ROUND.sub("", _LEAD.sub("", text, count=1), count=1)
    return read_formula(text)


def compare_values(gold: Formula, answer: Formula) -> Finding:
    """By exact arithmetic, else by certified bounds."""
    if (
        gold.name
        and answer.name
        and gold.name != answer.name
        and not (gold.of and answer.of)
        and compare_formulas(gold, answer) == "equal"
    ):
        same_sort = len(gold.name) == len(answer.name) == 1 and (gold.name.isupper() == answer.name.isupper())
        if same_sort:
            return Finding("other letter", "expression")
    return combine_findings([compare_formulas(gold, answer)], "expression")


VALUE = AnswerType("value", "expression", read_value, compare_values)
