"""How a completion ends: its last sentence, whether it breaks off, and where it goes on to another question."""

from __future__ import annotations

import re

from tasks.llm.lenient_json import ANOTHER

SENTENCE = 1000
"""Characters of a last sentence; what is longer has lost its way and comes to no answer."""
TAIL = 20_000
"""Characters at the end of a completion in which the answer is sought."""
AGAIN = 2
"""How often a last sentence may stand in a text that comes to an end."""
_HEADINGS = 8
_OBJECT = re.compile(r"\{\s*\"")
_END_MARKS = ("</s>", "<eos>", "<|endoftext|>", "<|eot_id|>", "<|im_end|>", "<|end|>")
_CLOSING = re.compile(r"^[ \t\]})]*\}\s*,?\s*(?:```.*)?$", re.MULTILINE)
_STOP = re.compile(
    r"(?<=[。！？।])|(?<=[.!?])(?<!\bMr\.)(?<!\bMrs\.)(?<!\bMs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bvs\.)(?<!\bapprox\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\betc\.)\s+"
)
_END = re.compile(r"(?:[.!)$。！।|]|\\[)\]]|\*\*|(?<=\w)\*|(?<=[.!])[\"”])['\"”’]?$")
_NUMBER_AT_END = re.compile(
    r"\d[\d.,]*\s*%?(?:(?:\s+[A-Za-z]+){0,2}|\s*[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{0,3})$"
)
_CUT = re.compile(r",\d{1,2}$|(?:[-+*/^×÷<\\([{]|(?<![=-])>|\bStep)\s*[$€£]?\d[\d.,]*$")
"""A number cut off within its thousands, or in the middle of a formula."""


def strip_padding(text: str) -> str:
    """A text without the white space and the end marks behind it."""
    while (shorter := text.rstrip()).endswith(_END_MARKS):
        text = shorter[: shorter.rindex("<")]
    return shorter


def cut_own_question(text: str, marked: re.Pattern[str]) -> str:
    """A text up to where its model, having marked an answer, goes on with a question of its own."""
    for tried, heading in enumerate(ANOTHER.finditer(text)):
        if tried == _HEADINGS:
            break
        if marked.search(text, max(0, heading.start() - TAIL), heading.start()):
            return text[: heading.start()]
    return text


def find_afterword(text: str) -> str:
    """What a text goes on to say behind its first JSON object; empty where there is none, or it closes the text."""
    begun = _OBJECT.search(text)
    closed = _CLOSING.search(text, begun.end()) if begun else None
    behind = text[closed.end() :] if closed else ""
    another = ANOTHER.search(behind)
    return strip_padding(behind[: another.start()] if another else behind)[-TAIL:].strip("`\n ")


def cut_off(text: str) -> bool:
    """Whether a text begins a JSON object and ends before it is closed."""
    match = _OBJECT.search(text)
    if match is None:
        return False
    end = strip_padding(text[-TAIL:])
    if end.endswith("```") and text.count("```") % 2 == 0:
        return False
    if end.endswith("}"):
        return text.count("{", match.start()) > text.count("}", match.start())
    return not _CLOSING.search(text, match.end())


def is_broken_off(text: str) -> bool:
    """Whether a completion comes to no end: it stops in the middle, or says the same again and again."""
    tail = text[-TAIL:].rstrip()
    if not tail:
        return False
    if cut_off(text) or re.search(r"[\w,;=+\-^\\&(]$|\s[*/]$", strip_padding(tail)):
        return True
    last = find_last_sentence(tail)
    return last is not None and tail.count(last) > AGAIN


def find_last_sentence(text: str) -> str | None:
    """The last sentence; None where the text breaks off in the middle of it, or it is a question.

    A line without a full stop is a whole sentence where it ends with its number
    (and a unit of at most two words), and no formula is cut off there.

    Returns:
        The sentence without the blanks round it.

    """
    text = strip_padding(text).rstrip(" \t\n\r\f\v\u00a0`}]").rstrip('"').rstrip()
    lines = text.split("\n")
    sentences = [part for part in _STOP.split(lines[-1].strip()) if part] or [""]
    if len(sentences[-1]) > SENTENCE:
        return None
    last = re.sub(r"\s+", " ", sentences[-1])
    if _END.search(last):
        return last
    return last if _NUMBER_AT_END.search(last) and not _CUT.search(last) else None
