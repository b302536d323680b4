"""Finding the final answer in what a model wrote.

Rules are tried from the most to the least explicit; the one that found the
answer is recorded, so that a reader knows a marked answer from the last number
of a text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

AnswerKind = Literal["number", "choice", "text", "expression"]

SENTENCE = 1000
"""Characters of a last sentence; what is longer has lost its way and comes to no answer."""
BOXES = 16
"""How many `\\boxed{` are looked into, from the end."""
TAIL = 20_000
"""Characters at the end of a completion in which the answer is sought."""

_HASHES = re.compile(r"^[ \t]*####[ \t]*(\S[^\n]{0,400})", re.MULTILINE)
_FINAL_LINE = re.compile(
    r"^[ \t]*[*_]{0,2}(?:A|Answer|Final Answer)[*_]{0,2}[ \t]*:[*_]{0,2}[ \t]*(\S[^\n]{0,400})", re.MULTILINE
)
_PHRASE = re.compile(
    r"\banswer(?:\s+to\s+(?:the|this)\s+(?:question|problem))?\s*(?:is|=|:|would be|will be|must be|should be)(?:\s*:)?\s*(\S[^\n]{0,400})",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\(([A-Ja-j])\)|\b(?:option|choice)\s+\(?([A-Ja-j])\b\)?", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])[-−]?\$?\d[\d,]*(?:\.\d+)?(?:\s*%|/\d+)?")
_BOLD = re.compile(r"\*\*([^*\n]{1,120})\*\*")
_CODE = re.compile(r'^\s*"?\w+"?\s*:\s*\w+\(|^\s*"\w+"\s*:|\breturn\b|[;{}]\s*$')
_SEVERAL = re.compile(r"\b(?:either|or)\b", re.IGNORECASE)
_OR = re.compile(r"(?:\s+[A-Za-z]+){0,2}\s+or\s+")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")


@dataclass(frozen=True)
class Extraction:
    """An answer found in a text."""

    answer: str
    """The answer as it stands in the text."""
    rule: str
    """One of `tables.EXTRACTION_RULES`."""
    context: str = ""
    """The sentence it stands in, where nothing marks which of its numbers is the answer."""


def boxed(text: str) -> str | None:
    r"""What the last closed `\boxed{…}` holds."""
    for match in list(_BOXED.finditer(text))[: -BOXES - 1 : -1]:
        depth = 1
        for i in range(match.end(), min(len(text), match.end() + 2000)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0:
                return text[match.end() : i].strip()
    return None


def _sentence(text: str) -> str:
    """A text up to the end of its first sentence, without Markdown's stars."""
    end = re.search(r"(?<!\bRs)(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bNo)[.!?](?:\s|$)|\n", text)
    return (text[: end.start()] if end else text).replace("**", "").strip().rstrip(".").strip()


def _last(pattern: re.Pattern[str], text: str, kind: AnswerKind) -> re.Match[str] | None:
    """The last match that gives an answer: not one that puts the question again, or says what the answer is not."""
    found = None
    for match in pattern.finditer(text):
        empty = kind == "number" and not re.search(r"\d", match[1]) and text[match.end() :].strip()
        denied = kind == "number" and re.match(r"not\s+[-−$]?\d", match[1], re.IGNORECASE)
        if not match[1].rstrip().endswith("?") and not empty and not denied:
            found = match
    return found


def _marked(text: str, kind: AnswerKind) -> Extraction | None:
    """The marked answer that stands last: "#### 18", "Answer: 18", "the answer is 18"."""
    rules = (("hashes", _HASHES), ("final line", _FINAL_LINE), ("phrase", _PHRASE))
    found = [(match.start(1), name, match[1]) for name, rule in rules if (match := _last(rule, text, kind))]
    if not found:
        return None
    _, name, answer = max(found)
    return Extraction(_sentence(answer) if name != "hashes" else answer.strip(), name)


def extract(text: str, stated: str | None, kind: AnswerKind) -> Extraction | None:
    """The final answer of a completion, or None where it gives none."""
    if stated is not None and stated.strip():
        return Extraction(stated.strip(), "stated")
    tail = text[-TAIL:]
    answer = boxed(tail)
    if answer:
        return Extraction(answer, "boxed")
    if answer is None and _BOXED.search(tail):  # it breaks off inside the box
        return None
    marked = _marked(tail, kind)
    if marked and marked.answer:
        return marked
    return _unmarked(tail, kind)


def _unmarked(text: str, kind: AnswerKind) -> Extraction | None:
    """An answer that nothing marks, from the last sentence of a text that was not cut off.

    A text that breaks off has come to no answer, whatever number stands last in
    it; nor has one that ends in a question, in code, or in saying the same again
    and again.
    """
    last = _last_sentence(text)
    if last is None or _CODE.search(last) or text.count(last) > 2:
        return None
    bold = _BOLD.findall(last)
    if bold and (kind != "number" or re.search(r"\d", bold[-1])):
        return Extraction(bold[-1].strip(), "bold")
    if kind == "choice":
        letters = {letter for found in _CHOICE.findall(last) for letter in found if letter}
        if letters and _SEVERAL.search(last) and len({letter.upper() for letter in letters}) > 1:
            return Extraction(last, "choice")
        found = [letter for pair in _CHOICE.findall(last) for letter in pair if letter]
        return Extraction(found[-1], "choice") if found else None
    if kind == "number":
        numbers = list(_NUMBER.finditer(last))
        if not numbers:
            return None
        start, end = numbers[-1].span()
        if len(numbers) > 1 and _OR.fullmatch(last, numbers[-2].end(), start):
            start = numbers[-2].start()  # "12 or 14" gives two
        return Extraction(last[start:end].strip(), "last number", last)
    return None


def _last_sentence(text: str) -> str | None:
    """The last sentence; None where the text breaks off in the middle of it, or it is a question.

    A line without a full stop is a whole sentence where it ends with its number
    (and a unit of at most two words).
    """
    text = text.rstrip(" \t\n\r\f\v\u00a0`}]").rstrip('"').rstrip()
    lines = text.split("\n")
    found = re.split(r"(?<=[.!?])\s+", lines[-1].strip())
    if len(found[-1]) > SENTENCE:
        return None
    last = re.sub(r"\s+", " ", found[-1])
    if re.search(r",\d{1,2}$", last):  # a number cut off within its thousands
        return None
    if re.search(r"[.!)*$]['\"”’]?$", last):
        return last
    return last if re.search(r"\d[\d.,]*\s*%?(?:\s+[A-Za-z]+){0,2}$", last) else None
