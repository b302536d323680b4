"""Vectors in components: `3i + 4j − k`."""

from __future__ import annotations

from fractions import Fraction

from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import TooLarge, Undefined, make_number
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types.base import AnswerType, Finding, combine_findings
from tasks.verify.answer_types.collection import Collection
from tasks.verify.answer_types.formulas import Formula, compare_formulas, evaluate_exactly, read_formula
from tasks.verify.answer_types.matrix import Matrix

Vector = tuple[Formula, Formula, Formula]
_AXES: tuple[Tree, ...] = (("constant", "i"), ("letter", "j"), ("letter", "k"))
_ZERO: Tree = ("number", Fraction(0))


def read_vector(text: str) -> Vector | None:
    """A sum of multiples of i, j and k, the first two of them at least; nothing else."""
    if "j" not in text or "i" not in text:
        return None
    try:
        tree = read_formula(text).tree
        value = evaluate_exactly(tree)
    except (UnreadableFormula, TooLarge, Undefined, RecursionError):
        return None
    if value.bottom != make_number(1) or not {"j"} <= list_letters(tree):
        return None
    for monomial in value.top:
        powers = [power for name, power in monomial if name in ("i", "j", "k")]
        if powers != [Fraction(1)]:
            return None
    i, j, k = (Formula(_take_component(tree, axis)) for axis in _AXES)
    return (i, j, k) if _mentions(tree, _AXES[0]) else None


def _mentions(tree: Tree, part: Tree) -> bool:
    return tree == part or any(isinstance(piece, tuple) and _mentions(piece, part) for piece in tree[1:])


def _take_component(tree: Tree, axis: Tree) -> Tree:
    """A linear form with 1 for one of its axes and 0 for the others."""
    if tree in _AXES:
        return ("number", Fraction(int(tree == axis)))
    return tuple(_take_component(part, axis) if isinstance(part, tuple) else part for part in tree)


def compare_vectors(gold: Vector, answer: Vector) -> Finding:
    """Component by component."""
    return combine_findings([compare_formulas(a, b) for a, b in zip(gold, answer)], "matrix")


def compare_vector_to_tuple(vector: Vector, tuple_: Collection) -> Finding:
    """`3i + 4j` beside `(3, 4)`."""
    parts = [part for part in tuple_.parts if isinstance(part, Formula)]
    if not tuple_.ordered or len(parts) != len(tuple_.parts) or len(parts) not in (2, 3):
        return Finding("other type", "matrix")
    return _compare_to_list(vector, parts)


def compare_vector_to_matrix(vector: Vector, matrix: Matrix) -> Finding:
    """`3i + 4j` beside a column."""
    cells = list(matrix[0]) if len(matrix) == 1 else [row[0] for row in matrix if len(row) == 1]
    return _compare_to_list(vector, cells) if len(cells) in (2, 3) else Finding("other type", "matrix")


def _compare_to_list(vector: Vector, parts: list[Formula]) -> Finding:
    padded = parts if len(parts) == 3 else [*parts, Formula(_ZERO)]
    return combine_findings([compare_formulas(a, b) for a, b in zip(vector, padded)], "matrix")


VECTOR = AnswerType("vector", "matrix", read_vector, compare_vectors)
