"""Certified bounds of a formula's value: intervals that are sure to hold it, so that two values are surely different.

Letters stand for the same positive numbers in both formulas: two that differ
there are different functions.
"""

from __future__ import annotations

import hashlib
import threading
from fractions import Fraction
from typing import Any

from mpmath.ctx_iv import MPIntervalContext
from mpmath.libmp import to_rational

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import TooLarge, Undefined

BITS = 240
_HIGHEST = 10**6
"""Of an exponent: beyond it bounds would take time and say little."""


class _Intervals(threading.local):
    """Interval arithmetic of one thread; the precision is the context's."""

    def __init__(self) -> None:
        self.context: Any = MPIntervalContext()
        self.context.prec = BITS


_here = _Intervals()


def is_surely_different(a: Tree, b: Tree) -> bool:
    """Whether two formulas surely have different values; False says nothing."""
    try:
        bound_a, bound_b = bound_value(a), bound_value(b)
    except (ArithmeticError, ValueError, TypeError, NotImplementedError, AttributeError):
        return False
    return bool(bound_a.b < bound_b.a or bound_b.b < bound_a.a)


def is_equal_within_bounds(a: Tree, b: Tree) -> bool:
    """Whether two formulas have bounds, and these overlap: so narrow are they that the two are equal, all but surely."""
    try:
        bound_a, bound_b = bound_value(a), bound_value(b)
    except (ArithmeticError, ValueError, TypeError, NotImplementedError, AttributeError):
        return False
    return bool(bound_a.a <= bound_b.b and bound_b.a <= bound_a.b)


def bound_rationally(tree: Tree) -> tuple[Fraction, Fraction]:
    """Two rational numbers between which a formula's value lies; raises where it has none or is too large."""
    low, high = bound_value(tree)._mpi_
    return Fraction(*map(int, to_rational(low))), Fraction(*map(int, to_rational(high)))


def bound_value(tree: Tree, angle: bool = False) -> Any:
    """An interval that holds a real formula's value; raises where it has none or is too large."""
    context = _here.context
    kind = tree[0]
    if kind == "number":
        return _bound_rational(tree[1])
    if kind == "between":
        return _here.context.mpf([_bound_rational(tree[1]).a, _bound_rational(tree[2]).b])
    if kind == "letter":
        digest = int.from_bytes(hashlib.sha256(tree[1].encode()).digest()[:4])
        return _bound_rational(2 + Fraction(digest, 2**32))
    if kind == "constant":
        if tree[1] not in ("pi", "e"):
            raise Undefined(tree[1])
        return +context.pi if tree[1] == "pi" else +context.e
    if kind == "degrees":
        inside = bound_value(tree[1], angle)
        return inside * context.pi / 180 if angle else inside
    if kind in ("factorial", "series", "product", "integral", "either", "dots"):
        raise Undefined(kind)
    if kind == "apply":
        inner = tree[1] in ("sin", "cos", "tan", "cot", "sec", "csc")
        return _bound_function(tree[1], [bound_value(part, inner) for part in tree[2:]])
    parts = [bound_value(part, angle) for part in tree[1:]]
    if kind == "sum":
        return parts[0] + parts[1]
    if kind == "minus":
        return -parts[0]
    if kind == "times":
        return parts[0] * parts[1]
    if kind == "over":
        return parts[0] / _check_nonzero(parts[1])
    return _bound_power(tree, parts)


def _bound_rational(value: Fraction) -> Any:
    return _here.context.mpf(value.numerator) / _here.context.mpf(value.denominator)


def _check_nonzero(value: Any) -> Any:
    if value.a <= 0 <= value.b:
        raise Undefined("maybe zero")
    return value


def _bound_power(tree: Tree, parts: list[Any]) -> Any:
    base, exponent = parts
    if abs(exponent).b > _HIGHEST:
        raise TooLarge("a large power")
    if tree[2][0] == "number" and tree[2][1].denominator == 1:
        return base ** int(tree[2][1])
    if base.a <= 0:
        raise Undefined("a power of what may be negative")
    return _here.context.exp(exponent * _here.context.log(base))


def _bound_function(name: str, arguments: list[Any]) -> Any:
    context, first = _here.context, arguments[0]
    if name in ("root", "sqrt"):
        if name == "sqrt" or (arguments[1].a == 2 and arguments[1].b == 2):
            if first.a < 0:
                raise Undefined("an even root of what may be negative")
            return context.sqrt(first)
        if first.a <= 0:
            raise Undefined("a root of what may be negative")
        return context.exp(context.log(first) / _check_nonzero(arguments[1]))
    if name in ("ln", "log", "lg"):
        if first.a <= 0 or any(argument.a <= 0 for argument in arguments):
            raise Undefined("the logarithm of what may be negative")
        base = arguments[1] if len(arguments) > 1 else None if name == "ln" else context.mpf(10)
        return context.log(first) if base is None else context.log(first) / _check_nonzero(context.log(base))
    if name == "abs":
        return abs(first)
    if name == "exp":
        if abs(first).b > _HIGHEST:
            raise TooLarge("a large power")
        return context.exp(first)
    if name in ("sin", "cos", "tan") and abs(first).b < _HIGHEST:
        return getattr(context, name)(first)
    raise Undefined(name)
