r"""The shape of an answer: one value, a set, a tuple, an interval, a matrix, an equation, a number in another base."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from tasks.verify.algebra.formula import Tree, formula
from tasks.verify.algebra.tokens import Unreadable
from tasks.verify.normalize import ROW, bare, tidy

PARTS = 64
"""Of a set, tuple or matrix."""
DOTS = ("dots",)
INFINITY = ("constant", "infinity")
LETTER = r"(?:[a-zA-Z]|\\[a-z]+)"
_NAMED = re.compile(
    rf"^({LETTER}(?:_\{{?\w+\}}?)?(?:\s*\(\s*{LETTER}\s*\))?)\s*(?:=|\\in(?![a-z])|:)\s*(?![=<>])(.+)$", re.DOTALL
)
_CALLED = re.compile(r"^[a-zA-Z][a-zA-Z' ]{2,60}\s*=\s*(.+)$", re.DOTALL)
_BASED = re.compile(
    r"^\(?(-?\s*[0-9A-F]+)\)?\s*_\s*\{?\s*(?:base\s*)?(\d{1,2})\s*\}?$|^(-?[0-9A-F]+)\s*\(?\s*(?:in )?base\s+(\d{1,2})\)?$"
)
_MATRIX = re.compile(r"^\\begin\s*\{([pbvBV]?matrix|array)\}(?:\s*\{[lcr| ]*\})?(.*)\\end\s*\{\1\}$", re.DOTALL)
_RELATION = re.compile(r"\\le(?![a-z])|\\ge(?![a-z])|<|>")
_UNION = re.compile(r"\\cup(?![a-z])|(?<=[\])])\s*U\s*(?=[\[(])")
_AND = re.compile(r"\s*,?\s*(?:\band\b|\bor\b)\s+|\s*;\s*")
_FLIPPED = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le"}


@dataclass(frozen=True)
class Shape:
    """What sort of thing an answer is, and the formulas in it."""

    kind: str
    """value, set, tuple, interval, matrix, equation, based, or empty."""
    parts: tuple[Tree, ...]
    """Its formulas; of a matrix row by row; of intervals lower and upper bounds in turn."""
    form: str = ""
    """Of tuples and intervals their brackets, of matrices their rows, of numbers in another base the base."""
    name: str = ""
    """The letter it is said to be the value of."""


def _split(text: str, separator: str = ",") -> list[str]:
    """A text cut at separators outside of brackets."""
    found, depth, begun = [], 0, 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == separator and depth == 0:
            found.append(text[begun:i])
            begun = i + 1
    return [*found, text[begun:]]


def _thousands(parts: list[str]) -> bool:
    """Whether commas between parts separate thousands."""
    return bool(re.fullmatch(r"-?\s*\d{1,3}", parts[0].strip())) and all(
        re.fullmatch(r"\d{3}(?:\.\d+)?\D{0,20}", part) for part in parts[1:]
    )


def _alternatives(tree: Tree) -> list[Tree]:
    """The trees that one with ± stands for, at most four."""
    found = _half(tree, False), _half(tree, True)
    return [found[0]] if found[0] == found[1] else list(found)


def _half(tree: Tree, lower: bool) -> Tree:
    if tree[0] == "either":
        return _half(tree[2 if lower else 1], lower)
    return tuple(_half(part, lower) if isinstance(part, tuple) else part for part in tree)


def _trees(parts: list[str]) -> tuple[Tree, ...]:
    if not 0 < len(parts) <= PARTS:
        raise Unreadable("too many parts")
    found: list[Tree] = []
    for part in parts:
        part = bare(part.replace("\\lbrace", "").replace("\\rbrace", "") if part.count("\\lbrace") == 0 else part)
        if part.strip() == "\\dots":
            found.append(DOTS)
            continue
        match = _NAMED.match(part)
        tree = formula(match[2] if match and not _RELATION.search(part) else part)
        found += _alternatives(tree)
    return tuple(found)


@lru_cache(maxsize=65_536)
def shape(answer: str) -> Shape:
    """The shape of an answer; raises `Unreadable`."""
    text = bare(tidy(answer))
    if not text:
        raise Unreadable("empty")
    return _shape(text, "")


def _shape(text: str, name: str) -> Shape:
    if (match := _BASED.match(text)) and 2 <= int(match[2] or match[4]) <= 36:
        digits = (match[1] or match[3]).replace(" ", "")
        return Shape("based", (("digits", digits),), match[2] or match[4], name)
    if match := _MATRIX.match(text):
        rows = [re.split(r"&", row) for row in match[2].split(ROW) if row.strip()]
        return Shape("matrix", _trees([cell for row in rows for cell in row]), "/".join(str(len(row)) for row in rows))
    if _RELATION.search(text):
        return _inequality(text)
    if not name and (match := _NAMED.match(text)) and "=" not in match[2]:
        return _shape(match[2].strip(), match[1].replace(" ", ""))
    if not name and (match := _CALLED.match(text)) and "=" not in match[1]:
        return _shape(bare(match[1]), "")
    if text.startswith("\\emptyset"):
        return Shape("empty", ())
    if text.startswith("\\lbrace") and text.endswith("\\rbrace"):
        inside = text[len("\\lbrace") : -len("\\rbrace")].strip()
        return Shape("set", _trees(_split(inside)), "", name) if inside else Shape("empty", ())
    pieces = _UNION.split(text)
    if len(pieces) > 1 or _INTERVAL.match(text):
        return _intervals(pieces, name)
    return _listed(text, name)


_INTERVAL = re.compile(r"^[\[(][^\[\]]*\\infty[^\[\]]*[\])]$|^\[[^,\[\]]+,[^,\[\]]+\)$|^\([^,\[\]()]+,[^,\[\]()]+\]$")


def _intervals(pieces: list[str], name: str) -> Shape:
    """One interval, or a union of them, in the order of the text."""
    parts: list[Tree] = []
    form = ""
    for piece in pieces:
        piece = piece.strip()
        if len(piece) < 2 or piece[0] not in "([" or piece[-1] not in ")]":
            raise Unreadable("no interval")
        ends = _split(piece[1:-1])
        if len(ends) != 2:
            raise Unreadable("no interval")
        parts += [formula(bare(end)) for end in ends]
        form += piece[0] + piece[-1]
    return Shape("interval", tuple(parts), form, name)


def _inequality(text: str) -> Shape:
    r"""`x > 3` and `-1 < x \le 2` as intervals."""
    sides = [side.strip() for side in _RELATION.split(text)]
    signs = _RELATION.findall(text)
    if len(sides) == 2:
        if re.fullmatch(LETTER, sides[1]):
            sides, signs = sides[::-1], [_FLIPPED[signs[0]]]
        if not re.fullmatch(LETTER, sides[0]):
            raise Unreadable("an inequality")
        bound, sign = formula(bare(sides[1])), signs[0]
        below: Tree = ("minus", INFINITY)
        if sign in (">", "\\ge"):
            return Shape("interval", (bound, INFINITY), ("(" if sign == ">" else "[") + ")", sides[0])
        return Shape("interval", (below, bound), "(" + (")" if sign == "<" else "]"), sides[0])
    if len(sides) != 3 or not re.fullmatch(LETTER, sides[1]):
        raise Unreadable("an inequality")
    if signs[0] in (">", "\\ge"):
        sides, signs = sides[::-1], [_FLIPPED[sign] for sign in signs[::-1]]
    if any(sign in (">", "\\ge") for sign in signs):
        raise Unreadable("an inequality")
    form = ("(" if signs[0] == "<" else "[") + (")" if signs[1] == "<" else "]")
    return Shape("interval", (formula(bare(sides[0])), formula(bare(sides[2]))), form, sides[1])


def _listed(text: str, name: str) -> Shape:
    """A tuple in brackets, a set written as a list, an equation, or one value."""
    if text[0] in "([" and text[-1] in ")]" and _closes(text):
        inside = _split(text[1:-1].replace("'", "").replace('"', ""))
        if len(inside) > 1 and not (_thousands(inside) and len(inside[1]) > 3):
            return Shape("tuple", _trees(inside), text[0] + text[-1], name)
    parts = [part for piece in _AND.split(text) for part in ([piece] if _thousands(_split(piece)) else _split(piece))]
    parts = [part for part in parts if part.strip()]
    if len(parts) > 1:
        return _several(parts, name)
    if "=" in text:
        sides = text.split("=")
        left = formula(bare(sides[0]))
        right = formula(bare(sides[-1]))
        if len(sides) > 2 or (left[0] not in ("letter", "number") and _closed(left)):
            return Shape("value", (right,), "", name)  # a calculation: what stands last
        return Shape("equation", (left, right), "", name)
    found = _trees([text])
    return Shape("value" if len(found) == 1 else "set", found, "", name)


def _several(parts: list[str], name: str) -> Shape:
    """Values side by side: a set; with dots the order counts; tuples and bracketed things are beyond us."""
    trees = _trees(parts)
    return Shape("tuple" if DOTS in trees else "set", trees, "…" if DOTS in trees else "", name)


def _closes(text: str) -> bool:
    """Whether the first bracket of a text is closed by its last sign."""
    depth = 0
    for i, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if depth == 0:
            return i == len(text) - 1
    return False


def _closed(tree: Tree) -> bool:
    """Whether a formula holds no letter."""
    return tree[0] != "letter" and all(_closed(part) for part in tree if isinstance(part, tuple))
