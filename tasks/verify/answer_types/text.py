"""Words: names, yes or no, short sentences."""

from __future__ import annotations

import re

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types.base import UNKNOWN, AnswerType, Finding, split_words

_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


def read_words(text: str) -> tuple[str, ...] | None:
    """A text of words and whole numbers, without signs that mean something in a formula."""
    text = re.sub("[\u27e8\u27e9]", " ", text)
    text = re.sub(
        r"^\s*(?:it falls on|it is|it was|it's|they are|there are|there is|this is|that is)\s+",
        "",
        text,
        flags=re.IGNORECASE,
    )
    if not re.search(r"[^\W\d_]", text) or re.search(r"[\\^=<>+*/{}\[\]|~@#$&_\ufffd]|\d[a-zA-Z]|[a-zA-Z]\d", text):
        return None
    words = tuple(word for word in split_words(text) if word not in ("the", "a", "an"))
    if len(words) > 8 or len(text) > 120:
        raise UnreadableFormula(text[:60])
    return words


def compare_words(gold: tuple[str, ...], answer: tuple[str, ...]) -> Finding:
    """The same words; yes is true, and one that stands in the other decides nothing."""
    if gold == answer:
        return Finding("equal", "text", True)
    truths = [_YES_NO.get(words[0]) if len(words) == 1 else None for words in (gold, answer)]
    if None not in truths:
        return Finding("equal" if truths[0] == truths[1] else "different", "yes or no", True)
    if set(gold) & set(answer) or len(gold) > 4 or len(answer) > 4:
        return Finding("several answers" if set(gold) <= set(answer) else UNKNOWN, "text")
    if any(word.isdigit() for word in (*gold, *answer)):
        return Finding(UNKNOWN, "text")
    return Finding("different", "text", True)


WORDS = AnswerType("text", "text", read_words, compare_words)
