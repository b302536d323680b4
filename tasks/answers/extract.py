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

TAIL = 20_000
"""Characters at the end of a completion in which the answer is sought."""

_HASHES = re.compile(r"^\s*####[ \t]*(\S[^\n]{0,400})", re.MULTILINE)
_FINAL_LINE = re.compile(r"^[ \t]*[*_]{0,2}(?:A|Answer|Final Answer)[*_]{0,2}[ \t]*:[*_]{0,2}[ \t]*(\S[^\n]{0,400})", re.MULTILINE)
_PHRASE = re.compile(
    r"\banswer(?:\s+to\s+(?:the|this)\s+(?:question|problem))?\s*(?:is|=|:|would be|will be|must be|should be)\s*:?\s*(\S[^\n]{0,400})",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\(([A-Ja-j])\)|\b(?:option|choice)\s+\(?([A-Ja-j])\b\)?", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.])[-−]?\$?\d[\d,]*(?:\.\d+)?(?:\s*%|/\d+)?")
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")


@dataclass(frozen=True)
class Extraction:
    """An answer found in a text."""

    answer: str
    """The answer as it stands in the text."""
    rule: str
    """One of `tables.EXTRACTION_RULES`."""


def boxed(text: str) -> str | None:
    """What the last closed `\\boxed{…}` holds."""
    for match in reversed(list(_BOXED.finditer(text))):
        depth = 1
        for i in range(match.end(), min(len(text), match.end() + 2000)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0:
                return text[match.end() : i].strip()
    return None


def _sentence(text: str) -> str:
    """A text up to the end of its first sentence, without Markdown's stars."""
    end = re.search(r"[.!?](?:\s|$)|\n", text)
    return (text[: end.start()] if end else text).replace("**", "").strip().rstrip(".").strip()


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for found in pattern.finditer(text):
        if found[1].rstrip().endswith("?"):  # a question put again, as least-to-most prompts do
            found = None
    return found


def _marked(text: str) -> Extraction | None:
    """The marked answer that stands last: "#### 18", "Answer: 18", "the answer is 18"."""
    rules = (("hashes", _HASHES), ("final line", _FINAL_LINE), ("phrase", _PHRASE))
    found = [(match.start(1), name, match[1]) for name, rule in rules if (match := _last(rule, text))]
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
    marked = _marked(tail)
    if marked and marked.answer:
        return marked
    if kind == "choice":
        letters = _CHOICE.findall(tail)
        return Extraction(next(filter(None, letters[-1])), "choice") if letters else None
    if kind == "number":
        numbers = _NUMBER.findall(tail)
        return Extraction(numbers[-1].strip(), "last number") if numbers else None
    return None
