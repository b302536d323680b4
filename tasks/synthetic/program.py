"""Programs: the calculations that lead from a problem's quantities to its answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from tasks.arithmetic.expressions import APPLY, Operator


@dataclass(frozen=True)
class Ref:
    """An operand: a quantity of the text (`q`), an earlier result (`s`), or a constant everybody knows (`c`)."""

    kind: Literal["q", "s", "c"]
    at: int
    """Its index among the quantities or the results; of a constant, its value."""


@dataclass(frozen=True)
class ProgramStep:
    """One calculation."""

    operator: Operator
    left: Ref
    right: Ref
    unit: str
    """What the result counts."""


@dataclass(frozen=True)
class Program:
    """A problem's quantities, in the order of the text, and its calculations, in an order that can be followed."""

    quantities: tuple[int, ...]
    nodes: tuple[ProgramStep, ...]
    spare: tuple[int, ...] = ()
    """Indexes of the quantities that the answer does not need."""

    def operands(self, node: ProgramStep, results: list[Fraction]) -> tuple[Fraction, Fraction]:
        """The values of a node's operands."""
        return self.value(node.left, results), self.value(node.right, results)

    def value(self, ref: Ref, results: list[Fraction]) -> Fraction:
        """The value of one operand; of an earlier result, from `results`."""
        if ref.kind == "s":
            return results[ref.at]
        return Fraction(self.quantities[ref.at] if ref.kind == "q" else ref.at)

    def results(self) -> list[Fraction]:
        """The values of all nodes; the last is the answer."""
        values: list[Fraction] = []
        for node in self.nodes:
            values.append(APPLY[node.operator](*self.operands(node, values)))
        return values

    def dump(self) -> str:
        """The program as one line of JSON, as tables hold it."""
        nodes = [[n.operator, *(f"{r.kind}{r.at}" for r in (n.left, n.right)), n.unit] for n in self.nodes]
        return json.dumps({"quantities": self.quantities, "spare": self.spare, "nodes": nodes})


def load_program(text: str) -> Program:
    """The program that `dump` wrote; raise ValueError where the text is none."""
    try:
        raw = json.loads(text)
        nodes = tuple(ProgramStep(op, _ref(left), _ref(right), unit) for op, left, right, unit in raw["nodes"])
        program = Program(tuple(raw["quantities"]), nodes, tuple(raw["spare"]))
        program.results()
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, ZeroDivisionError) as error:
        raise ValueError(f"not a program of the world ({error}): {text[:80]!r}") from None
    return program


def _ref(text: str) -> Ref:
    if text[0] not in "qsc":
        raise ValueError(f"operand {text!r}")
    return Ref(text[0], int(text[1:]))  # type: ignore[arg-type]
