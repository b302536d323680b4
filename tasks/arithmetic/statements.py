"""The statements of a text: every equation and relation in it, read side by side; the one grammar of equations.

Each side is a formula, words that name what has a value, or a formula that
cannot be read, with what stands in the way. What is taken from a statement is
its reader's to say: equations beyond doubt (`tasks.arithmetic.equations`), the
calculations of a whole solution (`tasks.arithmetic.calculation_paths`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from tasks.arithmetic.expressions import Tree
from tasks.arithmetic.formula_reader import UNIT_WORDS, FormulaReader, UnreadFormula
from tasks.arithmetic.signs import read_signs
from tasks.arithmetic.tokens import Token

_PART = frozenset(
    [
        "number",
        "name",
        "operator",
        "open",
        "close",
        "power",
        "root",
        "fraction",
        "index",
        "degree",
        "factorial",
        "unread",
    ]
)
_NAME_WORDS = 6


class Side(NamedTuple):
    """What stands on one side of a sign of relation."""

    tree: Tree | None = None
    """The formula; None where there is none, or it is not read."""
    signs: tuple[Token, ...] = ()
    """The signs that it was read from, in order, units among them."""
    words: str = ""
    """The words that stand for it, or before it."""
    operand: str = ""
    """The words that are its first operand: "the rest - 5"; a name in the formula."""
    fault: str = ""
    """Why it is not read, or not all of it: the first of several values."""
    in_words: bool = False
    """Whether words in it are the reason."""
    certain: bool = False
    """Whether it and what it stands beside can be read in no other way."""
    unit: str = ""
    """The word behind it."""

    @property
    def currency(self) -> str:
        """The sign of money before its numbers; empty where none has one."""
        return next((sign.currency for sign in self.signs if sign.currency), "")


class Statement(NamedTuple):
    """Two sides and the sign of relation between them."""

    left: Side
    relation: Token
    """Its value is `=`, `<`, `>`, `<=`, `>=` or `!=`; what is about equal is equal."""
    right: Side
    continues: bool
    """Whether its left side is the right side of the statement before."""


@lru_cache(maxsize=256)  # the steps of a solution are looked at again and again
def read_statements(text: str) -> tuple[Statement, ...]:
    """The statements of a text, in order; places are those of the text.

    Args:
        text: A step, or a whole solution as `spell_formulas` leaves it.

    Returns:
        One for each sign of relation.

    """
    signs = read_signs(text)
    return tuple(statement for chain in _list_chains(signs) for statement in _read_chain(signs, chain))


def _list_chains(signs: Sequence[Token]) -> Iterator[list[int]]:
    """The signs of relation that belong together: a = b = c."""
    chain: list[int] = []
    for at, sign in enumerate(signs):
        if sign.kind != "relation":
            continue
        if chain and not _spans_between(signs, chain[-1] + 1, at):
            yield chain
            chain = []
        chain.append(at)
    if chain:
        yield chain


def _spans_between(signs: Sequence[Token], start: int, end: int) -> bool:
    """Whether what stands between two signs of relation is one formula (or nothing), with the words of a unit."""
    if start == end:
        return True
    words = sum(sign.kind == "word" for sign in signs[start:end])
    inner = signs[start + 1 : end]
    if words > UNIT_WORDS or any(sign.kind in ("stop", "comma") or sign.breaks for sign in inner):
        return False
    reader = FormulaReader(signs, start, end)
    try:
        reader.read()
    except UnreadFormula:
        return all(sign.kind != "word" for sign in signs[start:end])
    return all(sign.kind == "word" for sign in signs[reader.at : end])


def _read_chain(signs: Sequence[Token], chain: Sequence[int]) -> Iterator[Statement]:
    left = _read_left(signs, chain[0])
    for at, after in pairwise(chain):
        right = _read_whole(signs, at + 1, after) if at + 1 < after else Side()
        yield Statement(left, signs[at], right, at != chain[0])
        left = right
    yield Statement(left, signs[chain[-1]], _read_right(signs, chain[-1] + 1), len(chain) > 1)


def _read_whole(signs: Sequence[Token], start: int, end: int) -> Side:
    """A formula that must go on to the end, the words of a unit aside."""
    reader = FormulaReader(signs, start, end)
    try:
        tree = reader.read()
    except UnreadFormula as error:
        return Side(fault=str(error) or "a formula")
    rest = signs[reader.at : end]
    if any(sign.kind != "word" for sign in rest):
        return Side(fault=str(rest[0].value))
    return _make_side(signs, tree, start, reader.at)


def _make_side(signs: Sequence[Token], tree: Tree, start: int, end: int) -> Side:
    own = tuple(signs[start:end])
    before, after = signs[start - 1] if start else None, signs[end] if end < len(signs) else None
    certain = all(sign.certain for sign in own) and (after is None or after.certain)
    if before is not None and certain and not signs[start].breaks:
        certain = before.kind == "relation" or (before.certain and before.kind != "number")
    unit = str(after.value) if after is not None and after.kind == "word" and not after.breaks else ""
    return Side(tree, own, certain=certain, unit=unit)


def _read_left(signs: Sequence[Token], end: int) -> Side:
    """The formula before a sign of relation, or the words that name what has the value."""
    start = _drop_open_brackets(signs, _find_left(signs, end), end)
    words = _read_name(signs, start)
    if start == end:
        return Side(words=words)
    touching = start + 1 < end and signs[start + 1].start == signs[start].end and _is_apart(signs, start)
    if signs[start].kind == "operator" and not (signs[start].value == "-" and (touching or not words)):
        return _read_named_operand(signs, start, end, words)
    if signs[start].kind == "operator" and start + 1 < end and signs[start + 1].start > signs[start].end:
        start += 1  # a bullet
    if not any(sign.kind in ("number", "name", "unread") for sign in signs[start:end]):
        return Side(words=words)
    return _read_whole(signs, start, end)


def _find_left(signs: Sequence[Token], end: int) -> int:
    """Where the signs begin that may be a formula before a sign of relation."""
    start = end
    while (start and not signs[start].breaks) or (start == end and start):
        sign = signs[start - 1]
        if sign.kind == "word":
            first = start - 1
            while first and signs[first - 1].kind == "word" and start - first < UNIT_WORDS and not signs[first].breaks:
                first -= 1
            unit = first and signs[first - 1].kind in ("number", "close", "degree") and not signs[first].breaks
            operand = start < end and signs[start].kind not in ("operator", "close")
            if not unit or operand:
                break
            start = first
        elif sign.kind in _PART and not _ends_label(signs, start, end):
            start -= 1
        else:
            break
    return start


def _is_apart(signs: Sequence[Token], at: int) -> bool:
    """Whether there is a gap before a sign."""
    return at == 0 or signs[at - 1].end < signs[at].start


def _ends_label(signs: Sequence[Token], at: int, end: int) -> bool:
    """Whether a bracket is the end of a label: that of 1) or (a)."""
    if at == end or signs[at - 1].kind != "close" or signs[at].start == signs[at - 1].end:
        return False
    return signs[at].kind in ("number", "open")


def _read_named_operand(signs: Sequence[Token], start: int, end: int, words: str) -> Side:
    """A formula whose first operand is words."""
    if not any(sign.kind == "number" for sign in signs[start:end]):
        return Side(words=words or "a formula")  # words alone, of which the next side says the numbers
    if not words:
        return Side(fault=str(signs[start].value), in_words=True)
    name = Token("name", words, signs[start - 1].start, signs[start - 1].end, certain=False)
    return _read_whole([name, *signs[start:end]], 0, end - start + 1)._replace(operand=words)


def _drop_open_brackets(signs: Sequence[Token], start: int, end: int) -> int:
    """Where a formula begins that stands in brackets of a sentence."""
    depth = sum((sign.kind == "open") - (sign.kind == "close") for sign in signs[start:end])
    while start < end and signs[start].kind in ("open", "close"):
        opens = signs[start].kind == "open"
        if depth == 0 and opens:
            return start
        depth -= 1 if opens else -1
        start += 1
    return start


def _read_name(signs: Sequence[Token], end: int) -> str:
    """The words right before a place."""
    words: list[str] = []
    for sign in reversed(signs[max(0, end - _NAME_WORDS) : end]):
        if sign.kind != "word":
            break
        words.insert(0, str(sign.value))
        if sign.breaks:
            break
    return " ".join(word for word in words if word not in ("the", "so", "then", "and", "of", "let"))


def _read_right(signs: Sequence[Token], start: int) -> Side:
    """The formula behind a sign of relation, as far as it goes."""
    if start >= len(signs) or signs[start].kind in ("word", "stop", "comma"):
        return Side(words=str(signs[start].value) if start < len(signs) else "")
    reader = FormulaReader(signs, start, len(signs))
    try:
        tree = reader.read()
    except UnreadFormula as error:
        return Side(fault=str(error) or "a formula")
    side = _make_side(signs, tree, start, reader.at)
    after = signs[reader.at] if reader.at < len(signs) else None
    if after is None or after.breaks:
        return side
    if after.kind == "open" and after.start > signs[reader.at - 1].end:
        inner = signs[reader.at + 1 : reader.at + 3]
        remark = any(sign.kind in ("word", "relation") for sign in inner)
        return side if remark else side._replace(fault="(")
    if after.kind in ("unread", "power", "index", "number", "open"):
        return Side(fault=str(after.value))
    return side._replace(fault="several values") if _lists_more(signs, reader.at) else side


def _lists_more(signs: Sequence[Token], at: int) -> bool:
    """Whether a value is the first of several: 3, -3 or 3 or -3."""
    if signs[at].kind != "comma" and signs[at].value not in ("or", "and"):
        return False
    at += 1
    while at < len(signs) and signs[at].value in ("or", "and", "-"):
        at += 1
    if at >= len(signs) or signs[at].kind != "number":
        return False
    after = signs[at + 1] if at + 1 < len(signs) else None
    return after is None or after.kind in ("stop", "comma", "close") or after.breaks
