"""Residues: what is left over by a modulus."""

from __future__ import annotations

import re

from tasks.verify.answer_types.base import AnswerType, Finding, combine_findings
from tasks.verify.answer_types.formulas import Formula, compare_formulas, evaluate_exactly, read_formula

_MOD = re.compile(
    r"(?:(?P<name>[a-zA-Z])\s*(?:\\equiv|=)\s*)?(?P<rest>[^\u27e8\u27e9=]+?)\s*(?:\(\s*)?(?:\\p?mod(?![a-z])|\\bmod|\u27e8\s*\(?(?:mod|modulo)\s*\u27e9|\(?\s*\bmod(?:ulo)?\b)\s*\{?\s*(?P<by>[^(){}\u27e8\u27e9]+?)\s*\}?\s*\)?"
)


def read_residue(text: str) -> tuple[Formula, Formula] | None:
    """`3 mod 7`: the residue and the modulus."""
    match = _MOD.fullmatch(text)
    if match is None:
        return None
    return read_formula(match["rest"]), read_formula(match["by"])


def compare_residues(gold: tuple[Formula, Formula], answer: tuple[Formula, Formula]) -> Finding:
    """Of one modulus, by what is left over."""
    try:
        numbers = [evaluate_exactly(part.tree).rational() for part in (*gold, *answer)]
    except (ArithmeticError, RecursionError):
        numbers = [None]
    if any(number is None or number.denominator != 1 for number in numbers) or not numbers[1]:
        return combine_findings([compare_formulas(a, b) for a, b in zip(gold, answer)], "congruence", False)
    rest, by, other, by_other = (int(number) for number in numbers if number is not None)
    equal = by == by_other and (rest - other) % by == 0
    return Finding("equal" if equal else "different", "congruence", True)


RESIDUE = AnswerType("residue", "congruence", read_residue, compare_residues)
