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
from functools import lru_cache
from typing import Literal

from tasks.arithmetic.expressions import Calculation, Operator, list_leaves, make_calculation
from tasks.arithmetic.statements import Side, Statement, read_statements
from tasks.synthetic.program import Program, ProgramStep
from tasks.synthetic.vocabulary import COINS, DAYS, THINGS

TAXONOMY = "abacus"
"""The taxonomy that the kinds are of."""
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
_LABEL = re.compile(r"^\s*(?:step\s*)?\d{1,3}[.):]\s*", re.IGNORECASE)
_ANSWER = re.compile(rf"(?:####|\banswer\b[^\d-]*)\s*\$?({_NUMBER})", re.IGNORECASE)
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
class WrittenEquation:
    """What stands on both sides of an equals sign, and after it."""

    text: str
    calculation: Calculation | None
    """The left side; None where it is not read."""
    values: tuple[Fraction, ...]
    """The results; none where no number follows."""
    tail: str
    """The words up to the next equation."""


def find_truth(program: Program, steps: Sequence[str]) -> Truth:
    """The truth of a solution, given as its steps."""
    progress = _Progress(program)
    for i, step in enumerate(steps):
        kind = progress.step(step[:LONGEST], last=i == len(steps) - 1)
        if kind:
            return Truth(i, kind)
    return Truth(-1)


def find_progress(program: Program, steps: Sequence[str]) -> tuple[bool, frozenset[int]]:
    """Whether a beginning of a solution has a wrong step, and the calculations that are done before it, by their index."""
    progress = _Progress(program)
    for step in steps:
        if progress.step(step[:LONGEST], last=False):
            return True, frozenset(progress.done)
    return False, frozenset(progress.done)


class _Progress:
    """How far a solution has come along the program."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.results = program.results()
        self.done: set[int] = set()
        ends = [(node.left, node.right) for node in program.nodes]
        self.needed = [frozenset(ref.at for ref in pair if ref.kind == "s") for pair in ends]
        """The nodes whose results each node takes."""
        self.given = {Fraction(ref.at) for pair in ends for ref in pair if ref.kind == "c"}
        """The quantities, and the constants of the program."""
        self.given.update(map(Fraction, program.quantities))

    def step(self, text: str, last: bool) -> Kind | None:
        """What is wrong with the next step, if anything is."""
        body = _LABEL.sub("", text)
        answer = _ANSWER.search(body)
        statement = body[: answer.start()] if answer else body
        equations = _read_equations(statement)
        for equation in equations:
            kind = self.equation(equation)
            if kind:
                return kind
        if not equations:
            kind = self.statement(statement)
            if kind:
                return kind
        return self.end(parse_number(answer[1]) if answer else None) if last or answer else None

    def equation(self, equation: WrittenEquation) -> Kind | None:
        """What is wrong with `a + b = c things`."""
        calculation = equation.calculation
        if calculation is None or calculation.operator is None:
            return self.statement(equation.text)
        node = self.follow(calculation)
        if isinstance(node, str):
            return node
        if not equation.values or any(value != calculation.value for value in equation.values):
            return "calculation"
        return "unit" if self.other_unit(node, equation.tail) else None

    def follow(self, calculation: Calculation) -> int | Kind:
        """The node that a calculation is, its inner ones included, or what is wrong with it."""
        for inner in (calculation.left, calculation.right):
            if inner is not None and inner.operator is not None:
                problem = self.follow(inner)
                if isinstance(problem, str):
                    return self.by_value(calculation) if problem != "calculation" else problem
        assert calculation.operator and calculation.left and calculation.right
        operands = (calculation.left.value, calculation.right.value)
        for i in (*self.open(), *self.after_one_in_the_head()):
            if _is(self.program.nodes[i], calculation.operator, operands, self.operands(i)):
                self.done |= self.before(i)
                return i
        if calculation.left.operator or calculation.right.operator:
            return self.by_value(calculation)
        return self.why(calculation.operator, operands)

    def by_value(self, calculation: Calculation) -> int | Kind:
        """The node that a longer calculation comes to by another way, from numbers that are known."""
        if all(leaf in self.known() for leaf in list_leaves(calculation)):
            for i in self.reachable():
                if self.results[i] == calculation.value:
                    self.done |= self.before(i)
                    return i
        return (
            "wrong operation" if all(leaf in self.known() for leaf in list_leaves(calculation)) else "misread quantity"
        )

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
            expected = self.operands(i)
            for k in (0, 1) if operator in "+*" else (0,):
                for m in (0, 1) if operator in "+*" else (1,):
                    if operands[1 - k] == expected[m] and operands[k] in results and expected[m] != expected[1 - m]:
                        return True
        return False

    def statement(self, text: str) -> Kind | None:
        """What is wrong with a step without a calculation: a number that nothing leads to."""
        for value in (parse_number(numeral) for numeral in re.findall(_NUMBER, text)):
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
        return [i for i, needed in enumerate(self.needed) if i not in self.done and needed <= self.done]

    def after_one_in_the_head(self) -> list[int]:
        """Nodes not done that lack just one result, which a reader can work out in the head."""
        opened = set(self.open())
        return [
            i
            for i, needed in enumerate(self.needed)
            if i not in self.done and len(lacking := needed - self.done) == 1 and lacking <= opened
        ]

    def reachable(self) -> Iterator[int]:
        """Nodes not done, the nearest first."""
        return (i for i in range(len(self.program.nodes)) if i not in self.done)

    def before(self, i: int) -> set[int]:
        """A node and all that it needs."""
        return {i}.union(*(self.before(j) for j in self.needed[i]))

    def operands(self, i: int) -> tuple[Fraction, Fraction]:
        """The values of a node's operands."""
        return self.program.operands(self.program.nodes[i], self.results)

    def values(self) -> list[Fraction]:
        """The results there are already, and the quantity that all begins with."""
        return [Fraction(self.program.quantities[0]), *(self.results[i] for i in self.done)]

    def known(self) -> set[Fraction]:
        """The numbers a step may speak of: quantities, results so far, constants of the program."""
        return self.given.union(self.results[i] for i in self.done)

    def other_unit(self, i: int, tail: str) -> bool:
        """Whether the words after a result name another unit of the problem than its own."""
        words = set(re.findall(r"[a-z]+", tail.lower()))
        units = {node.unit for node in self.program.nodes}
        unit = self.program.nodes[i].unit
        return unit not in words and (bool(words & (units - {unit})) or bool(words & UNITS))


