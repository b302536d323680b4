"""The truth of any solution of the world's problems: its first wrong step, and what is wrong there.

A solution may combine calculations, leave out what can be done in the head,
or go in another order: a step is right where what it says follows from the
problem and from the right steps before it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tasks.world.program import APPLY, Node, Operator, Program
from tasks.world.words import COINS, DAYS, THINGS

Kind = Literal[
    "calculation", "wrong operand", "misread quantity", "miscopied result", "wrong operation", "missing step",
    "extra step", "unit", "final answer",
]  # fmt: skip
KINDS: dict[Kind, str] = {
    "calculation": "the right calculation, with another result than it has",
    "wrong operand": "a number of the problem or an earlier result stands where another belongs",
    "misread quantity": "a number that is not in the problem stands where one of its quantities belongs",
    "miscopied result": "a number that is not in the problem stands where an earlier result belongs",
    "wrong operation": "the right operands, but another operation",
    "missing step": "a calculation is left out that this one, or the answer, needs",
    "extra step": "a calculation that the problem does not ask for, or one done already",
    "unit": "the result is said to count something else than it does",
    "final answer": "the answer is not the last result",
}
_NUMBER = r"-?\d[\d,]*(?:\.\d+)?"
_TOKEN = re.compile(
    rf"(?P<number>\d[\d,]*(?:\.\d+)?)(?P<percent>\s*%|\s+percent\b)?|(?P<op>[-+*/×÷·−()=]|\bof\b|\bx\b)"
)
_EQUATION = re.compile(
    r"[-+*/×÷·−()\d.,%]+(?:\s*(?:[-+*/×÷·−()\d.,%]+|of\b|x\b|percent\b|[A-Za-z]+(?=\s*[-+*/×÷·−=])))*\s*=\s*\d[\d,.]*(?:\s*=\s*\d[\d,.]*)*"
)
_LABEL = re.compile(r"^\s*(?:step\s*)?\d{1,3}[.):]\s*", re.IGNORECASE)
_ANSWER = re.compile(rf"(?:####|\banswer\b[^\d-]*)\s*\$?({_NUMBER})", re.IGNORECASE)
_SAME: dict[str, Operator] = {"×": "*", "·": "*", "x": "*", "of": "*", "÷": "/", "−": "-"}
UNITS = {*THINGS, DAYS, COINS}
_PAIRS = ((0, 0), (1, 1), (0, 1), (1, 0))
"""Which operand of a calculation stands for which of a node: in order, then crosswise."""
LONGEST = 2_000
"""Characters of a step that are looked at."""


@dataclass(frozen=True)
class Truth:
    """What is so of a solution."""

    first_error: int
    """The 0-based index of the first wrong step, or -1."""
    kind: Kind | None = None
    """What is wrong there; None where nothing is."""


@dataclass(frozen=True)
class Calculation:
    """A calculation that a step states: a number, or an operation on two."""

    value: Fraction
    operator: Operator | None = None
    left: Calculation | None = None
    right: Calculation | None = None


def judge(program: Program, steps: Sequence[str]) -> Truth:
    """The truth of a solution, given as its steps."""
    progress = _Progress(program)
    for i, step in enumerate(steps):
        kind = progress.step(step[:LONGEST], last=i == len(steps) - 1)
        if kind:
            return Truth(i, kind)
    return Truth(-1)


class _Progress:
    """How far a solution has come along the program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.results = program.results()
        self.done: set[int] = set()

    def step(self, text: str, last: bool) -> Kind | None:
        """What is wrong with the next step, if anything is."""
        body = _LABEL.sub("", text)
        answer = _ANSWER.search(body)
        told = body[: answer.start()] if answer else body
        equations = list(_EQUATION.finditer(told))
        for i, equation in enumerate(equations):
            tail = told[equation.end() : equations[i + 1].start() if i + 1 < len(equations) else None]
            kind = self.equation(equation[0], tail)
            if kind:
                return kind
        if not equations:
            kind = self.statement(told)
            if kind:
                return kind
        return self.end(number(answer[1]) if answer else None) if last or answer else None

    def equation(self, text: str, tail: str) -> Kind | None:
        """What is wrong with `a + b = c things`."""
        left, *values = text.split("=")
        calculation = parse(left)
        stated = [number(value.strip().rstrip(".,")) for value in values]
        if calculation is None or calculation.operator is None or any(value is None for value in stated):
            return self.statement(text)
        found = self.follow(calculation)
        if isinstance(found, str):
            return found
        if any(value != calculation.value for value in stated):
            return "calculation"
        return "unit" if self.other_unit(found, tail) else None

    def follow(self, calculation: Calculation) -> int | Kind:
        """The node that a calculation is, its inner ones included, or what is wrong with it."""
        for inner in (calculation.left, calculation.right):
            if inner is not None and inner.operator is not None:
                found = self.follow(inner)
                if isinstance(found, str):
                    return self.by_value(calculation) if found != "calculation" else found
        assert calculation.operator and calculation.left and calculation.right
        operands = (calculation.left.value, calculation.right.value)
        for i in self.open():
            if _is(self.program.nodes[i], calculation.operator, operands, self.operands(i)):
                self.done.add(i)
                return i
        if calculation.left.operator or calculation.right.operator:
            return self.by_value(calculation)
        return self.why(calculation.operator, operands)

    def by_value(self, calculation: Calculation) -> int | Kind:
        """The node that a longer calculation comes to by another way, from numbers that are known."""
        if all(leaf in self.known() for leaf in _leaves(calculation)):
            for i in self.reachable():
                if self.results[i] == calculation.value:
                    self.done |= self.before(i)
                    return i
        return "wrong operation" if all(leaf in self.known() for leaf in _leaves(calculation)) else "misread quantity"

    def why(self, operator: Operator, operands: tuple[Fraction, Fraction]) -> Kind:
        """What is wrong with a calculation that is none of those open."""
        opened = [(self.program.nodes[i], self.operands(i)) for i in self.open()]
        if any(set(operands) == set(right) for _, right in opened):
            return "wrong operation"
        if any(_is(self.program.nodes[i], operator, operands, self.operands(i)) for i in self.done) or not opened:
            return "extra step"
        if self.skips(operator, operands):
            return "missing step"
        for node, right in opened:
            for i, j in _PAIRS if operator in "+*" else _PAIRS[:2]:
                if node.operator == operator and operands[1 - i] == right[1 - j]:
                    if operands[i] in self.known():
                        return "wrong operand"
                    return "miscopied result" if (node.left, node.right)[j].kind == "s" else "misread quantity"
        return "wrong operand" if all(value in self.known() for value in operands) else "misread quantity"

    def skips(self, operator: Operator, operands: tuple[Fraction, Fraction]) -> bool:
        """Whether a later node is done with the result from before the skipped ones."""
        results = set(self.values())
        for i, node in enumerate(self.program.nodes):
            if i in self.done or i in self.open() or node.operator != operator:
                continue
            wanted = self.operands(i)
            for k in (0, 1) if operator in "+*" else (0,):
                for m in (0, 1) if operator in "+*" else (1,):
                    if operands[1 - k] == wanted[m] and operands[k] in results and wanted[m] != wanted[1 - m]:
                        return True
        return False

    def statement(self, text: str) -> Kind | None:
        """What is wrong with a step without a calculation: a number that nothing leads to."""
        for value in (number(found) for found in re.findall(_NUMBER, text)):
            if value is None or value in self.known():
                continue
            reached = [i for i in self.open() if self.results[i] == value]
            if not reached:
                return "misread quantity"
            self.done.add(reached[0])
        return None

    def end(self, answer: Fraction | None) -> Kind | None:
        """What is wrong with the end: not all done, or another answer than the last result."""
        final = len(self.results) - 1
        if final not in self.done:
            return None if answer == self.results[-1] else "missing step"
        return "final answer" if answer is not None and answer != self.results[-1] else None

    def open(self) -> list[int]:
        """Nodes not done whose operands are."""
        nodes = self.program.nodes
        return [i for i, node in enumerate(nodes) if i not in self.done and self.needs(node) <= self.done]

    def reachable(self) -> Iterator[int]:
        """Nodes not done, the nearest first."""
        return (i for i in range(len(self.program.nodes)) if i not in self.done)

    def needs(self, node: Node) -> set[int]:
        """The nodes whose results a node takes."""
        return {ref.at for ref in (node.left, node.right) if ref.kind == "s"}

    def before(self, i: int) -> set[int]:
        """A node and all that it needs."""
        return {i}.union(*(self.before(j) for j in self.needs(self.program.nodes[i])))

    def operands(self, i: int) -> tuple[Fraction, Fraction]:
        """The values of a node's operands."""
        return self.program.operands(self.program.nodes[i], self.results)

    def values(self) -> list[Fraction]:
        """The results there are already, and the quantity that all begins with."""
        return [Fraction(self.program.quantities[0]), *(self.results[i] for i in self.done)]

    def known(self) -> set[Fraction]:
        """The numbers a step may speak of: quantities, results so far, constants of the program."""
        constants = {Fraction(r.at) for node in self.program.nodes for r in (node.left, node.right) if r.kind == "c"}
        return {*(Fraction(q) for q in self.program.quantities), *(self.results[i] for i in self.done), *constants}

    def other_unit(self, i: int, tail: str) -> bool:
        """Whether the words after a result name another unit of the problem than its own."""
        words = set(re.findall(r"[a-z]+", tail.lower()))
        units = {node.unit for node in self.program.nodes}
        unit = self.program.nodes[i].unit
        return unit not in words and (bool(words & (units - {unit})) or bool(words & UNITS))


