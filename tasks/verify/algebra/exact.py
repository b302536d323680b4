"""The exact value of a formula, and the difference of two."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.functions import apply_function, read_whole_number
from tasks.verify.algebra.series import evaluate_integral, evaluate_series
from tasks.verify.algebra.sums import Sum, Undefined, add_sums, make_atom, make_number, multiply_sums
from tasks.verify.algebra.values import Value, power


def evaluate_tree(tree: Tree, angle: bool = False) -> Value:
    """The value of a formula; degrees count as π/180 inside functions and as a unit elsewhere."""
    kind = tree[0]
    if kind == "number":
        return Value(make_number(tree[1]))
    if kind == "letter":
        return Value(make_atom(tree[1]))
    if kind == "constant":
        if tree[1] == "infinity":
            raise Undefined("infinity")
        return Value(make_atom(tree[1]))
    if kind == "degrees":
        inside = evaluate_tree(tree[1], angle)
        return inside * Value({(("pi", Fraction(1)),): Fraction(1, 180)}) if angle else inside
    if kind == "factorial":
        inside = evaluate_tree(tree[1])
        if inside.rational() is None:
            return Value(make_atom(("factorial", inside.key())))
        return Value(make_number(factorial(read_whole_number(inside, 5000))))
    if kind in ("series", "product"):
        return evaluate_series(tree, evaluate_tree)
    if kind == "integral":
        return evaluate_integral(tree, evaluate_tree)
    if kind == "apply":
        trigonometric = tree[1] in ("sin", "cos", "tan", "cot", "sec", "csc")
        return apply_function(tree[1], [evaluate_tree(part, trigonometric) for part in tree[2:]])
    return _apply_operator(kind, [evaluate_tree(part, angle) for part in tree[1:]])


def _apply_operator(kind: str, parts: list[Value]) -> Value:
    if kind == "sum":
        return parts[0] + parts[1]
    if kind == "minus":
        return -parts[0]
    if kind == "times":
        return parts[0] * parts[1]
    if kind == "over":
        return parts[0] * parts[1].inverse()
    if kind != "power":  # which of ± is meant is not known
        raise Undefined(kind)
    return power(parts[0], parts[1])


def subtract(a: Value, b: Value) -> Sum:
    """The upper part of a − b: the empty sum where the two are equal."""
    return add_sums(multiply_sums(a.top, b.bottom), multiply_sums(make_number(-1), multiply_sums(b.top, a.bottom)))
