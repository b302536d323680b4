"""Exact values: quotients of sums, and their powers."""

from __future__ import annotations

from collections.abc import Hashable
from fractions import Fraction

from tasks.verify.algebra.sums import (
    Sum,
    TooLarge,
    Undefined,
    add_sums,
    freeze_sum,
    invert_sum,
    make_atom,
    make_number,
    multiply_monomials,
    multiply_sums,
    raise_rational,
    raise_sum,
    take_root,
)


class Value:
    """A quotient of two sums; the lower one is 1 wherever it can be."""

    __slots__ = ("bottom", "top")

    def __init__(self, top: Sum, bottom: Sum | None = None) -> None:
        bottom = make_number(1) if bottom is None else bottom
        if not bottom:
            raise Undefined("division by zero")
        if len(bottom) == 1:
            top, bottom = multiply_sums(top, invert_sum(bottom)), make_number(1)
        self.top, self.bottom = top, bottom

    def __add__(self, other: Value) -> Value:
        if self.bottom == other.bottom:
            return Value(add_sums(self.top, other.top), self.bottom)
        top = add_sums(multiply_sums(self.top, other.bottom), multiply_sums(other.top, self.bottom))
        return Value(top, multiply_sums(self.bottom, other.bottom))

    def __neg__(self) -> Value:
        return Value({monomial: -x for monomial, x in self.top.items()}, self.bottom)

    def __mul__(self, other: Value) -> Value:
        return Value(multiply_sums(self.top, other.top), multiply_sums(self.bottom, other.bottom))

    def inverse(self) -> Value:
        """1 over it."""
        return Value(self.bottom, self.top)

    def rational(self) -> Fraction | None:
        """Its value where that is a rational number."""
        if self.bottom != make_number(1) or any(monomial for monomial in self.top):
            return None
        return self.top.get((), Fraction(0))

    def key(self) -> Hashable:
        """What names it inside another value."""
        return (freeze_sum(self.top), freeze_sum(self.bottom))


def power(base: Value, exponent: Value) -> Value:
    """A power, where it has an exact form."""
    fixed, value = exponent.rational(), base.rational()
    if fixed is None:
        return _raise_to_value(base, exponent)
    if value is not None:
        if not value:
            if fixed <= 0:
                raise Undefined("zero to the power of zero, or less")
            return Value({})
        return Value(make_number(raise_rational(value, fixed.numerator)) if fixed.denominator == 1
                     else take_root(value, fixed))  # fmt: skip
    if fixed < 0:
        return power(base.inverse(), Value(make_number(-fixed)))
    if abs(fixed.numerator) > 10_000:
        raise TooLarge("a large power")
    return Value(_raise_to_power(base.top, fixed), _raise_to_power(base.bottom, fixed))


def _raise_to_power(base: Sum, exponent: Fraction) -> Sum:
    if len(base) == 1:
        ((monomial, coefficient),) = base.items()
        if exponent.denominator == 1:
            scaled = tuple((name, power * exponent) for name, power in monomial)
            return multiply_monomials(scaled, (), raise_rational(coefficient, exponent.numerator))
        if not monomial:
            return take_root(coefficient, exponent)
        plain = all(isinstance(name, int) or name in ("pi", "e") or power % 2 for name, power in monomial)
        if coefficient > 0 and plain and all(name != "i" for name, _ in monomial):
            scaled = tuple((name, power * exponent) for name, power in monomial)
            return multiply_sums(take_root(coefficient, exponent), multiply_monomials(scaled, (), Fraction(1)))
    elif exponent.denominator == 1:
        return raise_sum(base, exponent.numerator)
    return multiply_monomials(((("bracket", freeze_sum(base)), exponent),), (), Fraction(1))


def _raise_to_value(base: Value, exponent: Value) -> Value:
    """A power whose exponent is no rational number: a^(2n+1) is a·(a^n)^2."""
    if exponent.bottom != make_number(1):
        return Value(make_atom(("power", base.key(), exponent.key())))
    result = Value(make_number(1))
    for monomial, coefficient in exponent.top.items():
        if not monomial:
            result = result * power(base, Value(make_number(coefficient)))
        else:
            result = result * Value(
                multiply_monomials(((("power", base.key(), monomial), coefficient),), (), Fraction(1))
            )
    return result
