"""Named amounts: "23 chickens and 12 rabbits"; the names count."""

from __future__ import annotations

import re
from fractions import Fraction

from tasks.verify.answer_types.base import DOUBTED, UNKNOWN, AnswerType, Finding

Amounts = tuple[tuple[str, Fraction], ...]
_JOINED = re.compile(r"\s*(?:,|;|and|,\s*and)\s*")
_UNITS = re.compile(
    r"(?:hours?|minutes?|seconds?|days?|weeks?|months?|years?|feet|foot|inch(?:es)?|dollars?|cents?|pounds?|ounces?|km|cm|mm|kg|meters?|positive|negative|real|integers?)\b",
    re.IGNORECASE,
)


def read_amounts(text: str) -> Amounts | None:
    """At least two numbers, each with the name of what it counts; units are no names."""
    text = re.sub("[\u27e8\u27e9]", " ", text)
    text = re.sub(r"^(?:there are|they are|we have)\s+", "", re.sub(r"\s+", " ", text).strip(), flags=re.IGNORECASE)
    amounts: list[tuple[str, Fraction]] = []
    at = 0
    for match in re.finditer(r"(?P<number>-?\d[\d,]*(?:\.\d+)?)\s+(?P<name>[a-zA-Z-]+(?: (?!and\b)[a-zA-Z-]+)?)", text):
        between = text[at : match.start()]
        if (
            (amounts and not _JOINED.fullmatch(between))
            or (not amounts and between.strip())
            or _UNITS.match(match["name"])
        ):
            return None
        amounts.append((_make_singular(match["name"]), Fraction(match["number"].replace(",", ""))))
        at = match.end()
    names = {name for name, _ in amounts}
    return (
        tuple(sorted(amounts))
        if len(amounts) > 1 and len(names) == len(amounts) and not text[at:].strip(" .")
        else None
    )


def _make_singular(name: str) -> str:
    name = name.casefold()
    for plural, single in (("ies", "y"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ss", "ss"), ("s", "")):
        if name.endswith(plural):
            return name[: -len(plural)] + single
    return name


def _cut_at_and(words: str) -> list[str]:
    """The words behind a number up to the next "and", in the singular."""
    return [_make_singular(word) for word in re.split(r"\band\b", words)[0].split()[:2]]


def find_amounts(text: str, gold: Amounts) -> Amounts | None:
    """The amounts of a sentence by the names that are wanted; None where one is missing, or is given twice."""
    if DOUBTED.search(re.sub(r"-?\d[\d,]*(?:\.\d+)?\s+[a-zA-Z-]", " ", text)):
        return None
    amounts = []
    for name, _ in gold:
        last = name.split()[-1]
        values = {
            Fraction(number.replace(",", ""))
            for number, words in re.findall(r"(-?\d[\d,]*(?:\.\d+)?)((?:\s+[a-zA-Z-]+){1,3})", text)
            if last in _cut_at_and(words)
        }
        if len(values) != 1:
            return None
        amounts.append((name, values.pop()))
    return tuple(sorted(amounts))


def compare_amounts(gold: Amounts, answer: Amounts) -> Finding:
    """By their names."""
    if {name for name, _ in gold} != {name for name, _ in answer}:
        return Finding(UNKNOWN, "amounts")
    return Finding("equal" if gold == answer else "different", "amounts", True)


AMOUNTS = AnswerType("named amounts", "amounts", read_amounts, compare_amounts)
