"""Families with a free whole number (`π/6 + kπ`): the letter they are free in counts for nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import Sum, TooLarge, Undefined, make_number
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters, replace_letter
from tasks.verify.algebra.values import Value
from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding
from tasks.verify.answer_types.collection import Collection, read_collection
from tasks.verify.answer_types.formulas import Formula, compare_formulas, evaluate_exactly, read_formula

INTEGER = re.compile(
    r"[,;]?\s*\(?\s*(?:[,;]\s*)?\u27e8?\s*\(?(?:where|for(?: (?:all|any|every|some|each))?|with|such that)?\s*(?:integers?)?\s*\u27e9?\s*(?P<letter>[a-zA-Z])\s*"
    r"(?:\\in\s*\\integers|\u27e8?\s*(?:is|being|be)? ?(?:an?|any|some|in|belongs to)? ?(?:arbitrary )?(?:integers?|whole number|\\integers)\s*\)?\s*\u27e9?)\s*\)?$"
)
"""Says at the end of a family which letter stands for any whole number."""
_LETTERS = ("k", "n", "m", "l", "j", "K", "N", "M")
PI = (("pi", Fraction(1)),)


@dataclass(frozen=True)
class Family:
    """Values from a first one on, a period apart; of several, each with its own."""

    members: tuple[tuple[Tree, str], ...]
    """Formulas, and the letter that each is free in."""


def read_family(text: str) -> Family | None:
    """A family whose letter is declared, or follows from a period of π or of degrees."""
    match = INTEGER.search(text)
    declared = match["letter"] if match else ""
    body = text[: match.start()].rstrip(" ,;:(") if match else text
    if not declared and "\\pi" not in body and "\\degree" not in body:
        return None
    try:
        value = read_collection(body) or read_formula(body)
    except UnreadableFormula:
        if declared:
            raise
        return None
    parts = value.parts if isinstance(value, Collection) else (value,)
    members = []
    for part in parts:
        letter = declared or (_find_free_letter(part) if isinstance(part, Formula) else "")
        if not isinstance(part, Formula) or not letter or (isinstance(value, Collection) and value.ordered):
            if declared:
                raise UnreadableFormula(text)
            return None
        members.append((part.tree, letter))
    return Family(tuple(members))


def _find_free_letter(part: Formula) -> str:
    """The letter a formula is linear in, with a multiple of π or degrees as its period beside a first value of the same sort."""
    letters = list_letters(part.tree)
    letter = next(iter(letters)) if len(letters) == 1 else ""
    split = _split(part.tree, letter) if letter in _LETTERS else None
    if split is None:
        return ""
    first, period = split
    angles = all(set(side.top) == {PI} for side in (first, period) if side.top) or "degrees" in repr(part.tree)
    return letter if angles and first.top and period.rational() != 0 else ""


def _split(tree: Tree, letter: str) -> tuple[Value, Value] | None:
    """First value and period of a tree linear in a letter."""
    try:
        whole = evaluate_exactly(tree)
        if whole.bottom != make_number(1):
            return None
        first: Sum = {}
        period: Sum = {}
        for monomial, factor in whole.top.items():
            powers = dict(monomial)
            if letter not in powers:
                first[monomial] = factor
            elif powers.pop(letter) == 1:
                period[tuple(sorted(powers.items(), key=lambda item: repr(item[0])))] = factor
            else:
                return None
        return (Value(first), Value(period)) if period else None
    except (TooLarge, Undefined, RecursionError):
        return None


def compare_families(gold: Family, answer: Family) -> Finding:
    """The same first values within the period that all of them share."""
    splits = [[_split(tree, letter) for tree, letter in family.members] for family in (gold, answer)]
    if any(split is None for family_splits in splits for split in family_splits):
        return _compare_by_letter(gold, answer)
    periods = [split[1] for family_splits in splits for split in family_splits if split]
    scales = [_divide(period, periods[0]) for period in periods]
    if any(scale is None for scale in scales):
        return Finding(UNKNOWN, "family")
    common = lcm(*(abs(scale.numerator) for scale in scales if scale)) / Fraction(
        lcm(*(scale.denominator for scale in scales if scale))
    )
    shared = Fraction(lcm(*(abs((scale / common).numerator) for scale in scales if scale))) * common
    sets = []
    for family_splits in splits:
        members = set()
        for split in family_splits:
            if split is None:
                continue
            first, step = _divide(split[0], periods[0]), _divide(split[1], periods[0])
            if first is None or not step:
                return Finding(UNKNOWN, "family")
            count = abs(shared / step)
            if count.denominator != 1 or count > 1000:
                return Finding(UNKNOWN, "family")
            members |= {(first + at * step) % shared for at in range(int(count))}
        sets.append(members)
    return Finding("equal" if sets[0] == sets[1] else "different", "family", True)


def _divide(a: Value, b: Value) -> Fraction | None:
    """The rational ratio of two values."""
    return Fraction(0) if not a.top else (a * b.inverse()).rational()


def _compare_by_letter(gold: Family, answer: Family) -> Finding:
    if len(gold.members) != len(answer.members):
        return Finding(UNKNOWN, "family")
    results = [
        compare_formulas(Formula(tree), Formula(replace_letter(other, theirs, ("letter", letter))))
        for (tree, letter), (other, theirs) in zip(gold.members, answer.members)
    ]
    return Finding("equal", "family", True) if results.count("equal") == len(results) else Finding(UNKNOWN, "family")


FAMILY = AnswerType("family", "family", read_family, compare_families)
