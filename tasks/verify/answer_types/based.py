"""Numbers written in a base."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding
from tasks.verify.answer_types.formulas import Formula, evaluate_exactly

_BASED = re.compile(
    r"\(?(-?\s*[0-9A-F]+)\)?\s*_\s*\{?\s*(?:base\s*)?(\d{1,2}|\u27e8\s*(?:\w+)\s*\u27e9)\s*\}?|(-?[0-9A-F]+)\s*\u27e8?\s*\(?\s*(?:in )?base\s+(\d{1,2}|\w+)\)?\s*\u27e9?"
)
_BASES = {
    "two": 2,
    "three": 3,
    "four": 4,
    "five": 5,
    "six": 6,
    "seven": 7,
    "eight": 8,
    "nine": 9,
    "ten": 10,
    "twelve": 12,
    "sixteen": 16,
}


@dataclass(frozen=True)
class Based:
    """A number written in a base."""

    digits: str
    base: int

    def number(self) -> int | None:
        """Its value; None where one of its digits is none of the base."""
        try:
            return int(self.digits, self.base)
        except ValueError:
            return None


def read_based(text: str) -> Based | None:
    """`1010_2`, `221 base 3`."""
    match = _BASED.fullmatch(text)
    if match is None:
        return None
    base_text = (match[2] or match[4]).strip("\u27e8\u27e9 ")
    base = int(base_text) if base_text.isdigit() else _BASES.get(base_text.casefold(), 0)
    return Based((match[1] or match[3]).replace(" ", ""), base) if 2 <= base <= 36 else None


def compare_based(gold: Based, answer: Based) -> Finding:
    """By their values."""
    equal = gold.number() is not None and gold.number() == answer.number()
    return Finding("equal" if equal else "different", "base", True)


def compare_based_to_formula(based: Based, plain: Formula) -> Finding:
    """A number without its base is read in the other's where its digits are the same."""
    try:
        number = evaluate_exactly(plain.tree).rational()
    except (ArithmeticError, RecursionError):
        number = None
    if number is None:
        return Finding(UNKNOWN, "base")
    if str(number) == based.digits:
        return Finding("equal", "base", True)
    return Finding("base unclear", "base") if number == based.number() else Finding("different", "base", True)


BASED = AnswerType("number in a base", "base", read_based, compare_based)
