"""Exact values: sums of products of rational numbers, roots, π, e, i, letters and what else a formula holds.

Each value has one form, so that two are equal where their difference is the
empty sum. Where all atoms are free (roots of primes, π, i, letters, powers of
e without π) the converse holds too: the roots of products of primes are
linearly independent over the rational numbers (Besicovitch 1940), π is
transcendental, and powers of e with distinct rational exponents are
independent over the algebraic numbers (Lindemann and Weierstrass). No float
stands for a value here.
"""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial
from typing import Any

from tasks.answers.formula import Tree

Atom = Hashable
Monomial = tuple[tuple[Atom, Fraction], ...]
Sum = dict[Monomial, Fraction]

BITS = 100_000
"""Of a coefficient's numerator or denominator."""
TERMS = 400
_PRIMES_TO = 100_000


class TooLarge(ArithmeticError):
    """A value whose exact form is beyond the limits."""


class Undefined(ArithmeticError):
    """A formula without a value: a division by zero, or what has no form here."""


def _order(item: tuple[Atom, Fraction]) -> str:
    return repr(item[0])


def number(value: Fraction | int) -> Sum:
    """A rational number."""
    value = Fraction(value)
    return {(): value} if value else {}


def atom(name: Atom) -> Sum:
    """What stands for itself."""
    return {((name, Fraction(1)),): Fraction(1)}


def plus(a: Sum, b: Sum) -> Sum:
    """The sum a + b."""
    total = dict(a)
    for monomial, coefficient in b.items():
        value = total.get(monomial, Fraction(0)) + coefficient
        if value:
            total[monomial] = value
        else:
            total.pop(monomial, None)
    return _within(total)


def _within(value: Sum) -> Sum:
    if len(value) > TERMS:
        raise TooLarge("too many terms")
    for one in value.values():
        if one.numerator.bit_length() > BITS or one.denominator.bit_length() > BITS:
            raise TooLarge("a number with too many digits")
    return value


def times(a: Sum, b: Sum) -> Sum:
    """The product a · b."""
    if len(a) * len(b) > 4 * TERMS:
        raise TooLarge("too many terms")
    total: Sum = {}
    for one, x in a.items():
        for other, y in b.items():
            total = plus(total, _product(one, other, x * y))
    return _within(total)


def _product(one: Monomial, other: Monomial, coefficient: Fraction) -> Sum:
    """The product of two monomials, with roots, i and bracketed sums made plain where their exponents allow."""
    powers: dict[Atom, Fraction] = dict(one)
    for name, exponent in other:
        powers[name] = powers.get(name, Fraction(0)) + exponent
    outside: Sum | None = None
    kept: list[tuple[Atom, Fraction]] = []
    for name, exponent in powers.items():
        if isinstance(name, int):  # a root of a prime
            whole = exponent.numerator // exponent.denominator
            coefficient *= Fraction(name) ** whole
            exponent -= whole
        elif name == "i":
            coefficient *= -1 if exponent % 4 in (2, 3) else 1
            exponent %= 2
        elif isinstance(name, tuple) and name[0] == "bracket" and exponent >= 1:
            whole = exponent.numerator // exponent.denominator
            inside = _raised(dict(name[1]), whole)
            outside = inside if outside is None else times(outside, inside)
            exponent -= whole
        if exponent:
            kept.append((name, exponent))
    result = {tuple(sorted(kept, key=_order)): coefficient}
    return result if outside is None else times(outside, result)


def _raised(base: Sum, exponent: int) -> Sum:
    """A sum to a whole power from 0."""
    if exponent > 64 and len(base) > 1:
        raise TooLarge("a power with too many terms")
    result = number(1)
    for _ in range(exponent):
        result = times(result, base)
    return result


class Value:
    """A quotient of two sums; the lower one is 1 wherever it can be."""

    __slots__ = ("bottom", "top")

    def __init__(self, top: Sum, bottom: Sum | None = None) -> None:
        bottom = number(1) if bottom is None else bottom
        if not bottom:
            raise Undefined("division by zero")
        if len(bottom) == 1:
            top, bottom = times(top, _inverse(bottom)), number(1)
        self.top, self.bottom = top, bottom

    def __add__(self, other: Value) -> Value:
        if self.bottom == other.bottom:
            return Value(plus(self.top, other.top), self.bottom)
        top = plus(times(self.top, other.bottom), times(other.top, self.bottom))
        return Value(top, times(self.bottom, other.bottom))

    def __neg__(self) -> Value:
        return Value({monomial: -x for monomial, x in self.top.items()}, self.bottom)

    def __mul__(self, other: Value) -> Value:
        return Value(times(self.top, other.top), times(self.bottom, other.bottom))

    def inverse(self) -> Value:
        """1 over it."""
        return Value(self.bottom, self.top)

    def rational(self) -> Fraction | None:
        """Its value where that is a rational number."""
        if self.bottom != number(1) or any(monomial for monomial in self.top):
            return None
        return self.top.get((), Fraction(0))

    def key(self) -> Hashable:
        """What names it inside another value."""
        return (_frozen(self.top), _frozen(self.bottom))


