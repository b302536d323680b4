"""What a solution calculates, read whole: its statements with the values of its variables in their place, in normal form.

A side that is words is the name of what is stated; where a side is part of a
formula that cannot be read, the solution as a whole is not read.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import accumulate

from tasks.arithmetic.expressions import Tree
from tasks.arithmetic.formulas import (
    compute,
    is_operation,
    list_names,
    list_numbers,
    normalize_formula,
    replace_names,
    write_formula,
)
from tasks.arithmetic.signs import spell_formulas
from tasks.arithmetic.statements import Side, Statement, read_statements

LONGEST = 20_000
"""Characters of a solution; of a longer one nothing is read."""


class UnreadStatement(ValueError):
    """A side of an equation cannot be read; the message says what stands there."""


@dataclass(frozen=True)
class ResolvedStatement:
    """One relation between two formulas, or what a name is said to be, with the values that names were said to have."""

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


def resolve_statements(text: str) -> list[ResolvedStatement]:
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
    stated = _StatedValues()
    chains = _list_chains(read_statements(spell_formulas(text)))
    return [statement for chain in chains for statement in _resolve_chain(chain, stated)]


def resolve_steps(steps: Sequence[str]) -> list[tuple[int, ResolvedStatement]]:
    """The statements of a solution that is cut into steps, each with the step that its sign of relation stands in.

    Args:
        steps: The steps, in order.

    Returns:
        Steps (counted from 0) and statements, in order.

    Raises:
        UnreadStatement: as of `resolve_statements`.

    """
    spelled = [spell_formulas(step) for step in steps]
    ends = list(accumulate(len(step) + 1 for step in spelled))
    return [(bisect_right(ends, statement.start), statement) for statement in resolve_statements("\n".join(spelled))]


def _list_chains(statements: Sequence[Statement]) -> Iterator[list[Statement]]:
    """The statements that belong together: a = b = c is two."""
    chain: list[Statement] = []
    for statement in statements:
        if chain and not statement.continues:
            yield chain
            chain = []
        chain.append(statement)
    if chain:
        yield chain


def _resolve_chain(chain: Sequence[Statement], stated: _StatedValues) -> Iterator[ResolvedStatement]:
    first = _resolve_operand(chain[0].left, stated)
    sides = [side._replace(tree=None) if side.fault else side for side in (first, *(s.right for s in chain))]
    readable = [side for side in sides if side.tree is not None]
    faults = [side for side in sides if side.fault]
    if any(not side.in_words for side in faults) or (faults and len(readable) < 2):
        raise UnreadStatement(faults[0].fault)
    previous: Tree | None = None
    for number, side in enumerate(sides):
        if side.tree is None:
            continue
        tree = normalize_formula(side.tree)
        tree = replace_names(tree, stated.find) if is_operation(tree) else tree
        sign = chain[max(0, number - 1)].relation
        alone = len(readable) == 1 and number and first.words
        if previous is not None or alone:
            yield ResolvedStatement(previous, str(sign.value), tree, sign.start)
        previous = tree
    _note_values(chain, first, sides[-1].tree, stated)


def _resolve_operand(side: Side, stated: _StatedValues) -> Side:
    """A side whose first operand is words with the value that they were said to have; unread where that is not known."""
    if not side.operand:
        return side
    value = stated.find(side.operand)
    if value[0] == "name":
        return Side(fault=side.operand, in_words=True)
    if side.tree is None:
        return side
    return side._replace(tree=replace_names(side.tree, lambda name: value if name == side.operand else ("name", name)))


def _note_values(chain: Sequence[Statement], first: Side, last: Tree | None, stated: _StatedValues) -> None:
    """The value of the name that a chain of equations begins with."""
    name = first.tree[1] if first.tree is not None and first.tree[0] == "name" else first.words
    if not name or last is None or any(statement.relation.value != "=" for statement in chain):
        return
    value = compute(replace_names(last, stated.find))
    if value is not None:
        stated.note(name, value)


def write_calculations(statements: Sequence[ResolvedStatement]) -> list[tuple[str, ResolvedStatement]]:
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
    written: list[tuple[str, ResolvedStatement]] = []
    for statement in statements:
        text = _write_statement(statement, used, numbered)
        if text and text not in (earlier for earlier, _ in written):
            written.append((text, statement))
    return written


def _write_statement(statement: ResolvedStatement, used: set[Fraction], numbered: dict[str, Tree]) -> str:
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
