"""Sets of real numbers: unions of intervals, and relations that say nothing of a single letter."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from fractions import Fraction

from tasks.verify.algebra.bounds import bound_rationally
from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import TooLarge, Undefined
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types.base import UNKNOWN, Finding, combine_findings
from tasks.verify.answer_types.formulas import (
    INFINITY,
    Formula,
    compare_formulas,
    compare_trees,
    evaluate_exactly,
    find_infinity,
)

MINUS_INFINITY: Tree = ("minus", INFINITY)
FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}


@dataclass(frozen=True)
class Piece:
    """One interval; its ends are trees."""

    low: Tree
    high: Tree
    closed_low: bool
    closed_high: bool


@dataclass(frozen=True)
class Region:
    """A union of intervals, in order where that is known."""

    pieces: tuple[Piece, ...]
    name: str = ""
    ordered: bool = True


ALL = Region((Piece(MINUS_INFINITY, INFINITY, False, False),))


@dataclass(frozen=True)
class Relation:
    """Sides with the signs between them, that say nothing of a single letter alone."""

    sides: tuple[Tree, ...]
    signs: tuple[str, ...]


def as_region(brackets: str, low: Tree, high: Tree) -> Region:
    """A pair in brackets as an interval."""
    return Region((Piece(low, high, brackets[0] == "[", brackets[-1] == "]"),))


def exclude_points(points: list[Tree]) -> Region:
    """All real numbers but some points; raises where it is not known where one of them lies."""
    if not all(_locate(point) is not None for point in points):
        raise UnreadableFormula("points without a place")
    ordered = sorted(points, key=lambda point: _locate(point) or Fraction(0))
    bounds = [MINUS_INFINITY, *ordered, INFINITY]
    return Region(tuple(Piece(low, high, False, False) for low, high in itertools.pairwise(bounds)))


def _locate(tree: Tree) -> Fraction | None:
    """Where a bound lies, closely enough to put bounds in order."""
    if find_infinity(tree):
        return Fraction(find_infinity(tree) * 10**30)
    if list_letters(tree):
        return None
    try:
        low, high = bound_rationally(tree)
    except (ArithmeticError, ValueError, TypeError, NotImplementedError, AttributeError):
        return None
    return (low + high) / 2


def order_pieces(pieces: list[Piece], name: str = "") -> Region:
    """The union of intervals, in order where that is known, those that touch made one."""
    ends = [(_locate(piece.low), _locate(piece.high)) for piece in pieces]
    places = [(low, high) for low, high in ends if low is not None and high is not None]
    if len(places) < len(pieces):
        return Region(tuple(pieces), name, ordered=len(pieces) == 1)
    for (low, high), piece in zip(places, pieces):
        if low > high:
            raise UnreadableFormula(f"an interval from {piece.low} down")
    order = sorted(range(len(pieces)), key=lambda at: (places[at][0], not pieces[at].closed_low, places[at][1]))
    merged: list[Piece] = []
    for at in order:
        piece = pieces[at]
        if merged and _touch(merged[-1], piece):
            last = merged.pop()
            further = (_locate(piece.high), piece.closed_high) > (_locate(last.high), last.closed_high)
            piece = replace(last, high=piece.high, closed_high=piece.closed_high) if further else last
        merged.append(piece)
    return Region(tuple(merged), name)


def _touch(left: Piece, right: Piece) -> bool:
    """Whether two intervals in order have no gap between them."""
    if compare_trees(left.high, right.low) == "equal":
        return left.closed_high or right.closed_low
    return (_locate(right.low) or 0) < (_locate(left.high) or 0)


def is_apart(a: Region, b: Region) -> bool:
    """Whether two regions have nothing in common, so that "x < -1, x > 3" means either."""
    return not _find_shared_pieces(a, b)


def _find_shared_pieces(region: Region, other: Region) -> list[Piece]:
    if region.name != other.name:
        raise UnreadableFormula("relations of several letters")
    pieces = []
    for a in region.pieces:
        for b in other.pieces:
            ends = [_locate(end) for end in (a.low, b.low, a.high, b.high)]
            places = [end for end in ends if end is not None]
            if len(places) < len(ends):
                raise UnreadableFormula("bounds without a place")
            low = max((places[0], not a.closed_low, a), (places[1], not b.closed_low, b), key=lambda end: end[:2])
            high = min((places[2], a.closed_high, a), (places[3], b.closed_high, b), key=lambda end: end[:2])
            closed_low, closed_high = low[2].closed_low, high[2].closed_high
            if low[0] < high[0] or (low[0] == high[0] and closed_low and closed_high):
                pieces.append(Piece(low[2].low, high[2].high, closed_low, closed_high))
    return pieces


def find_intersection(a: Region, b: Region) -> Region:
    """The numbers that lie in both."""
    return order_pieces(_find_shared_pieces(a, b), a.name)


def compare_regions(gold: Region | Relation, answer: Region | Relation) -> Finding:
    """Interval by interval, ends and whether they belong to it."""
    if isinstance(gold, Relation) or isinstance(answer, Relation):
        if not isinstance(gold, Relation) or not isinstance(answer, Relation):
            return Finding("other type", "relation")  # one is not solved
        return _compare_relations(gold, answer)
    if gold.name and answer.name and gold.name != answer.name:
        return Finding("other letter", "relation")
    rule = "relation" if gold.name else "interval"
    if not (gold.ordered and answer.ordered):
        return Finding("equal", rule, True) if set(gold.pieces) == set(answer.pieces) else Finding(UNKNOWN, rule)
    if len(gold.pieces) != len(answer.pieces):
        return Finding("different", rule, True)
    results = []
    for a, b in zip(gold.pieces, answer.pieces):
        results += [
            compare_formulas(Formula(a.low), Formula(b.low)),
            compare_formulas(Formula(a.high), Formula(b.high)),
        ]
        if (a.closed_low, a.closed_high) != (b.closed_low, b.closed_high):
            results.append("different")
    return combine_findings(results, rule)


def _compare_relations(gold: Relation, answer: Relation) -> Finding:
    if gold.signs == answer.signs:
        results = [compare_trees(a, b) for a, b in zip(gold.sides, answer.sides)]
        if results.count("equal") == len(results):
            return Finding("equal", "relation", True)
    if len(gold.signs) == len(answer.signs) == 1:
        try:
            gold_value, answer_value = (
                evaluate_exactly(relation.sides[0]) + -evaluate_exactly(relation.sides[1])
                for relation in (gold, answer)
            )
            ratios = (
                {gold_value.top[key] / answer_value.top[key] for key in gold_value.top}
                if gold_value.top.keys() == answer_value.top.keys() and gold_value.bottom == answer_value.bottom
                else set()
            )
        except (TooLarge, Undefined, RecursionError):
            return Finding(UNKNOWN, "relation")
        if len(ratios) == 1:
            sign = answer.signs[0] if ratios.pop() > 0 else FLIPPED[answer.signs[0]]
            return Finding("equal" if sign == gold.signs[0] else "different", "relation", True)
    return Finding("different", "relation", False)
