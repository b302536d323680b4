"""A right solution as a plan: its calculations, what each needs, and how far a solution has followed them.

A wrong step is compared with the calculations that were open before it: those
not done whose operands were there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tasks.arithmetic.equations import Equation, find_equations

Operands = tuple[Fraction, Fraction]
Origin = Literal["given", "earlier", "either"]
_PAIRS = ((0, 0), (1, 1), (0, 1), (1, 0))
"""Which operand of a calculation stands for which of the plan's: in order, then crosswise."""


@dataclass(frozen=True)
class ReferenceStep:
    """One calculation of a right solution."""

    operator: str
    operands: Operands
    value: Fraction
    unit: str
    needs: frozenset[int]
    """The calculations whose results it takes."""
    origins: tuple[Origin, Origin]
    """Where each operand comes from."""

    def matches(self, operator: str, operands: Operands) -> bool:
        """Whether a calculation is this one."""
        same = operands == self.operands or (operator in "+*" and operands[::-1] == self.operands)
        return self.operator == operator and same


class ReferencePlan:
    """How far a solution has come along a right one."""

    def __init__(self, nodes: tuple[ReferenceStep, ...], given: set[Fraction], first: Fraction | None) -> None:
        self.nodes = nodes
        self.given = given
        self.first = first
        """What the problem begins with."""
        self.done: set[int] = set()

    def open(self) -> list[int]:
        """Calculations not done whose operands are there."""
        return [i for i, node in enumerate(self.nodes) if i not in self.done and node.needs <= self.done]

    def near(self) -> list[int]:
        """Calculations not done that lack just one result, which a reader can work out in the head."""
        opened = set(self.open())
        lacking = ((i, node.needs - self.done) for i, node in enumerate(self.nodes) if i not in self.done)
        return [i for i, needs in lacking if len(needs) == 1 and needs <= opened]

    def finish(self, i: int) -> None:
        """Take a calculation and all that it needs for done."""
        self.done.add(i)
        for j in self.nodes[i].needs - self.done:
            self.finish(j)

    def find_open_node(self, equation: Equation) -> int | None:
        """The calculation that an equation is."""
        if equation.operator is None:
            return None
        for i in (*self.open(), *self.near()):
            if self.nodes[i].matches(equation.operator, equation.operands):
                return i
        return None

    def follow(self, equation: Equation) -> bool:
        """Go along with a true equation; whether it leads anywhere."""
        at = self.find_open_node(equation)
        if at is None:
            at = next((i for i in range(len(self.nodes)) if i not in self.done and self.nodes[i].value == equation.result.value), None)  # fmt: skip
        if at is not None:
            self.finish(at)
        return at is not None

    def known(self) -> set[Fraction]:
        """The numbers that are given, that the plan brings in, and the results so far."""
        constants = {
            value for node in self.nodes for value, origin in zip(node.operands, node.origins) if origin == "given"
        }
        return self.given | constants | {self.nodes[i].value for i in self.done}

    def final(self) -> bool:
        """Whether the last calculation is done."""
        return len(self.nodes) - 1 in self.done


def plan(
    reference: str, answer: Fraction, given: set[Fraction], stated: set[Fraction], first: Fraction | None
) -> ReferencePlan | None:
    """The plan of a right solution; None where its calculations do not lead to the answer, one after the other.

    Args:
        reference: The right solution.
        answer: Its answer.
        given: The numbers of the problem with those that its words bring along.
        stated: The numbers without those of the words.
        first: The first of them.

    Returns:
        The calculations one after the other, or None.

    """
    nodes: list[ReferenceStep] = []
    for line in reference[:20_000].split("\n"):
        start = len(nodes)  # a line may say one calculation twice
        for equation in find_equations(line):
            if equation.operator is None or not equation.holds:
                return None
            node = _make_node(equation, nodes, stated)
            if not any(node.matches(other.operator, other.operands) for other in nodes[start:]):
                nodes.append(node)
    if not nodes or nodes[-1].value != answer or len(nodes) > 64:
        return None
    return ReferencePlan(tuple(nodes), given, first)


def _make_node(equation: Equation, before: list[ReferenceStep], stated: set[Fraction]) -> ReferenceStep:
    assert equation.operator is not None
    needs: set[int] = set()
    origins: list[Origin] = []
    for value in equation.operands:
        makers = [i for i, node in enumerate(before) if node.value == value]
        # the latest is the likeliest: results are used as they come
        if makers:
            needs.add(makers[-1])
        origins.append("either" if makers and value in stated else "earlier" if makers else "given")
    return ReferenceStep(
        equation.operator, equation.operands, equation.result.value, equation.unit, frozenset(needs),
        (origins[0], origins[1]),
    )  # fmt: skip


def skips_calculation(plan: ReferencePlan, operator: str, operands: Operands) -> bool:
    """Whether a later calculation is done with the result from before those that were left out."""
    results = {plan.nodes[i].value for i in plan.done} | ({plan.first} if plan.first is not None else set())
    for i, node in enumerate(plan.nodes):
        if i in plan.done or i in plan.open() or node.operator != operator:
            continue
        for k, m in _PAIRS if operator in "+*" else _PAIRS[:2]:
            if operands[1 - k] == node.operands[1 - m] and operands[k] in results and node.origins[m] != "given":
                return True
    return False


def find_replaced_operand(
    plan: ReferencePlan, operator: str, operands: Operands
) -> Iterator[tuple[ReferenceStep, int, int]]:
    """The open calculations with one operand replaced: the calculation, its operand, and the one that stands for it."""
    for i in plan.open():
        node = plan.nodes[i]
        for k, m in _PAIRS if operator in "+*" else _PAIRS[:2]:
            if (
                node.operator == operator
                and operands[1 - k] == node.operands[1 - m]
                and operands[k] != node.operands[m]
            ):
                yield node, m, k
