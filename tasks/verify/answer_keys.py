"""Answers as keys: two that are equal by the verifier's comparison have one key, as far as their type has a normal form."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from tasks.verify.algebra.sums import TooLarge, Undefined, make_number
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_bound_letters
from tasks.verify.answer_types import compare_answers, read_answer
from tasks.verify.answer_types.formulas import DOTS, Formula, evaluate_exactly, find_infinity
from tasks.verify.normalize import LONGEST

_PLAIN = re.compile(r"(-?)\s*\$?\s*(-?)(\d{1,15}|\d{1,3}(?:,\d{3}){1,4})(\.\d{1,12})?\.?")
_COUNTED = frozenset(["unit", "person", "student", "way", "time", "point", "piece", "apple", "item", "each", "usd"])
"""Units that add nothing to a number: 12 dollars is 12."""


@lru_cache(maxsize=65_536)
def make_answer_key(answer: str) -> str | None:
    """What names an answer: `1/2`, `1/2 cm`, `(option) B`; percent are an answer of their own.

    Args:
        answer: A final answer as it was found in a completion.

    Returns:
        The key; "" where the answer is not read whole, None where its type has no normal form and two of it must be compared.

    """
    match = _PLAIN.fullmatch(answer.strip())
    if match and not (match[1] and match[2]):
        sign = "-" if match[1] or match[2] else ""
        return str(Fraction(f"{sign}{match[3].replace(',', '')}{match[4] or ''}"))
    if len(answer) > LONGEST:
        return ""
    try:
        reading = read_answer(answer)
    except UnreadableFormula:
        return ""
    if isinstance(reading.value, Formula):
        return _make_formula_key(reading.value, "%" in answer or "percent" in answer.lower())
    return f"(option) {reading.value.letter}" if reading.type == "option" else None


def _make_formula_key(formula: Formula, percent: bool) -> str | None:
    tree = formula.tree
    if percent or formula.of or formula.doubtful or tree == DOTS or find_infinity(tree) or list_bound_letters(tree):
        return None
    try:
        value = evaluate_exactly(tree)
    except (TooLarge, Undefined, RecursionError, ArithmeticError, ValueError):
        return None
    if value.bottom != make_number(1):
        return None
    rational = value.rational()
    unit = "" if formula.unit in _COUNTED else f" {formula.unit}" if formula.unit else ""
    return f"{value.key()!r}{unit}" if rational is None else f"{rational}{unit}"


def is_same_answer(answer: str, other: str) -> bool:
    """Whether two answers are equal by the verifier's comparison, whichever of them is held against the other."""
    return answer == other or any(
        compare_answers(a, b).result == "equal" for a, b in ((answer, other), (other, answer))
    )
