"""Finding the final answer in what a model wrote.

Rules are tried from the most to the least explicit; the one that found the
answer is recorded, so that a reader knows a marked answer from the last number
of a text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from tasks.verify.dates import DATE
from tasks.verify.no_answer import DENIAL, NOTHING_LEFT
from tasks.verify.truncation import AGAIN, TAIL, cut_off, last_sentence, own

AnswerKind = Literal["number", "choice", "text", "yes or no", "date", "expression"]

NEAR_THE_END = 300
"""Characters from a mark to the end of a completion that breaks off: what it marked earlier need not be its answer."""
BOXES = 16
"""How many `\\boxed{` are looked into, from the end."""

_HASHES = re.compile(r"^[ \t]*####[ \t]*(\S[^\n]{0,400})", re.MULTILINE)
_FINAL_LINE = re.compile(
    r"^[ \t]*[*_]{0,2}(?:A|Answer|Final Answer)[*_]{0,2}[ \t]*:[*_]{0,2}[ \t]*(\S[^\n]{0,400})", re.MULTILINE
)
_KEYED = re.compile(
    r"^[^\w\n]{0,8}answer[\\\"'`*_]{1,8}[ \t]*:[ \t]*(\{[^{}]{0,400}\}|\[[^\[\]]{0,400}\]|\S[^\n]{0,400})", re.MULTILINE
)
"""The key of a JSON answer that is broken, or holds more than a text or a number."""
_PHRASE = re.compile(
    r"\banswer(?:\s+to\s+(?:the|this)\s+(?:question|problem))?\s*(?:is|=|:|would be|will be|must be|should be)(?:\s*:)?\s*(\S[^\n]{0,400})",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\(([A-Ja-j])\)|\b(?:option|choice)\s+\(?([A-Ja-j])\b\)?", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![\w.:])[-−]?\$?\d[\d,]*(?: \d{3}(?!\d))*(?:\.\d+)?(?:\s*%|/\d+)?(?![\d,.]*:\d)")
_BOLD = re.compile(r"\*\*([^*\n]{1,120})\*\*")
_CODE = re.compile(r'^\s*"?\w+"?\s*:\s*\w+\(|^\s*"\w+"\s*:|\breturn\b|[;{}]\s*$')
MARKED = ("boxed", "hashes", "final line", "phrase", "corrected")
_SEVERAL = re.compile(r"\b(?:either|or)\b", re.IGNORECASE)
_OR = re.compile(r"(?:\s+[A-Za-z]+){0,2}\s+or\s+")
_BLANK = re.compile(r"answer[\\\"'`*_]{1,8}\s*:\s*[\\\"']{1,2}[\s_?.]*[\\\"']{1,2}\s*(?:[},]|$)")
_MARK = re.compile(r"####|\\boxed|\banswer\b[\\\"'`*_]{0,8}\s*(?:is\b|=|:)", re.IGNORECASE)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_CORRECTED = re.compile(
    r"\b(?:wait|hold on|correction|on second thought|scratch that|i made a mistake|let me correct|my mistake)\b",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(
    r"^[\s\"'*]*(yes|no|true|false)\b(?![ ]+(?:one|doubt|matter|definitive|right|clear))", re.IGNORECASE
)
_EMPTY = re.compile(r"(?:[^\w∞]|_)*|x{1,3}|\?+|n/?a|none provided|your answer.*", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class Extraction:
    """An answer found in a text."""

    answer: str
    """The answer as it stands in the text."""
    rule: str
    """One of `tables.EXTRACTION_RULES`."""
    context: str = ""
    """The sentence it stands in, where nothing marks which of its numbers is the answer."""
    near: int | None = None
    """From where on it stands in the text; None where it is the last such."""

    def span(self, text: str) -> tuple[int, int] | None:
        """Its first character and the one behind its last, counted from 0; None where it is not there verbatim."""
        at = text.rfind(self.answer) if self.near is None else text.find(self.answer, self.near)
        return None if at < 0 else (at, at + len(self.answer))


def boxed(text: str) -> str | None:
    r"""What the last closed `\boxed{…}` holds."""
    found = _box(text)
    return found[0] if found else None


def _box(text: str) -> tuple[str, int] | None:
    """What the last closed box holds, and where that begins."""
    for match in list(_BOXED.finditer(text))[: -BOXES - 1 : -1]:
        depth = 1
        for i in range(match.end(), min(len(text), match.end() + 2000)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0:
                return text[match.end() : i].strip(), match.end()
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
    at, name, answer = max(found)
    return Extraction(_sentence(answer) if name != "hashes" else answer.strip(), name, near=at)


def keyed(text: str, kind: AnswerKind) -> Extraction | None:
    """What stands behind the key of a JSON answer that no parser takes; of several texts or numbers all."""
    match = _last(_KEYED, own(text, _MARK)[-TAIL:], kind)
    answer = match[1].strip().rstrip("}`,").strip().strip("\\\"'`*] ") if match else ""
    if match is None or _EMPTY.fullmatch(answer):
        return None
    return Extraction(answer, "final line", near=text.rfind(answer))


def left_blank(text: str) -> bool:
    """Whether the answer's key has a blank behind it, so that no number of the reasoning is the answer."""
    return bool(_BLANK.search(own(text, _MARK)[-TAIL:]))


