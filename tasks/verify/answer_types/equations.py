"""Equations that say nothing of a single letter: lines, curves; the same where one is a multiple of the other."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.rounding import may_be_rounded
from tasks.verify.algebra.sums import Sum, TooLarge, Undefined
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.algebra.values import Value
from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding, split_outside
from tasks.verify.answer_types.formulas import (
    NAME,
    Formula,
    compare_formulas,
    evaluate_exactly,
    read_formula,
    tidy_name,
)


@dataclass(frozen=True)
class EquationAnswer:
    """Two sides that are equal."""

    left: Tree
    right: Tree


def read_equation(text: str) -> EquationAnswer | None:
    """An equation with letters on both sides, or with more than a name on the left."""
    sides = [side.strip() for side in split_outside(text, "=")]
    if len(sides) != 2 or not all(sides) or "\\approx" in text:
        return None
    if NAME.match(sides[0]):
        name = tidy_name(sides[0])
        try:
            right = read_formula(sides[1]).tree
        except UnreadableFormula:
            return None
        if not (len(name) == 1 and name in list_letters(right)):
            return None
    left, right = (read_formula(side).tree for side in sides)
    if left[0] == "either" or right[0] == "either":
        raise UnreadableFormula(text)
    if not list_letters(left) and left[0] != "letter":
        return None if list_letters(right) != frozenset() and right[0] == "letter" else _read_closed(text, left, right)
    return EquationAnswer(left, right)


def _read_closed(text: str, left: Tree, right: Tree) -> EquationAnswer | None:
    return EquationAnswer(left, right) if list_letters(right) else None


def compare_equations(gold: EquationAnswer, answer: EquationAnswer) -> Finding:
    """The same where the differences of their sides are in a constant ratio; linear ones that are not differ."""
    try:
        gold_value, answer_value = (
            evaluate_exactly(equation.left) + -evaluate_exactly(equation.right) for equation in (gold, answer)
        )
        if not gold_value.top or not answer_value.top:
            return Finding("equal" if not gold_value.top and not answer_value.top else UNKNOWN, "equation")
        ratio = _find_ratio(gold_value, answer_value)
    except (TooLarge, Undefined, RecursionError):
        return Finding(UNKNOWN, "equation")
    if ratio:
        return Finding("equal", "equation", True)
    if may_be_rounded(("sum", gold.left, ("minus", gold.right)), ("sum", answer.left, ("minus", answer.right))):
        return Finding("rounded", "equation")
    return Finding("different", "equation", _is_linear(gold_value.top) and _is_linear(answer_value.top))


def _find_ratio(a: Value, b: Value) -> Fraction | None:
    """The number by which all terms of one are those of the other."""
    if len(b.top) == 1:
        return Value(a.top, b.top).rational()
    if a.top.keys() != b.top.keys():
        return None
    ratios = {a.top[monomial] / b.top[monomial] for monomial in a.top}
    return ratios.pop() if len(ratios) == 1 else None


def _is_linear(terms: Sum) -> bool:
    return all(
        len(monomial) == 0 or (len(monomial) == 1 and isinstance(monomial[0][0], str) and monomial[0][1] == 1)
        for monomial in terms
    )


def compare_equation_to_formula(equation: EquationAnswer, formula: Formula) -> Finding:
    """`2y = 4x + 6` beside `y = 2x + 3`, or beside `2x + 3` where one side is a letter."""
    if formula.name and len(formula.name) == 1:
        return compare_equations(equation, EquationAnswer(("letter", formula.name), formula.tree))
    return Finding(UNKNOWN, "equation")


def compare_formula_to_equation(formula: Formula, equation: EquationAnswer) -> Finding:
    """`5` beside `a + b = 5`, which says of what it is the value; `2x = 10` is not solved."""
    for side, other in ((equation.left, equation.right), (equation.right, equation.left)):
        if _is_quantity(side) and not list_letters(other) and compare_formulas(formula, Formula(other)) == "equal":
            return Finding("equal", "equation", True)
    return compare_equation_to_formula(equation, formula)


def _is_quantity(tree: Tree) -> bool:
    r"""Whether an equation that gives its value solves for no letter: `a + b`, `\\cos A`, not `2x`."""
    return len(list_letters(tree)) > 1 or (
        tree[0] == "apply" and len(list_letters(tree)) == 1 and tree[1] not in ("root", "abs")
    )


EQUATION = AnswerType("equation", "equation", read_equation, compare_equations)
