"""Intervals and their unions, written as such, as relations of one letter, or in words."""

from __future__ import annotations

import re
from dataclasses import replace

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import AnswerType, is_balanced, split_outside
from tasks.verify.answer_types.formulas import LETTER, find_infinity, list_alternatives, read_formula
from tasks.verify.answer_types.regions import (
    ALL,
    Piece,
    Region,
    Relation,
    compare_regions,
    exclude_points,
    order_pieces,
)
from tasks.verify.answer_types.relations import SIGN, read_relations

_UNION = re.compile(
    r"\\(?:big)?cup(?![a-z])|(?<=[\])])\s*U\s*(?=[\[(])|(?<=[\])])\s*(?:\u27e8\s*(?:or|and)\s*\u27e9|\bor\b|\band\b)\s*(?=[\[(])"
)
_IN = re.compile(
    rf"^({LETTER})\s*(?:\\in(?![a-z])|\u27e8?\s*\b(?:is |lies )?in(?: the interval)?\s*\u27e9?)\s*(?=[\[(\\])"
)
_ALL = re.compile(
    r"(?:for |holds for |true for |the set of )?(?:all|any|every)(?: (?:the )?(?:possible )?)? ?(?:real (?:numbers?|values?)|reals|numbers|real x)(?: x)?|\(?all reals?\)?|the real numbers|every real number"
)
_EXCEPT = re.compile(
    r"\u27e8?\s*all (?:real )?numbers,? (?:except|but|other than)(?: for)?\s*\u27e9?\s*(?:x\s*=\s*)?([^\u27e8\u27e9]+)",
    re.IGNORECASE,
)
_SET_BUILDER = re.compile(rf"^\\lbrace\s*({LETTER})\s*(?:\\in\s*\\reals\s*)?(?:\||:|\\mid|\\colon)\s*(.*)\\rbrace$")


def read_region(text: str) -> Region | Relation | None:
    """A set of real numbers, as intervals or as relations."""
    phrase = " ".join(re.sub("[\u27e8\u27e9]", " ", text).casefold().split())
    if text.strip() == "\\reals" or _ALL.fullmatch(phrase) or re.fullmatch(rf"{LETTER}\s*\\in\s*\\reals", text.strip()):
        return ALL
    if match := _EXCEPT.fullmatch(text):
        points = [tree for part in split_outside(match[1]) for tree in list_alternatives(read_formula(part).tree)]
        return exclude_points(points)
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
    if SIGN.search(text):
        return read_relations(text)
    return _read_union(text)


def _read_union(text: str, pairs: bool = False) -> Region | None:
    """Intervals, single points and all reals without some points; None where it is a plain tuple, or none of these."""
    if match := re.fullmatch(
        r"(\\reals|\(\s*-\s*\\infty\s*,\s*\+?\s*\\infty\s*\))\s*(?:\\setminus|\\backslash|-)\s*\\lbrace(.*)\\rbrace",
        text,
    ):
        points = [tree for part in split_outside(match[2]) for tree in list_alternatives(read_formula(part).tree)]
        return exclude_points(points)
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
    return order_pieces(pieces)


REGION = AnswerType("interval", "interval", read_region, compare_regions)
