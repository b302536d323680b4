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
from tasks.verify.final_text import find_final_text, is_unfinished_thought
from tasks.verify.no_answer import DENIAL, NOTHING_LEFT
from tasks.verify.truncation import AGAIN, TAIL, cut_off, cut_own_question, find_last_sentence
from tasks.verify.written_numbers import CHINESE_COUNT, UNIT_POWER, write_figures

AnswerKind = Literal[
    "number", "choice", "text", "yes or no", "date", "expression", "time", "ratio", "amounts", "none", "reals"
]

NEAR_THE_END = 300
"""Characters from a mark to the end of a completion that breaks off: what it marked earlier need not be its answer."""
BOXES = 16
"""How many `\\boxed{` are looked into, from the end."""

_HASHES = re.compile(r"^[ \t]*####[ \t]*(\S[^\n]{0,400})", re.MULTILINE)
_FINAL_LINE = re.compile(
    r"^[ \t]*(?:[-*•✅☑✓>]\s+)?[#*_ ]{0,8}(?:(?-i:A)(?=[*_]{0,2}[ \t]*:)|Ans|Answer|Final Answer|Final|Final Result|The answer|The final answer)[*_]{0,2}[ \t]*[:=][*_]{0,2}[ \t]*(\S[^\n]{0,400})",
    re.MULTILINE | re.IGNORECASE,
)
_HEADING = re.compile(
    r"^[ \t#*_]*(?:Final[ \t]+)?(?:Answer|Result)[ \t*_]*:?[ \t*_]*\n\s*(\S[^\n]{0,400})", re.MULTILINE | re.IGNORECASE
)
"""A heading, with the answer in the next line."""
_TAGGED = re.compile(r"<answer>\s*((?:(?!</answer>)[^\n]){1,400}?)\s*</answer>", re.IGNORECASE)
_NOT_BUT = re.compile(
    r"\banswer (?:is not|isn['’]t) [^\n.]{1,60}?,? but (?:rather |instead )?(\S[^\n]{0,200})", re.IGNORECASE
)
_FOREIGN = re.compile(
    r"(?:答案|答え|解答|答|正解|\bAntwort|\bErgebnis|\brespuesta|\brésultat|\bréponse|\bresposta|\bresultado|\bответ|정답|답|الجواب|الإجابة|उत्तर|\brisposta|\bantwoord)"
    r"(?:\s+(?:final|finale|correcta|correcte|correta|richtige))?\s*(?:\b(?:ist|lautet|es|est|é|è|is)\b\s*[:：]?|[:：]|是\s*[:：]?|为\s*[:：]?|は|은|는|هو\s*:?|هي\s*:?|है\s*:?)\s*(\S[^\n。]{0,400})",
    re.IGNORECASE,
)
"""Answers behind the phrases of other languages."""
_KEYED = re.compile(
    r"^[^\w\n]{0,8}answer[\\\"'`*_]{1,8}[ \t]*:[ \t]*(\{[^{}]{0,400}\}|\[[^\[\]]{0,400}\]|\S[^\n]{0,400})", re.MULTILINE
)
"""The key of a JSON answer that is broken, or holds more than a text or a number."""
_PHRASE = re.compile(
    r"\banswer(?:\s+to\s+(?:the|this)\s+(?:question|problem))?\s*(?:is\b(?!n['’]t)|=|:|would be|will be|must be|should be)(?:\s*:)?\s*((?:\$\$|\\\[)\s*[^\n]{1,400}|\S[^\n]{0,400})",
    re.IGNORECASE,
)
_CHOICE = re.compile(r"\(([A-Ja-j])\)|\b(?:option|choice)\s+\(?([A-Ja-j])\b\)?", re.IGNORECASE)
_NUMBER = re.compile(r"(?<![a-zA-Z0-9_.:^])[-−]?\$?\d[\d,]*(?: \d{3}(?!\d))*(?:\.\d+)?(?:\s*%|/\d+)?(?![\d,.]*:\d)")
_BOLD = re.compile(r"\*\*([^*\n]{1,120})\*\*")
_CODE = re.compile(r'^\s*"?\w+"?\s*:\s*\w+\(|^\s*"\w+"\s*:|\breturn\b|[;{}]\s*$')
MARKED = ("boxed", "hashes", "final line", "phrase", "corrected")
_SEVERAL = re.compile(r"\b(?:either|or)\b", re.IGNORECASE)
_OR = re.compile(r"(?:\s+[A-Za-z]+){0,2}\s+or\s+")
_BLANK = re.compile(r"answer[\\\"'`*_]{1,8}\s*:\s*[\\\"']{1,2}[\s_?.]*[\\\"']{1,2}\s*(?:[},]|$)")
_MARK = re.compile(r"####|\\boxed|\banswer\b[\\\"'`*_]{0,8}\s*(?:is\b|=|:)", re.IGNORECASE)
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*\{")
_CORRECTED = re.compile(
    r"\b(?:no,? wait|wait|hold on|correction|on second thought|scratch that|i made a mistake|let me correct|my mistake)\b",
    re.IGNORECASE,
)
_YES_OR_NO = re.compile(
    r"^[\s\"'*]*(yes|no|true|false)\b(?![ ]+(?:one|doubt|matter|definitive|right|clear))", re.IGNORECASE
)
_CHECKED = re.compile(
    r"(?:\\(?:text|textbf|mathrm)\s*\{)?\s*(?:correct|verified|checked|true|yes|done|proved|proven|qed|q\.e\.d\.?|ok|\\checkmark|✓|\\blacksquare)\s*[.!]?\s*\}?",
    re.IGNORECASE,
)
"""What a box holds that closes a check, and no answer."""
_BETWEEN = re.compile(
    r"[\s$.]*(?:\\[)\]])?[\s$]*(?:,?\s*\\text\s*\{\s*,?\s*(?:and|or)\s*\}|,?\s*(?:and|or)\b|[,;]|\\q?quad)[\s$]*(?:\\[(\[])?[\s$]*"
)
"""What may stand between two boxes that are one answer."""
_HEADED = re.compile(
    r"(?:step|part|case|example|method|conclusion|solution|explanation|problem|question|for|check|verification|verify|summary|note|let)\b|.*:$",
    re.IGNORECASE,
)
"""What stands behind #### where it is a heading of Markdown."""
_SPAN = re.compile(r"\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_FORMULA = re.compile(r"\\[a-zA-Z]|[\^_=<>]|^-?[\d.,]+[a-z]$|^[a-z]$")
_TIMES = re.compile(
    r"\b\d{1,2}:[0-5]\d(?:\s*[ap]\.?\s?m\b\.?)?|\b\d{1,2}\s*[ap]\.?m\b\.?|\b(?:noon|midnight)\b", re.IGNORECASE
)
_RATIOS = re.compile(r"(?<![\d:])\d+(?:\.\d+)?(?:\s*:\s*\d+(?:\.\d+)?)+|\b\d+ to \d+\b")
_REALS = re.compile(
    r"\ball (?:real (?:numbers|values)|reals|numbers)\b|\bevery real number\b|\bany real number\b", re.IGNORECASE
)
_NONE = re.compile(
    r"\bno (?:real |such |valid |possible |integer |positive )*(?:solutions?|values?|answers?|roots?|integers?|functions?|pairs?)\b(?: exists?)?|\bempty set\b|\bdoes not exist\b",
    re.IGNORECASE,
)
_OUTPUT = re.compile(
    r"(?:```(?:output|text|plaintext)\s*\n|\b(?:Output|Result)\s*:?\s*\n```[a-z]*\s*\n)\s*([^`]{1,300}?)\s*```\s*$",
    re.IGNORECASE,
)
_ALIGNED = re.compile(r"\\end\{(?:align|aligned|gather|equation|eqnarray)\*?\}[\s$.\])\\]*$")
_CELLS = re.compile(r"^\|(.+)\|$")
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


def find_boxed(text: str) -> str | None:
    r"""What the last closed `\boxed{…}` holds."""
    boxes = _find_boxes(text)
    return boxes[-1][0] if boxes else None


def _find_boxes(text: str) -> list[tuple[str, int, int, int]]:
    """The closed boxes, in order: what each holds, where that begins, and where the box itself begins and ends."""
    boxes: list[tuple[str, int, int, int]] = []
    for match in list(_BOXED.finditer(text))[: -BOXES - 1 : -1]:
        depth = 1
        for i in range(match.end(), min(len(text), match.end() + 2000)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0:
                if not boxes or i < boxes[-1][2]:  # a box in a box is part of it
                    boxes.append((text[match.end() : i].strip(), match.end(), match.start(), i + 1))
                elif boxes[-1][3] < i + 1:
                    boxes[-1] = (text[match.end() : i].strip(), match.end(), match.start(), i + 1)
                break
    return boxes[::-1]


def _find_box(text: str, kind: AnswerKind) -> tuple[str, int] | None:
    """What the last box holds, or the last that are one answer, and where that begins; a box that closes a check is none."""
    boxes = _find_boxes(text)
    while len(boxes) > 1 and kind != "yes or no" and (_CHECKED.fullmatch(boxes[-1][0]) or not boxes[-1][0]):
        boxes.pop()
    if not boxes:
        return None
    first = len(boxes) - 1
    while first and _BETWEEN.fullmatch(text, boxes[first - 1][3], boxes[first][2]):
        first -= 1
    if first < len(boxes) - 1:
        return text[boxes[first][2] : boxes[-1][3]], boxes[first][2]
    return boxes[-1][0], boxes[-1][1]


def _cut_sentence(text: str) -> str:
    """A text up to the end of its first sentence, without Markdown's stars."""
    end = re.search(r"(?<!\bRs)(?<!\bMr)(?<!\bMrs)(?<!\bDr)(?<!\bNo)[.!?](?:\s|$)|\n", text)
    return (text[: end.start()] if end else text).replace("**", "").strip().rstrip(".").strip()


def _find_last(pattern: re.Pattern[str], text: str, kind: AnswerKind) -> re.Match[str] | None:
    """The last match that gives an answer: not one that puts the question again, or says what the answer is not."""
    last = None
    for match in pattern.finditer(text):
        empty = kind == "number" and not re.search(r"\d", match[1]) and text[match.end() :].strip()
        denied = kind == "number" and re.match(r"not\s+[-−$]?\d", match[1], re.IGNORECASE)
        if pattern is _HEADING and len(match[1].split()) > 5:
            continue
        if pattern is _HASHES and not _is_bare(match, text, kind):
            continue
        if not match[1].rstrip().endswith("?") and not empty and not denied:
            last = match
    return last


def _find_marked(text: str, kind: AnswerKind) -> Extraction | None:
    """The marked answer that stands last: "#### 18", "Answer: 18", "the answer is 18"."""
    rules = (
        ("hashes", _HASHES), ("final line", _FINAL_LINE), ("final line", _HEADING), ("final line", _TAGGED), ("phrase", _PHRASE),
        ("phrase", _NOT_BUT), ("phrase", _FOREIGN),
    )  # fmt: skip
    marks = [(match.start(1), name, match[1]) for name, rule in rules if (match := _find_last(rule, text, kind))]
    if not marks:
        return None
    at, name, answer = max(marks)
    if opened := re.match(r"(\$\$|\\\[)\s*", text[at:]):
        closed = text.find("$$" if opened[1] == "$$" else "\\]", at + opened.end(), at + 500)
        if closed > 0:
            return Extraction(text[at + opened.end() : closed].strip(), name, near=at)
    answer = answer.strip() if name == "hashes" else _cut_sentence(answer)
    turn = _CORRECTED.search(answer)
    if turn and re.search(r"\d", answer[: turn.start()]) and re.search(r"\d", answer[turn.end() :]):
        return Extraction(answer[turn.end() :].strip(" ,.:-"), "corrected", near=at + turn.end())
    return Extraction(answer, name, near=at)


def _is_bare(match: re.Match[str], text: str, kind: AnswerKind) -> bool:
    """Whether what stands behind #### is an answer, and no heading."""
    if _HEADED.match(match[1].strip().strip("*")) and not re.fullmatch(
        r"(?:solution|conclusion)?\s*:?\s*[-$\d][^a-z]*", match[1].strip(), re.IGNORECASE
    ):
        return False
    return kind != "number" or bool(re.search(r"\d", match[1])) or not text[match.end() :].strip()


def find_keyed(text: str, kind: AnswerKind) -> Extraction | None:
    """What stands behind the key of a JSON answer that no parser takes; of several texts or numbers all."""
    match = _find_last(_KEYED, cut_own_question(text, _MARK)[-TAIL:], kind)
    answer = match[1].strip().rstrip("}`,").strip().strip("\\\"'`*] ") if match else ""
    if match is None or _EMPTY.fullmatch(answer):
        return None
    return Extraction(answer, "final line", near=text.rfind(answer))


def has_blank_answer(text: str) -> bool:
    """Whether the answer's key has a blank behind it, so that no number of the reasoning is the answer."""
    return bool(_BLANK.search(cut_own_question(text, _MARK)[-TAIL:]))


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
    if is_unfinished_thought(text):
        return None
    text = cut_own_question(find_final_text(text), _MARK)
    begun = max(0, len(text) - TAIL)
    tail = text[begun:]
    extraction = _extract_tail(tail, kind)
    if extraction and extraction.rule not in MARKED and (marked_only or cut_off(text)):
        return None
    if extraction and cut_off(text) and len(tail) - (extraction.near or 0) > NEAR_THE_END:
        return None
    return (
        replace(extraction, near=extraction.near + begun) if extraction and extraction.near is not None else extraction
    )


def _extract_tail(tail: str, kind: AnswerKind) -> Extraction | None:
    box = _find_box(tail, kind)
    if box is None and _BOXED.search(tail):  # it breaks off inside the box
        return None
    extraction = Extraction(box[0], "boxed", near=box[1]) if box and box[0] else None
    marked = _find_marked(tail, kind)
    if extraction is None or (marked and _overrides(marked, extraction, tail, kind)):
        extraction = marked
    if not extraction or not extraction.answer:
        return _find_unmarked(tail, kind)
    return _find_correction(tail, extraction, kind) or extraction


def _overrides(marked: Extraction, box: Extraction, text: str, kind: AnswerKind) -> bool:
    """Whether a marked answer behind a box is the final statement: a bare answer, of the sort that is asked for."""
    behind = (box.near or 0) + len(box.answer)
    if (marked.near or 0) <= behind or "\\boxed" in marked.answer or _EMPTY.fullmatch(marked.answer):
        return False
    bare = marked.answer.strip("*$ ")
    if kind == "number":
        return bool(re.fullmatch(r"[-−]?[$€£]?\d[\d,.]*(?:/\d+)?\s*%?(?:\s+[a-zA-Z]+){0,2}", bare))
    return (
        kind in ("expression", "ratio", "time")
        and len(bare) < 60
        and not re.search(r"[a-zA-Z]{3,}(?![a-zA-Z{])(?<!\\[a-z]{3})(?<!\\[a-z]{4})", bare)
        and bool(re.search(r"\d", bare))
    )


def _find_correction(text: str, extraction: Extraction, kind: AnswerKind) -> Extraction | None:
    """The answer of a text that takes back the one it marked."""
    behind = (extraction.near or 0) + len(extraction.answer)
    turn = _CORRECTED.search(text, behind)
    last = _find_unmarked(text[turn.end() :], kind) if turn else None
    if turn is None or last is None or last.rule == "denial":
        return None
    return replace(last, rule="corrected")


def _find_unmarked(text: str, kind: AnswerKind) -> Extraction | None:
    """An answer that nothing marks, from the last sentence of a text that was not cut off.

    A text that breaks off has come to no answer, whatever number stands last in
    it; nor has one that ends in a question, in code, or in saying the same again
    and again.

    Returns:
        The answer with the rule that found it; None where the text comes to none.
    """
    if kind == "yes or no":
        return _find_opening(text)
    if (shown := _find_output(text)) is not None:
        return shown
    last = find_last_sentence(text)
    if last is None or _CODE.search(last) or text.count(last) > AGAIN:
        return None
    if cells := _CELLS.match(last):
        last = cells[1].rpartition("|")[2].strip()
    bold = _BOLD.findall(last)
    if bold and (kind != "number" or re.search(r"\d", bold[-1])):
        return Extraction(bold[-1].strip(), "bold")
    if kind == "choice":
        return _find_option(last)
    if kind == "date":
        dates = list(DATE.finditer(last))
        return Extraction(dates[-1][0], "last date") if dates else _find_denial(last)
    if kind == "number":
        return _find_last_number(last)
    return _find_last_of_kind(last, kind)


_KINDS: dict[str, re.Pattern[str]] = {"time": _TIMES, "ratio": _RATIOS, "reals": _REALS, "none": _NONE}


def _find_last_of_kind(last: str, kind: AnswerKind) -> Extraction | None:
    """What of the sort that is asked for stands last in a sentence; of formulas the last whole span."""
    if (pattern := _KINDS.get(kind)) is not None:
        matches = [match[0] for match in pattern.finditer(last)]
        if len(set(matches)) == 1 or (matches and kind in ("none", "reals")):
            return Extraction(matches[-1].rstrip(".") if kind == "ratio" else matches[-1], "last number")
    if kind == "amounts":
        return Extraction(last, "last number", last) if re.search(r"\d", last) else None
    span = _find_last_span(last)
    if span is not None and kind in ("expression", "ratio", "time", "none", "reals"):
        return Extraction(span[0], "span", last)
    return None


def _find_last_span(last: str) -> tuple[str, int, int] | None:
    """The last span of mathematics in a sentence, where the sentence ends with it (and a unit of two words at most)."""
    spans = [
        match
        for match in _SPAN.finditer(last)
        if _FORMULA.search(next(part for part in match.groups() if part).strip())
    ]
    if not spans or re.search(r"[=+*/(-]\s*$", next(part for part in spans[-1].groups() if part)):
        return None
    if not re.fullmatch(r"[\s.!*]*(?:[a-zA-Z]+[\s.!*]*){0,2}", last[spans[-1].end() :]):
        return None
    return next(part for part in spans[-1].groups() if part).strip(), spans[-1].start(), spans[-1].end()


def _find_output(text: str) -> Extraction | None:
    """The result in the last line of a program's output, or of aligned equations."""
    end = text[-1500:].rstrip()
    if end.endswith("```") and (match := _OUTPUT.search(end)):
        line = match[1].strip().rpartition("\n")[2].strip()
        return (
            Extraction(line, "last number", line)
            if re.fullmatch(r"[-\d.,/$()\[\] a-z]{1,60}", line) and re.search(r"\d", line)
            else None
        )
    if match := _ALIGNED.search(end):
        row = (
            re.split(r"\\\\", end[: match.start()].rstrip().removesuffix("\\\\"))[-1]
            .replace("&", "")
            .strip()
            .rstrip(".")
        )
        side = row.rpartition("=")[2].strip()
        return Extraction(side, "span", row) if side and len(row) < 200 else None
    return None


def _find_opening(text: str) -> Extraction | None:
    """The yes or no with which a text, or its last line, begins."""
    lines = text.rstrip().rsplit("\n", 1)
    for line, at in ((lines[-1], len(text.rstrip()) - len(lines[-1])), (text, 0)):
        match = _YES_OR_NO.match(line)
        if match:
            return Extraction(match[1], "opening", near=at)
    return None


def _find_option(last: str) -> Extraction | None:
    """The marked letter of an option that stands last in a sentence."""
    letters = {letter for pair in _CHOICE.findall(last) for letter in pair if letter}
    if letters and _SEVERAL.search(last) and len({letter.upper() for letter in letters}) > 1:
        return Extraction(last, "choice")
    marked = [letter for pair in _CHOICE.findall(last) for letter in pair if letter]
    return Extraction(marked[-1], "choice") if marked else _find_denial(last)


def _find_denial(last: str) -> Extraction | None:
    """A last sentence that says that there is no answer."""
    return Extraction(last, "denial") if DENIAL.search(last) else None


def _find_last_number(last: str) -> Extraction | None:
    if DENIAL.search(last):
        return Extraction(last, "denial")
    if not re.search(r"\d", last) and (none := NOTHING_LEFT.search(last)):
        return Extraction(none[0], "denial")
    masked = UNIT_POWER.sub(lambda match: match[1] + " " * (len(match[0]) - len(match[1])), last)
    numbers = list(_NUMBER.finditer(masked))
    span = _find_last_span(last)
    if span is not None and (not numbers or numbers[-1].end() <= span[2]):
        return Extraction(span[0], "span", last)
    if not numbers:
        return _find_number_in_words(last)
    start, end = numbers[-1].span()
    if len(numbers) > 1 and _OR.fullmatch(last, numbers[-2].end(), start):
        start = numbers[-2].start()  # "12 or 14" gives two
    return Extraction(last[start:end].strip(), "last number", last)


def _find_number_in_words(last: str) -> Extraction | None:
    """A number that a sentence gives in words or in Chinese figures, where it gives only one."""
    counted = [match[0] for match in CHINESE_COUNT.finditer(last)]
    if counted:
        return Extraction(counted[-1] + last[last.rfind(counted[-1]) + len(counted[-1]) :][:1], "last number")
    figures = write_figures(last)
    if figures != last and len(re.findall(r"\d[\d.,]*", figures)) == 1 and len(last.split()) <= 4:
        return Extraction(last.strip(" ."), "last number")
    return None
