"""Formulas as people write them in steps, as trees; what two ways of writing one calculation share is their normal form."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from math import factorial

from tasks.arithmetic.expressions import APPLY, Tree

LARGEST_POWER = 64
LARGEST_FACTORIAL = 100
Values = Mapping[str, Fraction]


def _flatten(kind: str, parts: Sequence[tuple[int, Tree]]) -> Tree:
    """A sum of sums, or a product of products, as one; signs of numbers are their own."""
    flat: list[tuple[int, Tree]] = []
    for sign, tree in parts:
        if tree[0] == kind:
            flat += [(sign * inner, part) for inner, part in tree[1:]]
        elif kind == "sum" and tree[0] == "number" and tree[1] < 0:
            flat.append((-sign, ("number", -tree[1])))
        else:
            flat.append((sign, tree))
    if len(flat) == 1 and kind == "sum" and flat[0][1][0] == "number":
        return ("number", flat[0][0] * flat[0][1][1])
    return (kind, *flat)


def normalize_formula(tree: Tree) -> Tree:
    """A formula without brackets that say nothing: sums in sums and products in products are one."""
    return replace_names(tree, lambda name: ("name", name))


def is_operation(tree: Tree) -> bool:
    """Whether a formula calculates: it has an operation."""
    return tree[0] not in ("number", "name") and not (tree[0] == "sum" and len(tree) == 2)


def list_numbers(tree: Tree) -> Iterator[Fraction]:
    """The numbers of a formula."""
    if tree[0] == "number":
        yield tree[1]
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from list_numbers(part[1] if part[0] in (1, -1) else part)


def list_names(tree: Tree) -> Iterator[str]:
    """The names of a formula, in order."""
    if tree[0] == "name":
        yield tree[1]
    for part in tree[1:]:
        if isinstance(part, tuple):
            yield from list_names(part[1] if part[0] in (1, -1) else part)


def replace_names(tree: Tree, find: Callable[[str], Tree]) -> Tree:
    """A formula with other trees for its names."""
    if tree[0] == "name":
        return find(tree[1])
    if tree[0] == "number":
        return tree
    if tree[0] in ("sum", "product"):
        return _flatten(tree[0], [(sign, replace_names(part, find)) for sign, part in tree[1:]])
    return (tree[0], *(replace_names(part, find) for part in tree[1:]))


def compute(tree: Tree) -> Fraction | None:
    """The value of a formula of numbers; None where it has none that is rational, or none is known."""
    try:
        return _compute(tree)
    except (ArithmeticError, OverflowError):
        return None


def _compute(tree: Tree) -> Fraction | None:
    if tree[0] == "number":
        return Fraction(tree[1])
    if tree[0] in ("sum", "product"):
        total = Fraction(0 if tree[0] == "sum" else 1)
        for sign, part in tree[1:]:
            value = _compute(part)
            if value is None:
                return None
            total = APPLY[("+" if sign > 0 else "-") if tree[0] == "sum" else ("*" if sign > 0 else "/")](total, value)
        return total
    if tree[0] == "power":
        base, exponent = _compute(tree[1]), _compute(tree[2])
        if base is None or exponent is None or exponent.denominator != 1 or abs(exponent) > LARGEST_POWER:
            return None
        return Fraction(base**exponent.numerator)
    if tree[0] == "factorial":
        value = _compute(tree[1])
        whole = value is not None and value.denominator == 1 and 0 <= value <= LARGEST_FACTORIAL
        return Fraction(factorial(value.numerator)) if value is not None and whole else None
    return None


def write_formula(tree: Tree, inside: bool = False) -> str:
    """The normal form: what can change places stands in order, a proper fraction within a calculation is a number."""
    if tree[0] == "number":
        return str(tree[1])
    if tree[0] == "name":
        return str(tree[1])
    if tree[0] == "power":
        return f"({write_formula(tree[1], True)})^({write_formula(tree[2], True)})"
    if tree[0] == "factorial":
        return f"({write_formula(tree[1], True)})!"
    if tree[0] == "root":
        return f"root({write_formula(tree[1])},{write_formula(tree[2], True)})"
    if tree[0] == "sum":
        terms = sorted(("-" if sign < 0 else "+") + write_formula(part, True) for sign, part in tree[1:])
        return f"({''.join(terms)})"
    factors = _join_fractions(list(tree[1:]), inside)
    if len(factors) == 1 and factors[0][0] > 0:
        return write_formula(factors[0][1], inside)
    return "[" + "".join(sorted(("*" if sign > 0 else "/") + write_formula(part, True) for sign, part in factors)) + "]"


def _join_fractions(factors: list[tuple[int, Tree]], inside: bool) -> list[tuple[int, Tree]]:
    """The factors of a product, a proper fraction among others (or in a larger formula) as one number."""
    if len(factors) < 3 and not inside:
        return factors
    for i in range(len(factors) - 1):
        (over_sign, over), (under_sign, under) = factors[i], factors[i + 1]
        numbers = over[0] == under[0] == "number"
        if over_sign > 0 > under_sign and numbers and 0 < over[1] < under[1]:
            joined: tuple[int, Tree] = (1, ("number", over[1] / under[1]))
            return [*factors[:i], joined, *factors[i + 2 :]]
    return factors