@lru_cache(maxsize=1024)  # the solutions of a problem have steps in common
def _read_equations(text: str) -> tuple[WrittenEquation, ...]:
    return tuple(_list_equations(text))


def _list_equations(text: str) -> Iterator[WrittenEquation]:
    """The equations of a text whose left side is a formula, each with the results that follow it."""
    statements = read_statements(text)
    floor = 0
    for i, statement in enumerate(statements):
        left = statement.left
        if left.tree is None and not left.fault:
            continue
        if statement.continues and left.tree is not None and left.tree[0] == "number":
            continue  # a result of the equation before
        calculation = _read_calculation(left)
        values, last = _list_results(statements, i, calculation)
        end = statements[last + 1].relation.start if last + 1 < len(statements) else len(text)
        stop = statements[last].right.signs[-1].end if values else statement.relation.end
        start = left.signs[0].start if left.signs else floor
        if values:
            yield WrittenEquation(text[start:stop], calculation, values, text[stop:end])
        elif calculation is not None and calculation.operator and not re.search(r"\d", text[stop:end]):
            # "94 * 3 = as many": what should be the result is none
            yield WrittenEquation(text[start:stop], calculation, (), "")
        floor = stop


def _read_calculation(side: Side) -> Calculation | None:
    """What a side calculates; None where a number of it stands in words: half of 30."""
    figures = all(sign.certain for sign in side.signs if sign.kind == "number")
    return make_calculation(side.tree) if side.tree is not None and figures else None


def _list_results(
    statements: Sequence[Statement], at: int, calculation: Calculation | None
) -> tuple[tuple[Fraction, ...], int]:
    """The numbers that a formula is said to be, and the statement that says the last."""
    values: list[Fraction] = []
    for i in range(at, len(statements)):
        right = statements[i].right
        result = make_calculation(right.tree) if right.tree is not None else None
        if result is None or (i > at and not statements[i].continues):
            break
        same = result.operator is None or (calculation is not None and result.value == calculation.value)
        values.append(result.value if same else next(list_leaves(result)))
        if result.operator is not None:
            return tuple(values), i
    return tuple(values), at + max(0, len(values) - 1)


def parse_number(text: str) -> Fraction | None:
    """The number a text is, thousands commas allowed; None where it is none or longer than 30 characters."""
    try:
        return Fraction(text.replace(",", "").rstrip(".")) if len(text) <= 30 else None
    except (ValueError, ZeroDivisionError):
        return None


def _is(
    node: ProgramStep, operator: str, operands: tuple[Fraction, Fraction], right: tuple[Fraction, Fraction]
) -> bool:
    if node.operator != operator:
        return False
    return operands == right or (operator in "+*" and operands[::-1] == right)
