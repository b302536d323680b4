"""Functions of exact values: sines of the angles we know, logarithms as sums of those of primes, whole parts, binomials."""

from __future__ import annotations

from fractions import Fraction
from math import comb

from tasks.verify.algebra.sums import (
    Sum,
    TooLarge,
    Undefined,
    add_sums,
    factor_number,
    make_atom,
    make_number,
    multiply_sums,
    take_root,
)
from tasks.verify.algebra.values import Value, power


def read_whole_number(value: Value, most: int) -> int:
    """A value as a whole number from 0; raises `Undefined` where it is none, `TooLarge` beyond the most."""
    rational = value.rational()
    if rational is None or rational.denominator != 1 or rational < 0:
        raise Undefined("not a whole number")
    if rational > most:
        raise TooLarge("a large number")
    return int(rational)


_SINES: dict[int, tuple[tuple[Fraction, int], ...]] = {
    0: (),
    15: ((Fraction(1, 4), 6), (Fraction(-1, 4), 2)),
    18: ((Fraction(1, 4), 5), (Fraction(-1, 4), 1)),
    30: ((Fraction(1, 2), 1),),
    45: ((Fraction(1, 2), 2),),
    54: ((Fraction(1, 4), 5), (Fraction(1, 4), 1)),
    60: ((Fraction(1, 2), 3),),
    75: ((Fraction(1, 4), 6), (Fraction(1, 4), 2)),
    90: ((Fraction(1), 1),),
}
"""Of angles in degrees: sums of roots, each with its factor."""


def _take_sine(turn: Fraction) -> Value | None:
    """The sine of an angle in units of π, where it has a form in square roots that we know."""
    degrees = (turn * 180) % 360
    sign = 1 if degrees < 180 else -1
    degrees %= 180
    terms = _SINES.get(int(degrees if degrees <= 90 else 180 - degrees)) if degrees.denominator == 1 else None
    if terms is None:
        return None
    total: Sum = {}
    for factor, within in terms:
        total = add_sums(total, multiply_sums(make_number(sign * factor), take_root(Fraction(within), Fraction(1, 2))))
    return Value(total)


def _count_turns(angle: Value) -> Fraction | None:
    """An angle in units of π, where it is a rational multiple of it."""
    if not angle.top:
        return Fraction(0)
    if angle.bottom == make_number(1) and set(angle.top) == {(("pi", Fraction(1)),)}:
        return angle.top[(("pi", Fraction(1)),)]
    return None


def _apply_trigonometric(name: str, angle: Value) -> Value | None:
    turn = _count_turns(angle)
    if turn is None:
        return None
    sine, cosine = _take_sine(turn), _take_sine(turn + Fraction(1, 2))
    if name in ("sin", "cos"):
        return sine if name == "sin" else cosine
    if name in ("sec", "csc"):
        inverted = cosine if name == "sec" else sine
        return inverted.inverse() if inverted else None
    if sine is None or cosine is None or name not in ("tan", "cot"):
        return None
    return sine * cosine.inverse() if name == "tan" else cosine * sine.inverse()


def _take_logarithm(value: Value) -> Value:
    """The natural logarithm, of rational numbers as a sum of those of primes."""
    rational = value.rational()
    if rational is not None and rational <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if rational is None:
        if value.bottom == make_number(1) and list(value.top) == [(("e", value_e := Fraction(1)),)]:
            return (
                Value(make_number(value_e))
                if value.top[(("e", Fraction(1)),)] == 1
                else Value(make_atom(("ln", value.key())))
            )
        return Value(make_atom(("ln", value.key())))
    total: Sum = {}
    for part, sign in ((rational.numerator, 1), (rational.denominator, -1)):
        for prime, times_ in factor_number(part):
            total = add_sums(total, {((("ln", prime), Fraction(1)),): Fraction(sign * times_)})
    return Value(total)


def apply_function(name: str, arguments: list[Value]) -> Value:
    """A function's value, by its name; what has no other form stands for itself."""
    first = arguments[0]
    if name == "binom":
        return Value(make_number(comb(read_whole_number(first, 5000), read_whole_number(arguments[1], 5000))))
    if name == "root":
        return power(first, arguments[1].inverse())
    if name == "sqrt":
        return power(first, Value(make_number(Fraction(1, 2))))
    if name == "exp":
        return power(Value(make_atom("e")), first)
    if name in ("ln", "log", "lg"):
        base = arguments[1] if len(arguments) > 1 else None if name == "ln" else Value(make_number(10))
        return _take_logarithm(first) if base is None else _take_logarithm(first) * _take_logarithm(base).inverse()
    rational = first.rational()
    if name in ("abs", "floor", "ceil") and rational is not None:
        whole = {"abs": abs(rational), "floor": Fraction(rational // 1), "ceil": Fraction(-(-rational // 1))}
        return Value(make_number(whole[name]))
    if name in ("max", "min", "gcd", "lcm"):
        raise Undefined(name)
    known = _apply_trigonometric(name, first)
    return known if known is not None else Value(make_atom((name, *(argument.key() for argument in arguments))))
