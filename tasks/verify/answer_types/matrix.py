"""Matrices and vectors."""

from __future__ import annotations

import re

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import PARTS, AnswerType, Finding, combine_findings
from tasks.verify.answer_types.formulas import Formula, compare_formulas, read_formula
from tasks.verify.normalize import ROW

_MATRIX = re.compile(r"^\\begin\s*\{([pbvBV]?matrix|array)\}(?:\s*\{[lcr| ]*\})?(.*)\\end\s*\{\1\}$", re.DOTALL)


def read_matrix(text: str) -> tuple[tuple[Formula, ...], ...] | None:
    """Rows of a matrix or vector."""
    match = _MATRIX.match(re.sub(r"^[A-Za-z]\s*=\s*(?=\\begin)", "", text))
    if match is None:
        return None
    rows = [row for row in match[2].split(ROW) if row.strip()]
    cells = tuple(tuple(read_formula(cell) for cell in row.split("&")) for row in rows)
    if not cells or sum(map(len, cells)) > PARTS:
        raise UnreadableFormula("a matrix")
    return cells


def compare_matrices(gold: tuple[tuple[Formula, ...], ...], answer: tuple[tuple[Formula, ...], ...]) -> Finding:
    """Cell by cell."""
    if [len(row) for row in gold] != [len(row) for row in answer]:
        return Finding("different", "matrix", True)
    return combine_findings(
        [compare_formulas(a, b) for row, other in zip(gold, answer) for a, b in zip(row, other)], "matrix"
    )


MATRIX = AnswerType("matrix", "matrix", read_matrix, compare_matrices)
