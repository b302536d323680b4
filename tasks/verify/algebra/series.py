r"""Sums and products over a letter (`\sum_{k=1}^{n} k^2`), and definite integrals of powers."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import TooLarge, Undefined, make_number
from tasks.verify.algebra.trees import replace_letter
from tasks.verify.algebra.values import Value, power

TERMS = 200
"""Of a sum or product that is written out."""
NESTED = 20
"""Of one that has another in it."""
Evaluate = Callable[[Tree], Value]


def evaluate_series(tree: Tree, evaluate: Evaluate) -> Value:
    """The value of a sum or product whose bounds are whole numbers, term by term."""
    kind, letter, low, high, body = tree
    first, last = evaluate(low).rational(), evaluate(high).rational()
    if first is None or last is None or first.denominator != 1 or last.denominator != 1:
        raise Undefined("bounds that are no whole numbers")
    inner = _count_nested(body)
    if inner > 1 or last - first >= (NESTED if inner else TERMS):
        raise TooLarge("too many terms")
    total = Value(make_number(0 if kind == "series" else 1))
    for at in range(int(first), int(last) + 1):
        term = evaluate(replace_letter(body, letter, _write_number(at)))
        total = total + term if kind == "series" else total * term
    return total


def _count_nested(tree: Tree) -> int:
    """How deep sums, products and integrals stand in each other."""
    inner = max((_count_nested(part) for part in tree[1:] if isinstance(part, tuple)), default=0)
    return inner + (tree[0] in ("series", "product", "integral"))


def _write_number(value: int) -> Tree:
    number: Tree = ("number", Fraction(abs(value)))
    return ("minus", number) if value < 0 else number


def evaluate_integral(tree: Tree, evaluate: Evaluate) -> Value:
    """The integral of a sum of powers of its letter between two bounds."""
    _, letter, low, high, body = tree
    value = evaluate(body)
    if value.bottom != make_number(1):
        raise Undefined("an integral of a quotient")
    total = Value({})
    bounds = evaluate(low), evaluate(high)
    for monomial, factor in value.top.items():
        exponent = dict(monomial).get(letter, Fraction(0)) + 1
        rest = tuple((name, by) for name, by in monomial if name != letter)
        if not exponent or any(letter in repr(name) for name, _ in rest if not isinstance(name, int | str)):
            raise Undefined("an integral of no power")
        if exponent < 0 or exponent.denominator != 1:
            _check_positive(bounds)
        raised = [power(bound, Value(make_number(exponent))) for bound in bounds]
        total = total + Value({rest: factor / exponent}) * (raised[1] + -raised[0])
    return total


def _check_positive(bounds: tuple[Value, Value]) -> None:
    if not all((number := bound.rational()) is not None and number > 0 for bound in bounds):
        raise Undefined("an integral up to a pole, or of roots of what may be negative")
