"""Relations of one letter, solved: the numbers of which they hold."""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import Monomial, TooLarge, Undefined
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types.formulas import INFINITY, evaluate_exactly, list_alternatives, read_formula
from tasks.verify.answer_types.regions import (
    FLIPPED,
    MINUS_INFINITY,
    Piece,
    Region,
    Relation,
    exclude_points,
    find_intersection,
    is_apart,
    order_pieces,
)

SIGN = re.compile(r"\\le(?![a-zA-Z])|\\ge(?![a-zA-Z])|\\ne(?:q)?(?![a-zA-Z])|<|>")
_SIGNS = {"<": "<", ">": ">", "\\le": "<=", "\\ge": ">=", "\\ne": "!=", "\\neq": "!="}
_OR = re.compile(r"\s*,?\s*(?:\u27e8\s*or\s*\u27e9|\bor\b|\\lor(?![a-z])|\\vee(?![a-z]))\s*")
_AND = re.compile(r"\s*(?:,\s*)?(?:\u27e8\s*and\s*\u27e9|\band\b|\\land(?![a-z])|\\wedge(?![a-z])|,)\s*")


def read_relations(text: str) -> Region | Relation | None:
    """Relations joined by "or" and "and"."""
    choices = [part for part in _OR.split(text) if part.strip()]
    regions: list[Region] = []
    for choice in choices:
        parts = [part for part in _AND.split(choice) if part.strip()]
        if not all(SIGN.search(part) for part in parts):
            raise UnreadableFormula(text)
        readings = [_read_relation(part.strip()) for part in parts]
        if len(readings) == 1 and isinstance(readings[0], Relation):
            if len(choices) > 1:
                raise UnreadableFormula(text)
            return readings[0]
        solved = [region for region in readings if isinstance(region, Region)]
        if len(solved) < len(readings):
            raise UnreadableFormula(text)
        region = solved[0]
        for other in solved[1:]:
            region = (
                find_intersection(region, other)
                if not is_apart(region, other)
                else order_pieces([*region.pieces, *other.pieces], region.name)
            )
        regions.append(region)
    if len({region.name for region in regions}) > 1:
        raise UnreadableFormula(text)
    return order_pieces([piece for region in regions for piece in region.pieces], regions[0].name)


def _read_relation(text: str) -> Region | Relation:
    r"""`x > 5`, `-1 < x \\le 2`, `-x > -1`; what no single letter's bounds say stays a relation."""
    sides = [read_formula(side).tree for side in SIGN.split(text)]
    signs = [_SIGNS[sign] for sign in SIGN.findall(text)]
    if any(tree[0] == "either" for tree in sides) and signs != ["!="]:
        raise UnreadableFormula(text)
    if len(sides) == 2 and signs == ["!="] and sides[0][0] == "letter":
        return replace(exclude_points(list_alternatives(sides[1])), name=sides[0][1])
    letters = frozenset().union(*(list_letters(side) for side in sides))
    if (len(sides) == 2 and len(letters) == 1) or (
        len(sides) == 2 and sides[0][0] == "letter" and sides[0][1] not in list_letters(sides[1])
    ):
        letter = next(iter(letters)) if len(letters) == 1 else sides[0][1]
        solved = _solve(sides[0], signs[0], sides[1], letter)
        if solved is not None:
            return solved
    if (
        len(sides) == 3
        and sides[1][0] == "letter"
        and sides[1][1] not in list_letters(sides[0]) | list_letters(sides[2])
    ):
        if signs[0] in (">", ">="):
            sides, signs = sides[::-1], [FLIPPED[sign] for sign in signs[::-1]]
        if all(sign in ("<", "<=") for sign in signs):
            return order_pieces([Piece(sides[0], sides[2], signs[0] == "<=", signs[1] == "<=")], sides[1][1])
    if signs and all(sign in (">", ">=") for sign in signs):
        sides, signs = sides[::-1], [FLIPPED[sign] for sign in signs[::-1]]
    return Relation(tuple(sides), tuple(signs))


def _solve(left: Tree, sign: str, right: Tree, letter: str) -> Region | None:
    """The numbers of which a relation holds, where it is linear or quadratic in a letter, or of an absolute value."""
    if right == ("letter", letter) and letter not in list_letters(left):
        left, right, sign = right, left, FLIPPED[sign]
    if left == ("letter", letter) and letter not in list_letters(right):
        return _bound(letter, sign, right)
    if right[:2] == ("apply", "abs"):
        left, right, sign = right, left, FLIPPED[sign]
    if left[:2] == ("apply", "abs") and not list_letters(right):
        return _solve_absolute(left[2], sign, right, letter)
    terms = _list_coefficients(("sum", left, ("minus", right)), letter)
    if terms is None or not (terms[1] or terms[2]):
        return None
    if terms[2]:
        return _solve_quadratic(terms, sign, letter)
    return _bound(letter, FLIPPED[sign] if terms[1] < 0 else sign, ("number", -terms[0] / terms[1]))


def _bound(letter: str, sign: str, bound: Tree) -> Region:
    if sign == "!=":
        return replace(exclude_points([bound]), name=letter)
    if sign in ("<", "<="):
        return Region((Piece(MINUS_INFINITY, bound, False, sign == "<="),), letter)
    return Region((Piece(bound, INFINITY, sign == ">=", False),), letter)


def _list_coefficients(tree: Tree, letter: str) -> tuple[Fraction, Fraction, Fraction] | None:
    """The rational coefficients of a polynomial of the second degree at most."""
    try:
        value = evaluate_exactly(tree)
    except (TooLarge, Undefined, RecursionError):
        return None
    powers: dict[Monomial, int] = {(): 0, ((letter, Fraction(1)),): 1, ((letter, Fraction(2)),): 2}
    if value.bottom != {(): Fraction(1)} or not value.top.keys() <= powers.keys():
        return None
    factors = {powers[monomial]: factor for monomial, factor in value.top.items()}
    return factors.get(0, Fraction(0)), factors.get(1, Fraction(0)), factors.get(2, Fraction(0))


def _solve_absolute(inside: Tree, sign: str, bound: Tree, letter: str) -> Region | None:
    """Between minus and plus the bound, or outside of it."""
    if sign == "!=":
        return None
    low, high = _solve(inside, FLIPPED[sign], ("minus", bound), letter), _solve(inside, sign, bound, letter)
    if low is None or high is None:
        return None
    return _join(low, high, sign)


def _join(low: Region, high: Region, sign: str) -> Region:
    """What both hold of for "less than", what either holds of for "greater than"."""
    return find_intersection(low, high) if sign in ("<", "<=") else order_pieces([*low.pieces, *high.pieces], low.name)


def _solve_quadratic(terms: tuple[Fraction, Fraction, Fraction], sign: str, letter: str) -> Region | None:
    constant, slope, square = terms
    within = slope * slope - 4 * square * constant
    if within <= 0 or sign == "!=":
        return None
    root: Tree = ("apply", "root", ("number", within), ("number", Fraction(2)))
    middle: Tree = ("number", -slope / (2 * square))
    half: Tree = ("over", root, ("number", abs(2 * square)))
    sign = FLIPPED[sign] if square < 0 else sign
    low, high = ("sum", middle, ("minus", half)), ("sum", middle, half)
    return _join(_bound(letter, FLIPPED[sign], low), _bound(letter, sign, high), sign)
