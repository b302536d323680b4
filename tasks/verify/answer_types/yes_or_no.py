"""Yes or no, true or false."""

from __future__ import annotations

import re

from tasks.verify.answer_types.base import DOUBTED, NOT_READ, AnswerType, Finding, split_words

YES = {"yes": True, "true": True, "no": False, "false": False}
SHORT = 6
"""Words of an answer in which one that takes it back counts; longer ones give their reasons."""
_SPOKEN = re.compile(r"\b(?:yes|no|true|false)\b|^\W*no\b[^.]*\bnot\b", re.IGNORECASE)
_LEADING = re.compile(r"\W*\w+\s*[,.;:\u2014-]")
_BOTH = re.compile(r"\b(?:yes|true)\s+(?:and|or)\s+(?:no|false)\b|\b(?:no|false)\s+(?:and|or)\s+(?:yes|true)\b")


def read_yes_or_no(text: str) -> bool | None:
    """One of the four words, alone."""
    return YES.get(re.sub("[\u27e8\u27e9]", " ", text).strip().casefold())


def compare_yes_or_no(gold: bool, answer: bool) -> Finding:
    """Yes is true."""
    return Finding("equal" if gold == answer else "different", "yes or no", True)


def find_yes_or_no(gold: bool, answer: str) -> Finding:
    """What an answer in words says: the only one of the four words in it, or else the one it begins with."""
    words = split_words(answer)
    if _BOTH.search(" ".join(words)):
        return Finding("several answers", "yes or no")
    if 1 < len(words) <= SHORT and DOUBTED.search(_SPOKEN.sub(" ", answer)):
        return Finding(NOT_READ, "yes or no")
    truths = {YES[word] for word in words if word in YES}
    if len(truths) == 1:
        return compare_yes_or_no(gold, truths.pop())
    if words and words[0] in YES and (len(words) > SHORT or not truths or _LEADING.match(answer)):
        return compare_yes_or_no(gold, YES[words[0]])
    return Finding("several answers" if truths else "unparsable", "yes or no")


YES_OR_NO = AnswerType("yes or no", "yes or no", read_yes_or_no, compare_yes_or_no)
