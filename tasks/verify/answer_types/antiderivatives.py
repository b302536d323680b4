"""Functions up to a constant: `x² + C`, whatever the letter of the constant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from tasks.verify.algebra.bounds import is_surely_different
from tasks.verify.algebra.formula import Tree
from tasks.verify.algebra.sums import TooLarge, Undefined
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters, replace_letter
from tasks.verify.answer_types.base import ALIKE, UNKNOWN, AnswerType, Finding
from tasks.verify.answer_types.formulas import Formula, compare_formulas, evaluate_exactly, read_formula

_CONSTANT = re.compile(
    r"^(?P<body>.+?)\s*\+\s*(?P<letter>[Cc]|C_\{?[01]\}?|\u27e8\s*(?:C|c|constant|const\.?)\s*\u27e9|constant)$"
)


@dataclass(frozen=True)
class Antiderivative:
    """A function up to a constant."""

    body: Formula
    letter: str

    def whole(self) -> Formula:
        """It with its constant, as a formula like others."""
        return Formula(("sum", self.body.tree, ("letter", self.letter)), self.body.name, self.body.of)


def read_antiderivative(text: str) -> Antiderivative | None:
    """A formula of a letter `+ C`."""
    match = _CONSTANT.match(
        re.sub(
            r"[,;]?\s*\u27e8\s*where\s*\u27e9\s*[Cc]\s*\u27e8\s*is (?:a|an|any|the)[^\u27e8\u27e9]*constant[^\u27e8\u27e9]*\u27e9$",
            "",
            text,
        )
    )
    if match is None:
        return None
    letter = match["letter"][0]
    try:
        body = read_formula(match["body"])
    except UnreadableFormula:
        return None
    letters = list_letters(body.tree)
    return Antiderivative(body, letter) if letters and not letters & {letter, letter.swapcase()} else None


def compare_antiderivatives(gold: Antiderivative, answer: Antiderivative) -> Finding:
    """They differ by a number at most."""
    reply = compare_formulas(gold.body, answer.body)
    if reply == "different" and not _differ_by_letter(gold.body.tree, answer.body.tree):
        try:
            apart = evaluate_exactly(gold.body.tree) + -evaluate_exactly(answer.body.tree)
        except (TooLarge, Undefined, RecursionError):
            return Finding(UNKNOWN, "antiderivative")
        names = {name for monomial in (*apart.top, *apart.bottom) for name, _ in monomial}
        if all(isinstance(name, int) or name in ("pi", "e") for name in names):
            return Finding("equal", "antiderivative", True)
        if not all(isinstance(name, int | str) for name in names):
            return Finding(ALIKE, "antiderivative")  # logarithms and roots of letters: constants may hide in them
    return Finding(reply, "antiderivative", reply in ("equal", "different"))


def _differ_by_letter(a: Tree, b: Tree) -> bool:
    """Whether the difference of two functions of a letter is surely no constant: it has other values at other places."""
    letters = sorted(list_letters(a) | list_letters(b))
    apart: Tree = ("sum", a, ("minus", b))
    places = [replace_letter(apart, letters[0], ("number", Fraction(at, 10))) for at in (7, 13)] if letters else []
    return bool(places) and is_surely_different(places[0], places[1])


def read_constant(formula: Formula, body: Formula) -> Antiderivative | None:
    """A sum with a letter, read as an antiderivative beside one: `x² + K`."""
    if formula.tree[0] != "sum" or formula.tree[2][0] != "letter":
        return None
    letter = formula.tree[2][1]
    if not re.fullmatch(r"[A-DKkcd](?:_\w)?", letter) or letter in list_letters(body.tree) | list_letters(
        formula.tree[1]
    ):
        return None
    return Antiderivative(Formula(formula.tree[1]), letter)


ANTIDERIVATIVE = AnswerType("antiderivative", "antiderivative", read_antiderivative, compare_antiderivatives)
