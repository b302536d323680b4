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
from typing import Any

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


def make_number(value: Fraction | int) -> Sum:
    """A rational number."""
    value = Fraction(value)
    return {(): value} if value else {}


def make_atom(name: Atom) -> Sum:
    """What stands for itself."""
    return {((name, Fraction(1)),): Fraction(1)}


def add_sums(a: Sum, b: Sum) -> Sum:
    """The sum a + b."""
    total = dict(a)
    for monomial, coefficient in b.items():
        value = total.get(monomial, Fraction(0)) + coefficient
        if value:
            total[monomial] = value
        else:
            total.pop(monomial, None)
    return _check_size(total)


def _check_size(value: Sum) -> Sum:
    if len(value) > TERMS:
        raise TooLarge("too many terms")
    for coefficient in value.values():
        if coefficient.numerator.bit_length() > BITS or coefficient.denominator.bit_length() > BITS:
            raise TooLarge("a number with too many digits")
    return value


def multiply_sums(a: Sum, b: Sum) -> Sum:
    """The product a · b."""
    if len(a) * len(b) > 4 * TERMS:
        raise TooLarge("too many terms")
    total: Sum = {}
    for monomial, x in a.items():
        for other, y in b.items():
            total = add_sums(total, multiply_monomials(monomial, other, x * y))
    return _check_size(total)


def multiply_monomials(a: Monomial, b: Monomial, coefficient: Fraction) -> Sum:
    """The product of two monomials, with roots, i and bracketed sums made plain where their exponents allow."""
    powers: dict[Atom, Fraction] = dict(a)
    for name, exponent in b:
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
            inside = raise_sum(dict(name[1]), whole)
            outside = inside if outside is None else multiply_sums(outside, inside)
            exponent -= whole
        if exponent:
            kept.append((name, exponent))
    result = {tuple(sorted(kept, key=_order)): coefficient}
    return result if outside is None else multiply_sums(outside, result)


def raise_sum(base: Sum, exponent: int) -> Sum:
    """A sum to a whole power from 0."""
    if exponent > 64 and len(base) > 1:
        raise TooLarge("a power with too many terms")
    result = make_number(1)
    for _ in range(exponent):
        result = multiply_sums(result, base)
    return result


def freeze_sum(value: Sum) -> Hashable:
    """A sum as what names it inside another."""
    return tuple(sorted(value.items(), key=repr))


def invert_sum(value: Sum) -> Sum:
    """1 over a sum of one term."""
    ((monomial, coefficient),) = value.items()
    flipped: Monomial = tuple((name, -exponent) for name, exponent in monomial)
    return multiply_monomials(flipped, (), 1 / coefficient)


@lru_cache(maxsize=4096)
def factor_number(value: int) -> tuple[tuple[int, int], ...]:
    """The prime factors of a whole number from 1; raises `TooLarge` where they are not found soon."""
    factors, divisor = [], 2
    while divisor * divisor <= value:
        if divisor > _PRIMES_TO:
            raise TooLarge("a number that is hard to factor")
        power = 0
        while value % divisor == 0:
            value //= divisor
            power += 1
        if power:
            factors.append((divisor, power))
        divisor += 1 if divisor == 2 else 2
    return (*factors, (value, 1)) if value > 1 else tuple(factors)


def take_root(value: Fraction, exponent: Fraction) -> Sum:
    """A rational number to a rational power; of odd roots of negative numbers the real one."""
    if value < 0:
        if exponent.denominator % 2:
            sign = -1 if exponent.numerator % 2 else 1
            return multiply_sums(make_number(sign), take_root(-value, exponent))
        if exponent.denominator != 2:
            raise Undefined("an even root of a negative number")
        turned = multiply_monomials((("i", Fraction(exponent.numerator)),), (), Fraction(1))
        return multiply_sums(turned, take_root(-value, exponent))
    whole = exponent.numerator // exponent.denominator
    rest = exponent - whole
    result = make_number(raise_rational(value, whole))
    monomial: dict[Atom, Fraction] = {}
    for part, sign in ((value.numerator, 1), (value.denominator, -1)):
        for prime, power in factor_number(part):
            monomial[prime] = monomial.get(prime, Fraction(0)) + sign * power * rest
    return multiply_sums(result, multiply_monomials(tuple(monomial.items()), (), Fraction(1)))


def raise_rational(value: Fraction, exponent: int) -> Fraction:
    """A rational number to a whole power."""
    size = max(value.numerator.bit_length(), value.denominator.bit_length())
    if size > 1 and abs(exponent) * size > BITS:
        raise TooLarge("a power with too many digits")
    if not value and exponent < 0:
        raise Undefined("division by zero")
    if abs(value) == 1:  # whatever its exponent
        exponent %= 2
    return value**exponent


def is_independent(value: Sum) -> bool:
    """Whether its atoms are such that it is zero only where it is the empty sum."""
    names: set[Any] = {name for monomial in value for name, _ in monomial}
    if {"e", "pi"} <= names:
        return False
    return all(isinstance(name, int | str) for name in names)
