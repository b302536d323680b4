"""Ratios of two numbers or more."""

from __future__ import annotations

import re

from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding, combine_findings, split_outside
from tasks.verify.answer_types.formulas import DOTS, Formula, compare_formulas, read_formula

_NAMES = re.compile(r"\s*[A-Za-z|\u27e8][\w|{}\\\u27e8\u27e9 ]*(?::\s*[A-Za-z|\u27e8][\w|{}\\\u27e8\u27e9 ]*)+\s*")
"""What says whose ratio it is: `S_1 : S_2`, `AB : CD`."""


def read_ratio(text: str) -> tuple[Formula, ...] | None:
    """`3:4`, `1:2:3`, `3 to 4`."""
    text = re.sub(r"(?<=\d)\s*\u27e8?\s*\bto\b\s*\u27e9?\s*(?=\d)", ":", text)
    parts = split_outside(re.sub(r"\\colon(?![a-z])", ":", text), ":")
    if len(parts) > 1 and "=" in text and len(sides := split_outside(text, "=")) == 2 and _NAMES.fullmatch(sides[0]):
        parts = split_outside(sides[1], ":")
        text = sides[1]
    if len(parts) < 2 or "=" in text or not all(part.strip() for part in parts):
        return None
    if re.fullmatch(r"[a-zA-Z](?:\([a-z]\))?", parts[0].strip()) and len(parts) == 2:
        return None  # "x: 5" names its value
    return tuple(Formula(DOTS) if part.strip() == "\\dots" else read_formula(part) for part in parts)


def compare_ratios(gold: tuple[Formula, ...], answer: tuple[Formula, ...]) -> Finding:
    """Of as many parts, each to the first as in the other."""
    if len(gold) != len(answer):
        return Finding("different", "ratio", True)
    results = []
    for a, b in zip(gold[1:], answer[1:]):
        if DOTS in (a.tree, b.tree):
            results.append("equal" if a.tree == b.tree else UNKNOWN)
            continue
        results.append(
            compare_formulas(Formula(("times", a.tree, answer[0].tree)), Formula(("times", b.tree, gold[0].tree)))
        )
    return combine_findings(results, "ratio")


RATIO = AnswerType("ratio", "ratio", read_ratio, compare_ratios)
