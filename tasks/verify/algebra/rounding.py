"""Decimal numbers within formulas: whether one formula may be another with numbers rounded or cut."""

from __future__ import annotations

from fractions import Fraction

from tasks.verify.algebra.bounds import is_equal_within_bounds
from tasks.verify.algebra.formula import Tree

_CUT = Fraction(999, 1000)
"""Of the last digit's step: a number cut there is less than that below the exact one."""


def may_be_rounded(a: Tree, b: Tree) -> bool:
    """Whether two formulas overlap once the decimal numbers of either stand for all that rounds, or is cut, to them."""
    return any(
        wide != tree and is_equal_within_bounds(wide, _replace_i(other))
        for tree, other in ((a, b), (b, a))
        for wide in [replace_decimals(tree)]
    )


def replace_decimals(tree: Tree) -> Tree:
    """A formula with an interval for each decimal number of two digits or more; i stands for a letter."""
    if tree[0] == "number":
        return _bound_decimal(tree)
    if tree == ("constant", "i"):
        return ("letter", "i")
    return tuple(replace_decimals(part) if isinstance(part, tuple) else part for part in tree)


def _bound_decimal(tree: Tree) -> Tree:
    """A whole number is exact; fractions as such are no numbers of a formula, but quotients."""
    value: Fraction = tree[1]
    digits = 0
    while value.denominator != 1 and (10**digits) % value.denominator and digits < 40:
        digits += 1
    step = Fraction(1, 10**digits)
    if not digits or digits == 40 or value < 10 * step:
        return tree
    return ("between", value - step / 2, value + step * _CUT)


def _replace_i(tree: Tree) -> Tree:
    if tree == ("constant", "i"):
        return ("letter", "i")
    return tuple(_replace_i(part) if isinstance(part, tuple) else part for part in tree)
