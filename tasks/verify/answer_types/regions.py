"""Sets of real numbers: intervals and their unions, what relations of one letter say, all real numbers."""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from fractions import Fraction

from tasks.verify.algebra.bounds import bound_rationally
from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import TooLarge, Undefined
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding, combine_findings, is_balanced, split_outside
from tasks.verify.answer_types.formulas import (
    INFINITY,
    LETTER,
    Formula,
    compare_formulas,
    compare_trees,
    evaluate_exactly,
    find_infinity,
    list_alternatives,
    read_formula,
)

MINUS_INFINITY: Tree = ("minus", INFINITY)
_SIGN = re.compile(r"\\le(?![a-zA-Z])|\\ge(?![a-zA-Z])|\\ne(?:q)?(?![a-zA-Z])|<|>")
_SIGNS = {"<": "<", ">": ">", "\\le": "<=", "\\ge": ">=", "\\ne": "!=", "\\neq": "!="}
_FLIPPED = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "!=": "!="}
_UNION = re.compile(
    r"\\(?:big)?cup(?![a-z])|(?<=[\])])\s*U\s*(?=[\[(])|(?<=[\])])\s*(?:\u27e8\s*(?:or|and)\s*\u27e9|\bor\b|\band\b)\s*(?=[\[(])"
)
_IN = re.compile(
    rf"^({LETTER})\s*(?:\\in(?![a-z])|\u27e8?\s*\b(?:is |lies )?in(?: the interval)?\s*\u27e9?)\s*(?=[\[(\\])"
)
_OR = re.compile(r"\s*,?\s*(?:\u27e8\s*or\s*\u27e9|\bor\b|\\lor(?![a-z])|\\vee(?![a-z]))\s*")
_AND = re.compile(r"\s*(?:,\s*)?(?:\u27e8\s*and\s*\u27e9|\band\b|\\land(?![a-z])|\\wedge(?![a-z])|,)\s*")
_ALL = re.compile(
    r"(?:for |holds for |true for |the set of )?(?:all|any|every)(?: (?:the )?(?:possible )?)? ?(?:real (?:numbers?|values?)|reals|numbers|real x)(?: x)?|\(?all reals?\)?|the real numbers|every real number"
)
_SET_BUILDER = re.compile(rf"^\\lbrace\s*({LETTER})\s*(?:\\in\s*\\reals\s*)?(?:\||:|\\mid|\\colon)\s*(.*)\\rbrace$")


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


def read_region(text: str) -> Region | Relation | None:
    """A set of real numbers, as intervals or as relations."""
    phrase = " ".join(re.sub("[\u27e8\u27e9]", " ", text).casefold().split())
    if text.strip() == "\\reals" or _ALL.fullmatch(phrase) or re.fullmatch(rf"{LETTER}\s*\\in\s*\\reals", text.strip()):
        return ALL
    if match := _SET_BUILDER.match(text):
        inner = read_region(match[2].strip())
        if isinstance(inner, Region) and inner.name in ("", match[1]):
            return replace(inner, name="")
        raise UnreadableFormula(text)
    if match := _IN.match(text):
        region = _read_union(text[match.end() :].strip(), pairs=True)
        if region is None:
            if text[match.end() :].strip().startswith("\\lbrace"):
                return None
            raise UnreadableFormula(text)
        return replace(region, name=match[1])
    if _SIGN.search(text):
        return _read_relations(text)
    return _read_union(text)


def _read_union(text: str, pairs: bool = False) -> Region | None:
    """Intervals, single points and all reals without some points; None where it is a plain tuple, or none of these."""
    if match := re.fullmatch(
        r"(\\reals|\(\s*-\s*\\infty\s*,\s*\+?\s*\\infty\s*\))\s*(?:\\setminus|\\backslash|-)\s*\\lbrace(.*)\\rbrace",
        text,
    ):
        points = [tree for part in split_outside(match[2]) for tree in list_alternatives(read_formula(part).tree)]
        return _exclude_points(points)
    pieces: list[Piece] = []
    parts = _UNION.split(text)
    for part in parts:
        part = part.strip()
        if part == "\\reals":
            return ALL
        if part.startswith("\\lbrace") and part.endswith("\\rbrace") and len(parts) > 1:
            points = [
                tree for point in split_outside(part[7:-7]) for tree in list_alternatives(read_formula(point).tree)
            ]
            pieces += [Piece(point, point, True, True) for point in points]
            continue
        cut = (
            split_outside(part[1:-1])
            if len(part) > 2 and part[0] in "([" and part[-1] in ")]" and is_balanced(part[1:-1])
            else []
        )
        if len(cut) != 2:
            if len(parts) > 1:
                raise UnreadableFormula(part)
            return None
        low, high = (read_formula(end).tree for end in cut)
        plain = (
            not pairs
            and len(parts) == 1
            and part[0] + part[-1] in ("()", "[]")
            and not find_infinity(low)
            and not find_infinity(high)
        )
        if plain:
            return None  # a tuple, which `as_region` takes for an interval beside one
        pieces.append(Piece(low, high, part[0] == "[", part[-1] == "]"))
    return _order_pieces(pieces)


