"""Matrices and vectors."""

from __future__ import annotations

import re
from fractions import Fraction

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import PARTS, UNKNOWN, AnswerType, Finding, combine_findings
from tasks.verify.answer_types.collection import Collection
from tasks.verify.answer_types.formulas import Formula, compare_formulas, read_formula
from tasks.verify.normalize import ROW

_MATRIX = re.compile(r"\\begin\s*\{([pbB]?matrix|array|smallmatrix)\}(?:\s*\{[lcr| ]*\})?(.*)\\end\s*\{\1\}", re.DOTALL)
_BRACKETED = re.compile(r"(?P<before>.*?)[(\[]\s*(?P<matrix>\\begin.*\\end\s*\{\w+\})\s*[)\]]", re.DOTALL)
_NAMED = re.compile(
    r"(?:\\(?:vec|mathbf|overrightarrow)\s*)?\{?\s*[A-Za-z](?:_\{?\w+\}?|\^\{?-?[1T]\}?)?\s*\}?\s*=\s*(?=[^=]*\\begin[^=]*$)"
)
_TURNED = re.compile(r"\s*\^\s*\{?\s*(?:T|\\top|\\intercal|\u27e8\s*T\s*\u27e9)\s*\}?$")
Matrix = tuple[tuple[Formula, ...], ...]


def read_matrix(text: str) -> Matrix | None:
    """Rows of a matrix or vector, with the factor before it."""
    if "\\begin" not in text:
        return None
    text = _NAMED.sub("", text, count=1)
    turned = _TURNED.search(text)
    text = text[: turned.start()] if turned else text
    while bracketed := _BRACKETED.fullmatch(text):
        text = bracketed["before"] + bracketed["matrix"]
    at = text.find("\\begin")
    match = _MATRIX.fullmatch(text, at)
    if match is None:
        return None
    factor = text[:at].strip().removesuffix("\\cdot").removesuffix("*").strip()
    by = None if not factor else ("number", Fraction(-1)) if factor == "-" else read_formula(factor).tree
    rows = [row for row in match[2].split(ROW) if row.replace("\\hline", "").strip()]
    cells = [[read_formula(cell) for cell in row.split("&")] for row in rows]
    if not cells or sum(map(len, cells)) > PARTS:
        raise UnreadableFormula("a matrix")
    if turned:
        cells = [list(column) for column in zip(*cells, strict=True)]
    return tuple(tuple(cell if by is None else Formula(("times", by, cell.tree)) for cell in row) for row in cells)


def compare_matrices(gold: Matrix, answer: Matrix) -> Finding:
    """Cell by cell."""
    if [len(row) for row in gold] != [len(row) for row in answer]:
        turned = len(gold) == len(answer[0]) and len(gold[0]) == len(answer) and 1 in (len(gold), len(answer))
        return Finding(UNKNOWN, "matrix") if turned else Finding("different", "matrix", True)
    return combine_findings(
        [compare_formulas(a, b) for row, other in zip(gold, answer) for a, b in zip(row, other)], "matrix"
    )


def compare_matrix_to_tuple(matrix: Matrix, tuple_: Collection) -> Finding:
    """A column or row beside a tuple of as many numbers."""
    cells = matrix[0] if len(matrix) == 1 else [row[0] for row in matrix if len(row) == 1]
    parts = [part for part in tuple_.parts if isinstance(part, Formula)]
    if not tuple_.ordered or len(cells) != len(parts) or len(parts) != len(tuple_.parts):
        return Finding("other type", "matrix")
    return combine_findings([compare_formulas(a, b) for a, b in zip(cells, parts)], "matrix")


MATRIX = AnswerType("matrix", "matrix", read_matrix, compare_matrices)