def _frozen(value: Sum) -> Hashable:
    return tuple(sorted(value.items(), key=repr))


def _inverse(value: Sum) -> Sum:
    """1 over a sum of one term."""
    ((monomial, coefficient),) = value.items()
    flipped: Monomial = tuple((name, -exponent) for name, exponent in monomial)
    return _product(flipped, (), 1 / coefficient)


@lru_cache(maxsize=4096)
def factored(value: int) -> tuple[tuple[int, int], ...]:
    """The prime factors of a whole number from 1; raises `TooLarge` where they are not found soon."""
    found, divisor = [], 2
    while divisor * divisor <= value:
        if divisor > _PRIMES_TO:
            raise TooLarge("a number that is hard to factor")
        power = 0
        while value % divisor == 0:
            value //= divisor
            power += 1
        if power:
            found.append((divisor, power))
        divisor += 1 if divisor == 2 else 2
    return (*found, (value, 1)) if value > 1 else tuple(found)


def _root_of_rational(value: Fraction, exponent: Fraction) -> Sum:
    """A rational number to a rational power; of odd roots of negative numbers the real one."""
    if value < 0:
        if exponent.denominator % 2:
            sign = -1 if exponent.numerator % 2 else 1
            return times(number(sign), _root_of_rational(-value, exponent))
        if exponent.denominator != 2:
            raise Undefined("an even root of a negative number")
        turned = _product((("i", Fraction(exponent.numerator)),), (), Fraction(1))
        return times(turned, _root_of_rational(-value, exponent))
    whole = exponent.numerator // exponent.denominator
    rest = exponent - whole
    result = number(_power_of_rational(value, whole))
    monomial: dict[Atom, Fraction] = {}
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        for prime, power in factored(part):
            monomial[prime] = monomial.get(prime, Fraction(0)) + sign * power * rest
    return times(result, _product(tuple(monomial.items()), (), Fraction(1)))


def _power_of_rational(value: Fraction, exponent: int) -> Fraction:
    size = max(value.numerator.bit_length(), value.denominator.bit_length())
    if size > 1 and abs(exponent) * size > BITS:
        raise TooLarge("a power with too many digits")
    if not value and exponent < 0:
        raise Undefined("division by zero")
    if abs(value) == 1:  # whatever its exponent
        exponent %= 2
    return value**exponent


def power(base: Value, exponent: Value) -> Value:
    """A power, where it has an exact form."""
    fixed, value = exponent.rational(), base.rational()
    if fixed is None:
        return _open_power(base, exponent)
    if value is not None:
        if not value:
            if fixed <= 0:
                raise Undefined("zero to the power of zero, or less")
            return Value({})
        return Value(number(_power_of_rational(value, fixed.numerator)) if fixed.denominator == 1
                     else _root_of_rational(value, fixed))  # fmt: skip
    if fixed < 0:
        return power(base.inverse(), Value(number(-fixed)))
    if abs(fixed.numerator) > 10_000:
        raise TooLarge("a large power")
    return Value(_power_of_sum(base.top, fixed), _power_of_sum(base.bottom, fixed))


def _power_of_sum(base: Sum, exponent: Fraction) -> Sum:
    if len(base) == 1:
        ((monomial, coefficient),) = base.items()
        if exponent.denominator == 1:
            scaled = tuple((name, power * exponent) for name, power in monomial)
            return _product(scaled, (), _power_of_rational(coefficient, exponent.numerator))
        if not monomial:
            return _root_of_rational(coefficient, exponent)
        plain = all(isinstance(name, int) or name in ("pi", "e") or power % 2 for name, power in monomial)
        if coefficient > 0 and plain and all(name != "i" for name, _ in monomial):
            scaled = tuple((name, power * exponent) for name, power in monomial)
            return times(_root_of_rational(coefficient, exponent), _product(scaled, (), Fraction(1)))
    elif exponent.denominator == 1:
        return _raised(base, exponent.numerator)
    return _product(((("bracket", _frozen(base)), exponent),), (), Fraction(1))


def _open_power(base: Value, exponent: Value) -> Value:
    """A power whose exponent is no rational number: a^(2n+1) is a·(a^n)^2."""
    if exponent.bottom != number(1):
        return Value(atom(("power", base.key(), exponent.key())))
    result = Value(number(1))
    for monomial, coefficient in exponent.top.items():
        if not monomial:
            result = result * power(base, Value(number(coefficient)))
        else:
            result = result * Value(_product(((("power", base.key(), monomial), coefficient),), (), Fraction(1)))
    return result


def _whole(value: Value, most: int) -> int:
    found = value.rational()
    if found is None or found.denominator != 1 or found < 0:
        raise Undefined("not a whole number")
    if found > most:
        raise TooLarge("a large number")
    return int(found)


_SINES: dict[int, tuple[int | Fraction, int]] = {
    0: (0, 1),
    30: (Fraction(1, 2), 1),
    45: (Fraction(1, 2), 2),
    60: (Fraction(1, 2), 3),
    90: (1, 1),
}
"""Of angles in degrees: a rational number times the root of another."""