def as_region(brackets: str, low: Tree, high: Tree) -> Region:
    """A pair in brackets as an interval."""
    return Region((Piece(low, high, brackets[0] == "[", brackets[-1] == "]"),))


def _exclude_points(points: list[Tree]) -> Region:
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


def _order_pieces(pieces: list[Piece], name: str = "") -> Region:
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


def _read_relations(text: str) -> Region | Relation | None:
    """Relations joined by "or" and "and"."""
    choices = [part for part in _OR.split(text) if part.strip()]
    regions: list[Region] = []
    for choice in choices:
        parts = [part for part in _AND.split(choice) if part.strip()]
        if not all(_SIGN.search(part) for part in parts):
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
                _intersect(region, other)
                if not _are_apart(region, other)
                else _order_pieces([*region.pieces, *other.pieces], region.name)
            )
        regions.append(region)
    if len({region.name for region in regions}) > 1:
        raise UnreadableFormula(text)
    return _order_pieces([piece for region in regions for piece in region.pieces], regions[0].name)


def _are_apart(a: Region, b: Region) -> bool:
    """Whether two regions have nothing in common, so that "x < -1, x > 3" means either."""
    try:
        return not _intersect_regions(a, b)
    except TypeError:
        raise UnreadableFormula("relations of several letters") from None


def _intersect_regions(region: Region, other: Region) -> list[Piece]:
    if region.name != other.name:
        raise UnreadableFormula("relations of several letters")
    pieces = []
    for a in region.pieces:
        for b in other.pieces:
            low = max((a.low, a.closed_low), (b.low, b.closed_low), key=lambda end: (_locate(end[0]), not end[1]))
            high = min((a.high, a.closed_high), (b.high, b.closed_high), key=lambda end: (_locate(end[0]), end[1]))
            from_, to = _locate(low[0]), _locate(high[0])
            if from_ < to or (from_ == to and low[1] and high[1]):  # type: ignore[operator]
                pieces.append(Piece(low[0], high[0], low[1], high[1]))
    return pieces


def _intersect(a: Region, b: Region) -> Region:
    return _order_pieces(_intersect_regions(a, b), a.name)


def _read_relation(text: str) -> Region | Relation:
    r"""`x > 5`, `-1 < x \\le 2`, `-x > -1`; what no single letter's bounds say stays a relation."""
    sides = [read_formula(side).tree for side in _SIGN.split(text)]
    signs = [_SIGNS[sign] for sign in _SIGN.findall(text)]
    if any(tree[0] == "either" for tree in sides) and signs != ["!="]:
        raise UnreadableFormula(text)
    if len(sides) == 2 and signs == ["!="] and sides[0][0] == "letter":
        return replace(_exclude_points(list_alternatives(sides[1])), name=sides[0][1])
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
            sides, signs = sides[::-1], [_FLIPPED[sign] for sign in signs[::-1]]
        if all(sign in ("<", "<=") for sign in signs):
            return _order_pieces([Piece(sides[0], sides[2], signs[0] == "<=", signs[1] == "<=")], sides[1][1])
    if signs and all(sign in (">", ">=") for sign in signs):
        sides, signs = sides[::-1], [_FLIPPED[sign] for sign in signs[::-1]]
    return Relation(tuple(sides), tuple(signs))


def _solve(left: Tree, sign: str, right: Tree, letter: str) -> Region | None:
    """The numbers of which a relation linear in a letter holds."""
    if right == ("letter", letter) and letter not in list_letters(left):
        left, right, sign = right, left, _FLIPPED[sign]
    bound: Tree = right
    if left != ("letter", letter):
        try:
            apart = evaluate_exactly(left) + -evaluate_exactly(right)
            if apart.bottom != evaluate_exactly(("number", Fraction(1))).top:
                return None
            slope = apart.top.get(((letter, Fraction(1)),))
            rest = {monomial: factor for monomial, factor in apart.top.items() if monomial != ((letter, Fraction(1)),)}
        except (TooLarge, Undefined, RecursionError):
            return None
        if (
            slope is None
            or any(letter == name for monomial in rest for name, _ in monomial)
            or any(monomial for monomial in rest)
        ):
            return None
        constant = rest.get((), Fraction(0))
        bound = ("number", -constant / slope)
        sign = _FLIPPED[sign] if slope < 0 else sign
    if sign == "!=":
        return replace(_exclude_points([bound]), name=letter)
    if sign in ("<", "<="):
        return Region((Piece(MINUS_INFINITY, bound, False, sign == "<="),), letter)
    return Region((Piece(bound, INFINITY, sign == ">=", False),), letter)


def compare_regions(gold: Region | Relation, answer: Region | Relation) -> Finding:
    """Interval by interval, ends and whether they belong to it."""
    if isinstance(gold, Relation) or isinstance(answer, Relation):
        if not isinstance(gold, Relation) or not isinstance(answer, Relation):
            return Finding(UNKNOWN, "relation")
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
            sign = answer.signs[0] if ratios.pop() > 0 else _FLIPPED[answer.signs[0]]
            return Finding("equal" if sign == gold.signs[0] else "different", "relation", True)
    return Finding("different", "relation", False)


REGION = AnswerType("interval", "interval", read_region, compare_regions)
