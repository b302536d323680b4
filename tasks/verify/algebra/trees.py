"""Letters in the trees of formulas: which there are, and others in their place."""

from __future__ import annotations

from fractions import Fraction

from tasks.verify.algebra.formula import Tree, parse_formula
from tasks.verify.algebra.sums import Undefined
from tasks.verify.algebra.tokens import UnreadableFormula


def list_letters(tree: Tree) -> frozenset[str]:
    """The letters that a tree has values of; those that a sum or an integral runs over are none."""
    if tree[0] == "letter":
        return frozenset([tree[1]])
    letters = frozenset[str]().union(*(list_letters(part) for part in tree[1:] if isinstance(part, tuple)))
    return letters - {tree[1]} if tree[0] in ("series", "product", "integral") else letters


def list_bound_letters(tree: Tree) -> frozenset[str]:
    """The letters in the bounds of a formula's sums and products, which stand for whole numbers."""
    if tree[0] in ("series", "product"):
        inside = list_letters(tree[2]) | list_letters(tree[3])
        return inside | list_bound_letters(tree[4])
    return frozenset().union(*(list_bound_letters(part) for part in tree[1:] if isinstance(part, tuple)))


def replace_letter(tree: Tree, letter: str, new: Tree) -> Tree:
    """A tree with another in place of a letter, in indexes too; raises `Undefined` where an index does not allow it."""
    if tree == ("letter", letter):
        return new
    if tree[0] == "letter" and "_" in tree[1] and letter in tree[1].partition("_")[2]:
        return _replace_in_index(tree[1], letter, new)
    return tuple(replace_letter(part, letter, new) if isinstance(part, tuple) else part for part in tree)


def _replace_in_index(name: str, letter: str, new: Tree) -> Tree:
    """`F_{n-k}` with another in place of k."""
    base, _, index = name.partition("_")
    try:
        tree = replace_letter(parse_formula(index), letter, new)
    except UnreadableFormula:
        raise Undefined(name) from None
    return ("letter", f"{base}_{_write_index(tree) if list_letters(tree) else _add_up(tree)}")


def _write_index(tree: Tree) -> str:
    """An index as text."""
    if tree[0] in ("number", "letter"):
        return str(tree[1])
    if tree[0] == "minus":
        return f"-({_write_index(tree[1])})"
    if tree[0] == "sum":
        return f"{_write_index(tree[1])}+{_write_index(tree[2])}"
    raise Undefined("an index")


def _add_up(tree: Tree) -> Fraction:
    """The value of an index without letters."""
    if tree[0] == "number":
        return Fraction(tree[1])
    if tree[0] == "minus":
        return -_add_up(tree[1])
    if tree[0] == "sum":
        return _add_up(tree[1]) + _add_up(tree[2])
    raise Undefined("an index")
