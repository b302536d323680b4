"""One value: a number or an expression, with its name, unit and approximation."""

from __future__ import annotations

import re

from tasks.verify.algebra.trees import list_letters, replace_letter
from tasks.verify.answer_types.base import AnswerType, Finding, combine_findings
from tasks.verify.answer_types.equations import EquationAnswer, compare_equations
from tasks.verify.answer_types.formulas import Formula, compare_formulas, compare_trees, read_formula

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
    if finding.result == "different" and _differ_in_counter(gold, answer):
        return Finding("other letter", "expression")
    if not gold.name or not answer.name or gold.name == answer.name or (gold.of and answer.of):
        return finding
    if finding.result == "different" and list_letters(gold.tree) and list_letters(answer.tree):
        return _compare_as_equations(gold, answer) or finding
    same_sort = len(gold.name) == len(answer.name) == 1 and (gold.name.isupper() == answer.name.isupper())
    return Finding("other letter", "expression") if finding.result == "equal" and same_sort else finding


def _differ_in_counter(gold: Formula, answer: Formula) -> bool:
    """Whether two are the same but for a letter that is used for any whole number: `8k + 3`, `8n + 3`."""
    letters = [list_letters(side.tree) for side in (gold, answer)]
    if any(len(names) != 1 or not names <= _COUNTERS for names in letters) or letters[0] == letters[1]:
        return False
    renamed = replace_letter(answer.tree, next(iter(letters[1])), ("letter", next(iter(letters[0]))))
    return compare_trees(gold.tree, renamed) == "equal"


_COUNTERS = frozenset("klmnN")


def _compare_as_equations(gold: Formula, answer: Formula) -> Finding | None:
    """`x = y + 1` beside `y = x - 1`, which name different letters."""
    if not (len(gold.name) == 1 and len(answer.name) == 1):
        return None
    equations = [EquationAnswer(("letter", side.name), side.tree) for side in (gold, answer)]
    return compare_equations(equations[0], equations[1])


VALUE = AnswerType("value", "expression", read_value, compare_values)
