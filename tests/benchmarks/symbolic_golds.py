"""Gold answers of the symbolic benchmark as its rewritings and changes see them."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.algebra.trees import list_letters
from tasks.verify.answer_types import read_answer

Change = Callable[[str, random.Random], str | None]
"""Another text for a gold answer; None where it does not apply to that."""


def strip_signs(gold: str) -> str:
    """A gold answer without the signs round it."""
    return re.sub(r"\s+", " ", gold.replace("\\quad", " ").strip().rstrip(".").replace("$", "")).strip()


def is_value(text: str) -> bool:
    """Whether a text is a value: no equation, no unit, no words."""
    try:
        return (
            read_answer(text).type == "value"
            and "=" not in text
            and "text" not in text
            and "mbox" not in text
            and "circ" not in text
        )
    except UnreadableFormula:
        return False


def read_whole(text: str) -> int | None:
    """The whole number that a text is."""
    return int(text) if re.fullmatch(r"-?\d{1,15}", text) else None


def is_closed(text: str) -> bool:
    """Whether a text is a value without letters."""
    try:
        return is_value(text) and not list_letters(read_answer(text).value.tree)
    except UnreadableFormula:
        return False


def split_parts(text: str) -> list[str]:
    """What stands between the commas outside of brackets."""
    parts, depth, begun = [], 0, 0
    for at, sign in enumerate(text):
        depth += (sign in "([{") - (sign in ")]}")
        if sign == "," and depth == 0:
            parts.append(text[begun:at])
            begun = at + 1
    return [part.strip() for part in [*parts, text[begun:]]]


def read_list(text: str) -> list[str] | None:
    """The elements of a collection; None where a text is none, or not a plain one."""
    try:
        if read_answer(text).type != "collection" or "\\pm" in text or "dots" in text or "angle" in text:
            return None
    except UnreadableFormula:
        return None
    parts = split_parts(text)
    return parts if len(parts) > 1 and all(parts) else None