def parse(text: str) -> Calculation | None:
    """An arithmetic expression of numbers, + - * / and brackets, words between ignored; None where it is none."""
    tokens: list[str | Fraction] = []
    for match in _TOKEN.finditer(text):
        if match["number"]:
            value = number(match["number"])
            if value is None:
                return None
            tokens.append(value / 100 if match["percent"] else value)
        else:
            tokens.append(_SAME.get(match["op"], match["op"]))
    try:
        found, rest = _sum(tokens, 0)
    except (IndexError, ZeroDivisionError, TypeError, RecursionError):
        return None
    return found if rest == len(tokens) else None


def _sum(tokens: list[str | Fraction], at: int) -> tuple[Calculation, int]:
    left, at = _product(tokens, at)
    while at < len(tokens) and tokens[at] in ("+", "-"):
        right, after = _product(tokens, at + 1)
        left, at = _joined(tokens[at], left, right), after
    return left, at


def _product(tokens: list[str | Fraction], at: int) -> tuple[Calculation, int]:
    left, at = _atom(tokens, at)
    while at < len(tokens) and tokens[at] in ("*", "/"):
        right, after = _atom(tokens, at + 1)
        left, at = _joined(tokens[at], left, right), after
    return left, at


def _atom(tokens: list[str | Fraction], at: int) -> tuple[Calculation, int]:
    token = tokens[at]
    if token == "(":
        inner, at = _sum(tokens, at + 1)
        if tokens[at] != ")":
            raise TypeError
        return inner, at + 1
    if not isinstance(token, Fraction):
        raise TypeError
    return Calculation(token), at + 1


def _joined(operator: str | Fraction, left: Calculation, right: Calculation) -> Calculation:
    assert operator in ("+", "-", "*", "/") and isinstance(operator, str)
    return Calculation(APPLY[operator](left.value, right.value), operator, left, right)  # type: ignore[arg-type]


def number(text: str) -> Fraction | None:
    """The number a text is, thousands commas allowed; None where it is none or longer than 30 characters."""
    try:
        return Fraction(text.replace(",", "").rstrip(".")) if len(text) <= 30 else None
    except (ValueError, ZeroDivisionError):
        return None


def _leaves(calculation: Calculation) -> Iterator[Fraction]:
    if calculation.left is None or calculation.right is None:
        yield calculation.value
    else:
        yield from _leaves(calculation.left)
        yield from _leaves(calculation.right)


def _is(node: Node, operator: str, operands: tuple[Fraction, Fraction], right: tuple[Fraction, Fraction]) -> bool:
    if node.operator != operator:
        return False
    return operands == right or (operator in "+*" and operands[::-1] == right)
