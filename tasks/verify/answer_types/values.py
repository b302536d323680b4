"""One value: a number or an expression, with its name, unit and approximation."""

from __future__ import annotations

import re

from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types.base import AnswerType, Finding, combine_findings
from tasks.verify.answer_types.equations import EquationAnswer, compare_equations
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
    """By exact arithmetic, else by certified bounds; of two that bear names, as equations too."""
    finding = combine_findings([compare_formulas(gold, answer)], "expression")
    if not gold.name or not answer.name or gold.name == answer.name or (gold.of and answer.of):
        return finding
    if finding.result == "different" and list_letters(gold.tree) and list_letters(answer.tree):
        return _compare_as_equations(gold, answer) or finding
    same_sort = len(gold.name) == len(answer.name) == 1 and (gold.name.isupper() == answer.name.isupper())
    return Finding("other letter", "expression") if finding.result == "equal" and same_sort else finding


def _compare_as_equations(gold: Formula, answer: Formula) -> Finding | None:
    """`x = y + 1` beside `y = x - 1`, which name different letters."""
    if not (len(gold.name) == 1 and len(answer.name) == 1):
        return None
    equations = [EquationAnswer(("letter", side.name), side.tree) for side in (gold, answer)]
    return compare_equations(equations[0], equations[1])


VALUE = AnswerType("value", "expression", read_value, compare_values)