def _sine(turn: Fraction) -> Value | None:
    """The sine of an angle in units of π, where it has a form in square roots that we know."""
    degrees = (turn * 180) % 360
    sign = 1 if degrees < 180 else -1
    degrees %= 180
    found = _SINES.get(int(degrees if degrees <= 90 else 180 - degrees)) if degrees.denominator == 1 else None
    if found is None:
        return None
    return Value(times(number(sign * Fraction(found[0])), _root_of_rational(Fraction(found[1]), Fraction(1, 2))))


def _turns(angle: Value) -> Fraction | None:
    """An angle in units of π, where it is a rational multiple of it."""
    if not angle.top:
        return Fraction(0)
    if angle.bottom == number(1) and set(angle.top) == {(("pi", Fraction(1)),)}:
        return angle.top[(("pi", Fraction(1)),)]
    return None


def _trigonometric(name: str, angle: Value) -> Value | None:
    turn = _turns(angle)
    if turn is None:
        return None
    sine, cosine = _sine(turn), _sine(turn + Fraction(1, 2))
    if sine is None or cosine is None:
        return None
    made = {
        "sin": lambda: sine,
        "cos": lambda: cosine,
        "tan": lambda: sine * cosine.inverse(),
        "cot": lambda: cosine * sine.inverse(),
        "sec": cosine.inverse,
        "csc": sine.inverse,
    }.get(name)
    return made() if made else None


def _logarithm(value: Value) -> Value:
    """The natural logarithm, of rational numbers as a sum of those of primes."""
    found = value.rational()
    if found is not None and found <= 0:
        raise Undefined("the logarithm of a number that is not positive")
    if found is None:
        if value.bottom == number(1) and list(value.top) == [(("e", value_e := Fraction(1)),)]:
            return Value(number(value_e)) if value.top[(("e", Fraction(1)),)] == 1 else Value(atom(("ln", value.key())))
        return Value(atom(("ln", value.key())))
    total: Sum = {}
    for part, sign in ((found.numerator, 1), (found.denominator, -1)):
        for prime, times_ in factored(part):
            total = plus(total, {((("ln", prime), Fraction(1)),): Fraction(sign * times_)})
    return Value(total)


def _applied(name: str, arguments: list[Value]) -> Value:
    first = arguments[0]
    if name == "binom":
        return Value(number(comb(_whole(first, 5000), _whole(arguments[1], 5000))))
    if name == "root":
        return power(first, arguments[1].inverse())
    if name == "sqrt":
        return power(first, Value(number(Fraction(1, 2))))
    if name == "exp":
        return power(Value(atom("e")), first)
    if name in ("ln", "log", "lg"):
        base = arguments[1] if len(arguments) > 1 else None if name == "ln" else Value(number(10))
        return _logarithm(first) if base is None else _logarithm(first) * _logarithm(base).inverse()
    rational = first.rational()
    if name in ("abs", "floor", "ceil") and rational is not None:
        whole = {"abs": abs(rational), "floor": Fraction(rational // 1), "ceil": Fraction(-(-rational // 1))}
        return Value(number(whole[name]))
    if name in ("max", "min", "gcd", "lcm"):
        raise Undefined(name)
    known = _trigonometric(name, first)
    return known if known is not None else Value(atom((name, *(one.key() for one in arguments))))


def value_of(tree: Tree, angle: bool = False) -> Value:
    """The value of a formula; degrees count as π/180 inside functions and as a unit elsewhere."""
    kind = tree[0]
    if kind == "number":
        return Value(number(tree[1]))
    if kind == "letter":
        return Value(atom(tree[1]))
    if kind == "constant":
        if tree[1] == "infinity":
            raise Undefined("infinity")
        return Value(atom(tree[1]))
    if kind == "degrees":
        inside = value_of(tree[1], angle)
        return inside * Value({(("pi", Fraction(1)),): Fraction(1, 180)}) if angle else inside
    if kind == "factorial":
        return Value(number(factorial(_whole(value_of(tree[1]), 5000))))
    if kind == "apply":
        trigonometric = tree[1] in ("sin", "cos", "tan", "cot", "sec", "csc")
        return _applied(tree[1], [value_of(part, trigonometric) for part in tree[2:]])
    return _operated(kind, [value_of(part, angle) for part in tree[1:]])


def _operated(kind: str, parts: list[Value]) -> Value:
    if kind == "sum":
        return parts[0] + parts[1]
    if kind == "minus":
        return -parts[0]
    if kind == "times":
        return parts[0] * parts[1]
    if kind == "over":
        return parts[0] * parts[1].inverse()
    assert kind == "power", kind
    return power(parts[0], parts[1])


def free(value: Sum) -> bool:
    """Whether its atoms are such that it is zero only where it is the empty sum."""
    names: set[Any] = {name for monomial in value for name, _ in monomial}
    if {"e", "pi"} <= names:
        return False
    return all(isinstance(name, int | str) for name in names)


def difference(a: Value, b: Value) -> Sum:
    """The upper part of a − b: the empty sum where the two are equal."""
    return plus(times(a.top, b.bottom), times(number(-1), times(b.top, a.bottom)))