def extract(text: str, stated: str | None, kind: AnswerKind, marked_only: bool = False) -> Extraction | None:
    """The final answer of a completion, or None where it gives none.

    A field of its own comes first, then the last box, then the last mark; where
    the text goes on to correct itself ("… 18. Wait, 20."), what it ends with.

    Args:
        text: The completion, or the reasoning in it.
        stated: What the completion states in a field of its own, if it has one.
        kind: What kind of answer is asked for.
        marked_only: Whether to leave out answers that nothing marks.

    Returns:
        The answer, the rule that found it and where it stands.

    """
    if stated is not None and stated.strip() and (kind == "choice" or not _EMPTY.fullmatch(stated.strip())):
        return Extraction(stated.strip(), "stated")
    text = own(text, _MARK)
    begun = max(0, len(text) - TAIL)
    tail = text[begun:]
    found = _found(tail, kind)
    if found and found.rule not in MARKED and (marked_only or cut_off(text)):
        return None
    if found and cut_off(text) and len(tail) - (found.near or 0) > NEAR_THE_END:
        return None
    return replace(found, near=found.near + begun) if found and found.near is not None else found


def _found(tail: str, kind: AnswerKind) -> Extraction | None:
    box = _box(tail)
    if box is None and _BOXED.search(tail):  # it breaks off inside the box
        return None
    found = Extraction(box[0], "boxed", near=box[1]) if box and box[0] else _marked(tail, kind)
    if not found or not found.answer:
        return _unmarked(tail, kind)
    return _corrected(tail, found, kind) or found


def _corrected(text: str, found: Extraction, kind: AnswerKind) -> Extraction | None:
    """The answer of a text that takes back the one it marked."""
    behind = (found.near or 0) + len(found.answer)
    turn = _CORRECTED.search(text, behind)
    last = _unmarked(text[turn.end() :], kind) if turn else None
    if turn is None or last is None or last.rule == "denial":
        return None
    return replace(last, rule="corrected")


def _unmarked(text: str, kind: AnswerKind) -> Extraction | None:
    """An answer that nothing marks, from the last sentence of a text that was not cut off.

    A text that breaks off has come to no answer, whatever number stands last in
    it; nor has one that ends in a question, in code, or in saying the same again
    and again.

    Returns:
        The answer and the rule that found it; None where there is none.

    """
    if kind == "yes or no":
        return _opening(text)
    last = last_sentence(text)
    if last is None or _CODE.search(last) or text.count(last) > AGAIN:
        return None
    bold = _BOLD.findall(last)
    if bold and (kind != "number" or re.search(r"\d", bold[-1])):
        return Extraction(bold[-1].strip(), "bold")
    if kind == "choice":
        return _option(last)
    if kind == "date":
        dates = list(DATE.finditer(last))
        return Extraction(dates[-1][0], "last date") if dates else _denied(last)
    if kind == "number":
        return _last_number(last)
    return None


def _opening(text: str) -> Extraction | None:
    """The yes or no with which a text, or its last line, begins."""
    lines = text.rstrip().rsplit("\n", 1)
    for line, at in ((lines[-1], len(text.rstrip()) - len(lines[-1])), (text, 0)):
        match = _YES_OR_NO.match(line)
        if match:
            return Extraction(match[1], "opening", near=at)
    return None


def _option(last: str) -> Extraction | None:
    """The marked letter of an option that stands last in a sentence."""
    letters = {letter for found in _CHOICE.findall(last) for letter in found if letter}
    if letters and _SEVERAL.search(last) and len({letter.upper() for letter in letters}) > 1:
        return Extraction(last, "choice")
    found = [letter for pair in _CHOICE.findall(last) for letter in pair if letter]
    return Extraction(found[-1], "choice") if found else _denied(last)


def _denied(last: str) -> Extraction | None:
    """A last sentence that says that there is no answer."""
    return Extraction(last, "denial") if DENIAL.search(last) else None


def _last_number(last: str) -> Extraction | None:
    if DENIAL.search(last):
        return Extraction(last, "denial")
    if not re.search(r"\d", last) and (none := NOTHING_LEFT.search(last)):
        return Extraction(none[0], "denial")
    numbers = list(_NUMBER.finditer(last))
    if not numbers:
        return None
    start, end = numbers[-1].span()
    if len(numbers) > 1 and _OR.fullmatch(last, numbers[-2].end(), start):
        start = numbers[-2].start()  # "12 or 14" gives two
    return Extraction(last[start:end].strip(), "last number", last)
