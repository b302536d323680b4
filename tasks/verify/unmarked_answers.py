"""Answers that nothing marks: what the last sentence, a program's output or the last equation comes to."""

from __future__ import annotations

import re

from tasks.verify.algebra.tokens import UnreadableFormula
from tasks.verify.answer_types import read_answer
from tasks.verify.answer_types.dates import DATED
from tasks.verify.extraction import AnswerKind, Extraction
from tasks.verify.no_answer import DENIAL, NOTHING_LEFT
from tasks.verify.truncation import AGAIN, find_last_sentence
from tasks.verify.written_numbers import CHINESE_COUNT, UNIT_POWER, write_figures

_CHOICE = re.compile(r"\(([A-Ja-j])\)|\b(?:option|choice)\s+\(?([A-Ja-j])\b\)?", re.IGNORECASE)
_NUMBER = re.compile(
    r"(?<![a-zA-Z0-9_.:^])[-−]?\$?\d[\d,]*(?:\{,\}\d{3})*(?: \d{3}(?!\d))*(?:\.\d+)?(?:\s*(?:\\?%|percent(?:age)?\b|pct\b)|/\d+)?(?![\d,.]*:\d)"
)
_BOLD = re.compile(r"\*\*([^*\n]{1,120})\*\*")
_CODE = re.compile(r'^\s*"?\w+"?\s*:\s*\w+\(|^\s*"\w+"\s*:|\breturn\b|[;{}]\s*$')
_SEVERAL = re.compile(r"\b(?:either|or)\b", re.IGNORECASE)
_OR = re.compile(r"(?:\s+[A-Za-z]+){0,2}\s+or\s+")
_YES_OR_NO = re.compile(
    r"^[\s\"'*]*(yes|no|true|false)\b(?![ ]+(?:one|doubt|matter|definitive|right|clear))", re.IGNORECASE
)
_TRUTH = re.compile(
    r"\b(?:statement|claim|assertion|proposition|it|this|that)\b[^.!?]{0,60}\bis (?:therefore |thus |hence |always )?(true|false)\W*$",
    re.IGNORECASE,
)
_LETTERED = re.compile(r"\W{0,3}([A-J])(?:[).:。](?:\s|$)|\W*$)")
OPENING = 300
"""Characters of a text that begins with an option's letter."""
WORDS = 8
"""Of a last sentence that may be no more than an answer in words."""
_SPAN = re.compile(r"\$\$([^$]+)\$\$|\$([^$\n]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_FORMULA = re.compile(r"\\[a-zA-Z]|[\^_=<>]|\d\s*[-+*/]\s*[\d(]|^-?[\d.,]+[a-z]$|^[a-z]$")
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
_BEHIND = re.compile(
    r"[\s.!*]*(?:(?:[a-zA-Z]+[\s.!*]*){0,2}|(?:is|are|as) (?:the|our|your|my) (?:final |only |required |desired |correct )?(?:answers?|solutions?|results?|values?)[\s.!*]*)",
    re.IGNORECASE,
)
"""What may stand behind the last span of a sentence: a unit, "is the answer"."""
_STATED = re.compile(r"^.*(?:\b(?:is|are|equals|be)\b|:|=>|→)\s*(?:given by\s+|equal to\s+)?(\S.{0,200})$")
_JOINED = re.compile(r"\s*(?:,|;|,?\s*(?:and|or))\s*")
_OUTPUT = re.compile(
    r"(?:```(?:output|text|plaintext)\s*\n|\b(?:Output|Result)\s*:?\s*\n```[a-z]*\s*\n)\s*([^`]{1,300}?)\s*```\s*$",
    re.IGNORECASE,
)
_ALIGNED = re.compile(r"\\end\{(?:align|aligned|gather|equation|eqnarray)\*?\}[\s$.\])\\]*$")
_CELLS = re.compile(r"^\|(.+)\|$")


def find_unmarked(text: str, kind: AnswerKind) -> Extraction | None:
    """An answer that nothing marks, from the last sentence of a text that was not cut off.

    A text that breaks off has come to no answer, whatever number stands last in
    it; nor has one that ends in a question, in code, or in saying the same again
    and again.

    Returns:
        The answer with the rule that found it; None where the text comes to none.
    """
    if kind == "yes or no":
        return _find_opening(text) or _find_truth(text)
    if kind in ("choice", "text") and len(text) < OPENING and (opened := _LETTERED.match(text)):
        return Extraction(opened[1], "opening", text if kind == "text" else "", opened.start(1))
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
        dates = list(DATED.finditer(last))
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
    if kind == "text":
        return _find_option(last) or (
            Extraction(last.rstrip("."), "span", last) if len(last.split()) <= WORDS else None
        )
    if kind == "amounts":
        return Extraction(last, "last number", last) if re.search(r"\d", last) else None
    if kind not in ("expression", "ratio", "time", "none", "reals"):
        return None
    span = _find_last_span(last, formulas=kind != "expression")
    if span is not None:
        return Extraction(span[0], "span", last)
    return _find_plain_formula(last)


def _find_plain_formula(last: str) -> Extraction | None:
    """What a sentence says something "is", where that can be read whole, and is no word."""
    stated = _STATED.search(last.rstrip(" .!"))
    if stated is None or re.search(r"\d|\b(?:is|are|equals|be)\b|=", last[: stated.start(1)].rstrip()[:-3]):
        return None  # one of several statements
    try:
        reading = read_answer(stated[1])
    except UnreadableFormula:
        return None
    return None if reading.type in ("text", "option") else Extraction(stated[1], "span", last)


def _find_last_span(last: str, formulas: bool = True) -> tuple[str, int, int] | None:
    """The last span of mathematics in a sentence, where the sentence ends with it (and a unit of two words at most)."""
    spans = [
        match
        for match in _SPAN.finditer(last)
        if not formulas or _FORMULA.search(next(part for part in match.groups() if part).strip())
    ]
    if not spans or re.search(r"[=+*/(-]\s*$", next(part for part in spans[-1].groups() if part)):
        return None
    if not _BEHIND.fullmatch(last[spans[-1].end() :]):
        return None
    first = len(spans) - 1
    while first and _JOINED.fullmatch(last, spans[first - 1].end(), spans[first].start()):
        first -= 1
    if first < len(spans) - 1:
        return last[spans[first].start() : spans[-1].end()], spans[first].start(), spans[-1].end()
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


def _find_truth(text: str) -> Extraction | None:
    """What the last sentence says that a statement is."""
    last = find_last_sentence(text)
    match = _TRUTH.search(last) if last else None
    return Extraction(match[1], "span", last or "") if match else None


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
