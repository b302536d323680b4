"""An answer found in a text, and the kinds of answers that are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

AnswerKind = Literal[
    "number", "choice", "text", "yes or no", "date", "expression", "time", "ratio", "amounts", "none", "reals"
]


@dataclass(frozen=True)
class Extraction:
    """An answer found in a text."""

    answer: str
    """The answer as it stands in the text."""
    rule: str
    """One of `schemas.columns.problems.EXTRACTION_RULES`."""
    context: str = ""
    """The sentence it stands in, where nothing marks which of its numbers is the answer."""
    near: int | None = None
    """From where on it stands in the text; None where it is the last such."""

    def span(self, text: str) -> tuple[int, int] | None:
        """Its first character and the one behind its last, counted from 0; None where it is not there verbatim."""
        at = text.rfind(self.answer) if self.near is None else text.find(self.answer, self.near)
        return None if at < 0 else (at, at + len(self.answer))
