"""Functions up to a constant: `x² + C`, whatever the letter of the constant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tasks.verify.algebra.sums import TooLarge, Undefined
from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
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
    if reply == "different":
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


ANTIDERIVATIVE = AnswerType("antiderivative", "antiderivative", read_antiderivative, compare_antiderivatives)
