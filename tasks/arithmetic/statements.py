"""What a solution states: its equations and relations, read whole, with the values of its variables in their place.

A side that is words is the name of what is stated; where a side is part of a
formula that cannot be read, the solution as a whole is not read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate, pairwise

from tasks.arithmetic.formulas import (
    UNIT_WORDS,
    FormulaReader,
    Tree,
    UnreadFormula,
    compute,
    is_operation,
    list_names,
    list_numbers,
    replace_names,
    write_formula,
)
from tasks.arithmetic.signs import Sign, read_signs, spell_formulas

LONGEST = 20_000
"""Characters of a solution; of a longer one nothing is read."""
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


class UnreadStatement(ValueError):
    """A side of an equation cannot be read; the message says what stands there."""


@dataclass(frozen=True)
class Statement:
    """One relation between two formulas, or what a name is said to be."""

    left: Tree | None
    """None where words say what has the value."""
    relation: str
    """`=`, `<`, `>`, `<=`, `>=` or `!=`; what is about equal is equal."""
    right: Tree
    start: int
    """Where its sign of relation stands, in the text in plain form."""

    @property
    def calculates(self) -> bool:
        """Whether one of its sides is a calculation."""
        return (self.left is not None and is_operation(self.left)) or is_operation(self.right)

    @property
    def holds(self) -> bool | None:
        """Whether it is true, to the digits it states; None where that cannot be computed."""
        if self.left is None or self.relation != "=":
            return None
        left, right = compute(self.left), compute(self.right)
        if left is None or right is None:
            return None
        return left == right or (
            right.denominator > 1 and abs(left - right) < Fraction(1, 100) * max(Fraction(1), abs(left))
        )


@dataclass
class _StatedValues:
    """What has been read so far."""

    values: dict[str, Fraction] = field(default_factory=dict)
    doubtful: set[str] = field(default_factory=set)
    """Names with several values."""

    def note(self, name: str, value: Fraction) -> None:
        if self.values.get(name, value) != value:
            self.doubtful.add(name)
        self.values[name] = value

    def find(self, name: str) -> Tree:
        known = name in self.values and name not in self.doubtful
        return ("number", self.values[name]) if known else ("name", name)


@dataclass(frozen=True)
class _Side:
    """What stands on one side of a sign of relation."""

    tree: Tree | None
    words: str = ""
    fault: str = ""
    """Why it is not read."""
    in_words: bool = False
    """Whether words in it are the reason."""


def read_statements(text: str) -> list[Statement]:
    """The statements of a solution, in order.

    Args:
        text: What a model wrote.

    Returns:
        Equations and relations; variables whose value was stated before are that value.

    Raises:
        UnreadStatement: where a side is a formula that cannot be read, or the text is too long.

    """
    if len(text) > LONGEST:
        raise UnreadStatement(f"{len(text)} characters")
    reading = _StatedValues()
    signs = read_signs(spell_formulas(text))
    return [statement for chain in _list_chains(signs) for statement in _read_chain(signs, chain, reading)]


def read_steps(steps: Sequence[str]) -> list[tuple[int, Statement]]:
    """The statements of a solution that is cut into steps, each with the step that its sign of relation stands in.

    Args:
        steps: The steps, in order.

    Returns:
        Steps (counted from 0) and statements, in order.

    Raises:
        UnreadStatement: as of `read_statements`.

    """
    spelled = [spell_formulas(step) for step in steps]
    ends = list(accumulate(len(step) + 1 for step in spelled))
    return [(bisect_right(ends, statement.start), statement) for statement in read_statements("\n".join(spelled))]


def _list_chains(signs: Sequence[Sign]) -> Iterator[list[int]]:
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


def _spans_between(signs: Sequence[Sign], start: int, end: int) -> bool:
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


def _read_chain(signs: Sequence[Sign], chain: Sequence[int], reading: _StatedValues) -> Iterator[Statement]:
    sides = [_read_left(signs, chain[0], reading)]
    sides += [_read_between(signs, a + 1, b) for a, b in pairwise(chain)]
    sides.append(_read_right(signs, chain[-1] + 1))
    readable = [side for side in sides if side.tree is not None]
    faults = [side for side in sides if side.fault]
    if any(not side.in_words for side in faults) or (faults and len(readable) < 2):
        raise UnreadStatement(faults[0].fault)
    previous: Tree | None = None
    for number, side in enumerate(sides):
        if side.tree is None:
            continue
        tree = replace_names(side.tree, reading.find) if is_operation(side.tree) else side.tree
        sign = signs[chain[max(0, number - 1)]]
        alone = len(readable) == 1 and number and sides[0].words
        if previous is not None or alone:
            yield Statement(previous, str(sign.value), tree, sign.start)
        previous = tree
    _note_values(signs, chain, sides, reading)


def _note_values(signs: Sequence[Sign], chain: Sequence[int], sides: Sequence[_Side], reading: _StatedValues) -> None:
    """The value of the name that a chain of equations begins with."""
    first, last = sides[0], sides[-1].tree
    name = first.tree[1] if first.tree is not None and first.tree[0] == "name" else first.words
    if not name or last is None or any(signs[at].value != "=" for at in chain):
        return
    value = compute(replace_names(last, reading.find))
    if value is not None:
        reading.note(name, value)


def _read_between(signs: Sequence[Sign], start: int, end: int) -> _Side:
    if start == end:
        return _Side(None)
    return _read_whole(signs, start, end)


def _read_whole(signs: Sequence[Sign], start: int, end: int) -> _Side:
    """A formula that must go on to the end, the words of a unit aside."""
    reader = FormulaReader(signs, start, end)
    try:
        tree = reader.read()
    except UnreadFormula as error:
        return _Side(None, fault=str(error) or "a formula")
    rest = signs[reader.at : end]
    if any(sign.kind != "word" for sign in rest):
        return _Side(None, fault=str(rest[0].value))
    return _Side(tree)


def _read_left(signs: Sequence[Sign], end: int, reading: _StatedValues) -> _Side:
    """The formula before a sign of relation, or the words that name what has the value."""
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
    start = _drop_open_brackets(signs, start, end)
    words = _read_name(signs, start)
    if start == end:
        return _Side(None, words=words)
    touching = start + 1 < end and signs[start + 1].start == signs[start].end and _is_apart(signs, start)
    if signs[start].kind == "operator" and not (signs[start].value == "-" and (touching or not words)):
        return _read_named_operand(signs, start, end, words, reading)
    if signs[start].kind == "operator" and start + 1 < end and signs[start + 1].start > signs[start].end:
        start += 1  # a bullet
    if not any(sign.kind in ("number", "name", "unread") for sign in signs[start:end]):
        return _Side(None, words=words)
    return _read_whole(signs, start, end)


def _is_apart(signs: Sequence[Sign], at: int) -> bool:
    """Whether there is a gap before a sign."""
    return at == 0 or signs[at - 1].end < signs[at].start


def _ends_label(signs: Sequence[Sign], at: int, end: int) -> bool:
    """Whether a bracket is the end of a label: that of 1) or (a)."""
    if at == end or signs[at - 1].kind != "close" or signs[at].start == signs[at - 1].end:
        return False
    return signs[at].kind in ("number", "open")


def _read_named_operand(signs: Sequence[Sign], start: int, end: int, words: str, reading: _StatedValues) -> _Side:
    """A formula whose first operand is words: the value that they were said to have."""
    if not any(sign.kind == "number" for sign in signs[start:end]):
        return _Side(None, words=words or "a formula")  # words alone, of which the next side says the numbers
    if words in reading.values and words not in reading.doubtful:
        number = Sign("number", reading.values[words], signs[start - 1].start, signs[start - 1].end, False)
        return _read_whole([number, *signs[start:end]], 0, end - start + 1)
    return _Side(None, fault=words or str(signs[start].value), in_words=True)


def _drop_open_brackets(signs: Sequence[Sign], start: int, end: int) -> int:
    """Where a formula begins that stands in brackets of a sentence."""
    while start < end and signs[start].kind in ("open", "close"):
        depth = sum((sign.kind == "open") - (sign.kind == "close") for sign in signs[start:end])
        if depth == 0 and signs[start].kind == "open":
            return start
        start += 1
    return start


def _read_name(signs: Sequence[Sign], end: int) -> str:
    """The words right before a place."""
    words: list[str] = []
    for sign in reversed(signs[max(0, end - _NAME_WORDS) : end]):
        if sign.kind != "word":
            break
        words.insert(0, str(sign.value))
        if sign.breaks:
            break
    return " ".join(word for word in words if word not in ("the", "so", "then", "and", "of", "let"))


def _read_right(signs: Sequence[Sign], start: int) -> _Side:
    """The formula behind a sign of relation, as far as it goes."""
    if start >= len(signs) or signs[start].kind in ("word", "stop", "comma"):
        return _Side(None, words=str(signs[start].value) if start < len(signs) else "")
    reader = FormulaReader(signs, start, len(signs))
    try:
        tree = reader.read()
    except UnreadFormula as error:
        return _Side(None, fault=str(error) or "a formula")
    after = signs[reader.at] if reader.at < len(signs) else None
    if after is not None and not after.breaks and after.kind == "open" and after.start > signs[reader.at - 1].end:
        inner = signs[reader.at + 1 : reader.at + 3]
        remark = any(sign.kind in ("word", "relation") for sign in inner)
        return _Side(tree) if remark else _Side(None, fault="(")
    if after is not None and not after.breaks and after.kind in ("unread", "power", "index", "number", "open"):
        return _Side(None, fault=str(after.value))
    if after is not None and not after.breaks and _lists_more(signs, reader.at):
        return _Side(None, fault="several values")
    return _Side(tree)


def _lists_more(signs: Sequence[Sign], at: int) -> bool:
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


def find_calculations(text: str) -> list[str]:
    """The normal forms of what a solution calculates, in order; none where it is not read whole.

    Names are numbered as they come. What only repeats a number that is
    calculated, or calculated with, is left out: "so there are 12".

    Args:
        text: What a model wrote.

    Returns:
        Each as `(+3+4)=7`; an empty list where no calculation stands there or one cannot be read.

    """
    try:
        statements = read_statements(text)
    except (UnreadStatement, RecursionError):
        return []
    return [written for written, _ in write_calculations(statements)]


def write_calculations(statements: Sequence[Statement]) -> list[tuple[str, Statement]]:
    """The normal forms of statements that calculate, and of values that stand nowhere else, each with its statement."""
    if not any(statement.calculates for statement in statements):
        return []
    used: set[Fraction] = set()
    for statement in statements:
        if statement.calculates:
            used.update(list_numbers(statement.right))
            used.update(list_numbers(statement.left) if statement.left is not None else ())
            used.update(
                value for tree in (statement.left, statement.right) if tree and (value := compute(tree)) is not None
            )
    numbered: dict[str, Tree] = {}
    written: list[tuple[str, Statement]] = []
    for statement in statements:
        text = _write_statement(statement, used, numbered)
        if text and text not in (earlier for earlier, _ in written):
            written.append((text, statement))
    return written


def _write_statement(statement: Statement, used: set[Fraction], numbered: dict[str, Tree]) -> str:
    """The normal form of a statement; empty where it says nothing of its own."""
    left, right = statement.left, statement.right
    for name in [*(list_names(left) if left else ()), *list_names(right)]:
        numbered.setdefault(name, ("name", f"v{len(numbered)}"))
    if not statement.calculates:
        value = compute(right)
        if value is None or value in used or statement.relation != "=":
            return ""
        return f"={write_formula(right)}"
    sides = ["" if left is None else write_formula(replace_names(left, numbered.__getitem__))]
    sides.append(write_formula(replace_names(right, numbered.__getitem__), left is not None))
    if sides[0] == sides[1]:
        return ""
    return statement.relation.join(sides)
