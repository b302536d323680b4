"""Ratios of two numbers or more."""

from __future__ import annotations

import re

from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding, combine_findings, split
from tasks.verify.answer_types.formulas import DOTS, Formula, compare_trees, read_formula


def read_ratio(text: str) -> tuple[Formula, ...] | None:
    """`3:4`, `1:2:3`, `3 to 4`."""
    text = re.sub(r"(?<=\d)\s*\u27e8?\s*\bto\b\s*\u27e9?\s*(?=\d)", ":", text)
    parts = split(re.sub(r"\\colon(?![a-z])", ":", text), ":")
    if len(parts) < 2 or "=" in text or not all(part.strip() for part in parts):
        return None
    if re.fullmatch(r"[a-zA-Z](?:\([a-z]\))?", parts[0].strip()) and len(parts) == 2:
        return None  # "x: 5" names its value
    return tuple(Formula(DOTS) if part.strip() == "\\dots" else read_formula(part) for part in parts)


def compare_ratios(wanted: tuple[Formula, ...], found: tuple[Formula, ...]) -> Finding:
    """Of as many parts, each to the first as in the other."""
    if len(wanted) != len(found):
        return Finding("different", "ratio", True)
    said = []
    for a, b in zip(wanted[1:], found[1:]):
        if DOTS in (a.tree, b.tree):
            said.append("equal" if a.tree == b.tree else UNKNOWN)
            continue
        said.append(compare_trees(("times", a.tree, found[0].tree), ("times", b.tree, wanted[0].tree)))
    return combine_findings(said, "ratio")


RATIO = AnswerType("ratio", "ratio", read_ratio, compare_ratios)
