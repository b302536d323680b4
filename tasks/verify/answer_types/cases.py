r"""Values under conditions: `\\begin{cases} … \\end{cases}`, `n/2 if n is even, … otherwise`."""

from __future__ import annotations

import re

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding, combine_findings
from tasks.verify.answer_types.conditions import (
    OTHERWISE,
    Condition,
    is_same_condition,
    read_condition,
    resolve_otherwise,
)
from tasks.verify.answer_types.families import INTEGER
from tasks.verify.answer_types.formulas import Formula, compare_formulas, read_formula
from tasks.verify.normalize import ROW

Cases = tuple[tuple[Formula, Condition], ...]
_ENVIRONMENT = re.compile(
    r"^(?:[a-zA-Z](?:\([a-z]\))?\s*=\s*)?(?:\\lbrace\s*)?\\begin\s*\{(?:cases|array|aligned)\}(?:\s*\{[lcr| ]*\})?(.*)\\end\s*\{(?:cases|array|aligned)\}$",
    re.DOTALL,
)
_IF = re.compile(
    r"\s*,?\s*(?:\u27e8\s*,?\s*(?P<marked>if|when|for|where|whenever|provided that|with)\b\s*(?P<words>[^\u27e8\u27e9]*)\u27e9|(?<![a-zA-Z\\])(?P<plain>if|when|for|where)(?![a-zA-Z])\s*)"
)
_OTHERWISE = re.compile(
    r"\s*,?\s*(?:\u27e8\s*,?\s*(?:and\s+)?(?:otherwise|else)\s*\u27e9|\b(?:otherwise|else)\b)\s*,?\s*"
)


def read_cases(text: str) -> Cases | None:
    """Each value with its condition."""
    if match := _ENVIRONMENT.match(text):
        rows = [row for row in match[1].split(ROW) if row.strip()]
        return tuple(_read_case(_mark_condition(row)) for row in rows)
    if (not _IF.search(text) and not _OTHERWISE.search(text)) or INTEGER.search(text):
        return None
    pieces = [piece for piece in re.split(r"[,;](?![^()\[\]]*[)\]])|(?<=otherwise)\s+", text) if piece.strip()]
    joined: list[str] = []
    for piece in pieces:
        if joined and not _IF.search(joined[-1]) and (_IF.match(piece) or _OTHERWISE.fullmatch(piece.strip())):
            joined[-1] += piece
        else:
            joined.append(piece)
    return tuple(_read_case(re.sub(r"^\s*\u27e8?\s*and\s*\u27e9?\s+", "", piece)) for piece in joined)


def _mark_condition(row: str) -> str:
    """A row of an environment, with the word that joins its condition."""
    match = _IF.search(row) or _OTHERWISE.search(row)
    return row.replace("&", " " if match else " \u27e8if\u27e9 ", 1)


def _read_case(text: str) -> tuple[Formula, Condition]:
    if match := _OTHERWISE.search(text):
        before, behind = text[: match.start()].strip(" ,"), text[match.end() :].strip(" ,.")
        if before and behind:
            raise UnreadableFormula(behind)
        return read_formula(before or behind), OTHERWISE
    match = _IF.search(text)
    if match is None:
        raise UnreadableFormula(text)
    condition = ((match["words"] or "") + " " + text[match.end() :]).strip(" ,.")
    return read_formula(text[: match.start()].strip(" ,")), read_condition(condition)


def compare_cases(gold: Cases, answer: Cases) -> Finding:
    """Case by case, in any order; only conditions that are the same are compared."""
    sides = []
    for cases in (gold, answer):
        conditions = resolve_otherwise([condition for _, condition in cases])
        sides.append([(formula, condition) for (formula, _), condition in zip(cases, conditions)])
    if len(gold) != len(answer):
        return Finding(UNKNOWN, "cases")
    results = []
    for formula, condition in sides[0]:
        like = [other for other, theirs in sides[1] if is_same_condition(condition, theirs)]
        results.append(compare_formulas(formula, like[0]) if len(like) == 1 else UNKNOWN)
    return combine_findings(results, "cases", sure=UNKNOWN not in results)


CASES = AnswerType("cases", "cases", read_cases, compare_cases)
