"""Whether two answers are the same: exactly where arithmetic settles it, by certified bounds, or not at all.

`settled` marks what exact arithmetic or certified bounds have proved about
answers of one shape; what merely looks different is not settled, and a second
opinion is asked.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tasks.verify.algebra.bounds import different
from tasks.verify.algebra.exact import difference, value_of
from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import TooLarge, Undefined, free
from tasks.verify.algebra.tokens import Unreadable
from tasks.verify.algebra.values import Value
from tasks.verify.structure import DOTS, INFINITY, Shape, shape


@dataclass(frozen=True)
class Finding:
    """What a comparison came to."""

    said: str
    """equal, different, or why neither can be said."""
    rule: str
    """One of `tables.COMPARISON_RULES`."""
    settled: bool = False
    """Whether it is proved."""


UNKNOWN = "not settled"


@lru_cache(maxsize=65_536)
def _value(tree: Tree) -> Value:
    return value_of(tree)


def same_tree(a: Tree, b: Tree) -> str:
    """equal, different, too large, or not settled."""
    if a == b:
        return "equal"
    endless = [_infinite(tree) for tree in (a, b)]
    if any(endless):
        return "equal" if endless[0] == endless[1] else "different"
    if DOTS in (a, b):
        return UNKNOWN
    try:
        apart = difference(_value(a), _value(b))
    except TooLarge:
        return "different" if different(a, b) else "too large"
    except (Undefined, RecursionError, ZeroDivisionError):
        return UNKNOWN
    if not apart:
        return "equal"
    if free(apart) or different(a, b):
        return "different"
    return UNKNOWN


def _infinite(tree: Tree) -> int:
    """1 and -1 of the infinities, 0 of all else."""
    if tree == INFINITY:
        return 1
    if tree[0] == "minus" and len(tree) == 2:
        return -_infinite(tree[1])
    return 0


def same(gold: str, answer: str) -> Finding:
    """Whether two answers are the same thing."""
    try:
        wanted = shape(gold)
    except (Unreadable, RecursionError, ValueError):
        return Finding("gold unparsable", "expression")
    try:
        found = shape(answer)
    except (Unreadable, RecursionError, ValueError):
        return Finding("unparsable", "expression")
    return _same_shapes(wanted, found)


def _same_shapes(wanted: Shape, found: Shape) -> Finding:
    kinds = wanted.kind, found.kind
    if kinds == ("value", "value"):
        return _judged([same_tree(wanted.parts[0], found.parts[0])], "expression")
    if wanted.kind == found.kind and wanted.kind in ("tuple", "matrix", "interval"):
        return _in_order(wanted, found)
    if wanted.kind == found.kind == "set":
        return _in_any_order(wanted.parts, found.parts)
    if wanted.kind == found.kind == "equation":
        return _equations(wanted, found)
    if "based" in kinds:
        return _based(wanted, found)
    if kinds == ("empty", "empty"):
        return Finding("equal", "set", True)
    if "empty" in kinds and ("set" in kinds or "value" in kinds):
        return Finding("different", "set", True)
    if set(kinds) == {"set", "value"}:
        return _one_of_several(wanted, found)
    if set(kinds) == {"equation", "value"}:
        return _said_to_be(wanted, found)
    if set(kinds) == {"tuple", "interval"} and len(wanted.parts) == len(found.parts) == 2:
        said = [same_tree(a, b) for a, b in zip(wanted.parts, found.parts)]
        return _judged([*said, "equal" if wanted.form == found.form else "different"], "interval")
    if set(kinds) == {"tuple", "set"}:
        found_set = _in_any_order(wanted.parts, found.parts)
        return Finding(found_set.said, "set", False)
    return Finding("different", "expression", False)


def _judged(said: list[str], rule: str, sure: bool = True) -> Finding:
    """All must be equal; one that surely differs is enough."""
    if "different" in said:
        return Finding("different", rule, sure)
    doubts = [one for one in said if one != "equal"]
    return Finding(doubts[0], rule) if doubts else Finding("equal", rule, sure)


def _in_order(wanted: Shape, found: Shape) -> Finding:
    rule = wanted.kind
    dotted = DOTS in wanted.parts or DOTS in found.parts
    if dotted:
        last = same_tree(wanted.parts[-1], found.parts[-1])
        if wanted.parts == found.parts:
            return Finding("equal", rule, True)
        return Finding("different", rule, True) if last == "different" else Finding(UNKNOWN, rule)
    said = ["equal" if len(wanted.parts) == len(found.parts) else "different"]
    if said == ["equal"]:
        said = [same_tree(a, b) for a, b in zip(wanted.parts, found.parts)]
    if "different" not in said and wanted.form != found.form:
        # (1, 2) and [1, 2] may be lists in two dresses, or an open and a closed interval
        return Finding(UNKNOWN if rule == "tuple" else "different", rule, rule != "tuple")
    return _judged(said, rule)


def _in_any_order(wanted: tuple[Tree, ...], found: tuple[Tree, ...]) -> Finding:
    """Sets: each of either has its like in the other."""
    said = []
    for some, others in ((wanted, found), (found, wanted)):
        for one in some:
            replies = {same_tree(one, other) for other in others}
            if "equal" in replies:
                continue
            said.append("different" if replies <= {"different"} else UNKNOWN)
    return _judged(said, "set")


def _one_of_several(wanted: Shape, found: Shape) -> Finding:
    """A value beside a set: a set with gold among its members does not say which is meant."""
    finding = _in_any_order(wanted.parts, found.parts)
    if finding.said == "different" and found.kind == "set":
        replies = {same_tree(wanted.parts[0], part) for part in found.parts}
        if "equal" in replies:
            return Finding("several answers", "set")
        return Finding("different", "set", True) if replies == {"different"} else Finding(UNKNOWN, "set")
    return finding


def _equations(wanted: Shape, found: Shape) -> Finding:
    """Equations are the same where one is a multiple of the other, or says the same of a letter."""
    try:
        one, other = (_value(shaped.parts[0]) + -_value(shaped.parts[1]) for shaped in (wanted, found))
        if not one.top or not other.top:
            return Finding("equal" if not one.top and not other.top else "different", "equation", False)
        ratio = Value(one.top, other.top).rational() if len(other.top) == 1 else _ratio(one, other)
    except (TooLarge, Undefined):
        return Finding(UNKNOWN, "equation")
    if ratio:
        return Finding("equal", "equation", True)
    return Finding("different", "equation", False)


def _ratio(one: Value, other: Value) -> Fraction | None:
    """The number by which all terms of one are those of the other."""
    if one.top.keys() != other.top.keys():
        return None
    ratios = {one.top[monomial] / other.top[monomial] for monomial in one.top}
    return ratios.pop() if len(ratios) == 1 else None


def _said_to_be(wanted: Shape, found: Shape) -> Finding:
    """An equation beside a value: `y = 2x + 1` beside `2x + 1`."""
    equation, value = (wanted, found) if wanted.kind == "equation" else (found, wanted)
    left, right = equation.parts
    if len(value.name) == 1:
        return _equations(equation, Shape("equation", (("letter", value.name), value.parts[0])))
    for side, other in ((left, right), (right, left)):
        if side[0] == "letter":
            return _judged([same_tree(other, value.parts[0])], "equation", sure=False)
    return Finding("different", "equation", False)


def _based(wanted: Shape, found: Shape) -> Finding:
    """Numbers in another base; one without its base is read in the other's where its digits are the same."""
    values = [_in_base(shaped) for shaped in (wanted, found) if shaped.kind == "based"]
    if wanted.kind == found.kind:
        equal = values[0] is not None and values[0] == values[1]
        return Finding("equal" if equal else "different", "base", True)
    based, plain = (wanted, found) if wanted.kind == "based" else (found, wanted)
    try:
        value = _value(plain.parts[0]).rational() if plain.kind == "value" else None
    except (TooLarge, Undefined):
        value = None
    if value is None:
        return Finding(UNKNOWN, "base")
    if str(value) == based.parts[0][1]:
        return Finding("equal", "base", True)
    return Finding("base unclear", "base") if value == values[0] else Finding("different", "base", True)


def _in_base(shaped: Shape) -> int | None:
    """The value of digits in a base; None where one of them is no digit of it."""
    try:
        return int(shaped.parts[0][1], int(shaped.form))
    except ValueError:
        return None
