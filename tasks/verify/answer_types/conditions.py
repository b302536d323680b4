"""Conditions of cases: ranges of a letter, what it leaves over by a modulus, in signs or in words, and what is otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import lcm

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import split_words
from tasks.verify.answer_types.formulas import INFINITY
from tasks.verify.answer_types.intervals import read_region
from tasks.verify.answer_types.regions import MINUS_INFINITY, Piece, Region, Relation, compare_regions

OTHERWISE = "otherwise"
_LETTER = r"(?P<letter>[a-zA-Z])"
_RESIDUES = tuple(
    (re.compile(pattern, re.IGNORECASE), rests, by)
    for pattern, rests, by in (
        (rf"{_LETTER} (?:is )?(?:an )?even(?: number| integer)?|even {_LETTER.replace('letter', 'behind')}", (0,), 2),
        (rf"{_LETTER} (?:is )?(?:an )?odd(?: number| integer)?|odd {_LETTER.replace('letter', 'behind')}", (1,), 2),
        (rf"{_LETTER} (?:is )?(?:divisible by|a multiple of) (?P<by>\d{{1,3}})", (0,), 0),
        (rf"(?P<by>\d{{1,3}}) (?:\||divides) {_LETTER}", (0,), 0),
        (
            rf"{_LETTER} (?:\\equiv|=) (?P<rests>\d+(?: ?(?:,|or) ?\d+)*) \(? ?\\?p?b?mod(?:ulo)? ?\{{? ?(?P<by>\d{{1,3}}) ?\}}? ?\)?",
            (),
            0,
        ),
        (rf"{_LETTER} = (?P<by>\d{{1,3}}) ?[a-zA-Z] ?(?:\+ ?(?P<rests>\d+))?", (), 0),
    )
)


@dataclass(frozen=True)
class Residues:
    """What a whole number leaves over by a modulus."""

    letter: str
    by: int
    rests: frozenset[int]


Condition = Region | Relation | Residues | str


def read_condition(text: str) -> Condition:
    """A condition by what it says; one that is not understood as its words."""
    phrase = " ".join(re.sub(r"[\u27e8\u27e9,.]", lambda sign: "," if sign[0] == "," else " ", text).split())
    for pattern, rests, by in _RESIDUES:
        if match := pattern.fullmatch(phrase):
            groups = match.groupdict()
            modulus = by or int(groups["by"])
            residues = (
                frozenset(int(rest) % modulus for rest in re.findall(r"\d+", groups.get("rests") or ""))
                if modulus
                else None
            )
            if residues is not None:
                letter = groups.get("letter") or groups.get("behind") or ""
                return Residues(letter, modulus, residues or frozenset(rests or (0,)))
    try:
        region = read_region(text)
    except UnreadableFormula:
        region = None
    return region or " ".join(split_words(text)) or text


def resolve_otherwise(conditions: list[Condition]) -> list[Condition]:
    """The conditions with what all but the last leave over in place of `otherwise`, where that is known."""
    if conditions.count(OTHERWISE) != 1:
        return conditions
    others = [condition for condition in conditions if condition != OTHERWISE]
    rest: Condition = OTHERWISE
    residues = [condition for condition in others if isinstance(condition, Residues)]
    if others and len(residues) == len(others) and len({condition.letter for condition in residues}) == 1:
        by = lcm(*(condition.by for condition in residues))
        left = frozenset(
            at for at in range(by) if not any(at % condition.by in condition.rests for condition in residues)
        )
        rest = Residues(residues[0].letter, by, left)
    if len(others) == 1 and isinstance(others[0], Region):
        rest = _complement(others[0]) or OTHERWISE
    return [rest if condition == OTHERWISE else condition for condition in conditions]


def _complement(region: Region) -> Region | None:
    """All numbers outside of a union of intervals."""
    if not region.ordered:
        return None
    pieces, low, closed = [], MINUS_INFINITY, False
    for piece in region.pieces:
        if piece.low != MINUS_INFINITY:
            pieces.append(Piece(low, piece.low, closed, not piece.closed_low))
        low, closed = piece.high, not piece.closed_high
    if low != INFINITY:
        pieces.append(Piece(low, INFINITY, closed, False))
    return Region(tuple(pieces), region.name) if pieces else None


def is_same_condition(a: Condition, b: Condition) -> bool:
    """Whether two conditions surely say the same."""
    if isinstance(a, Residues) and isinstance(b, Residues):
        by = lcm(a.by, b.by)
        return a.letter == b.letter and all((at % a.by in a.rests) == (at % b.by in b.rests) for at in range(by))
    if isinstance(a, Region | Relation) and isinstance(b, Region | Relation):
        return compare_regions(a, b).result == "equal"
    return a == b
