"""Finding the final answer in what a model wrote.

Rules are tried from the most to the least explicit; the one that found the
answer is recorded, so that a reader knows a marked answer from the last number
of a text.
"""

from __future__ import annotations

import re
from dataclasses import replace

from tasks.llm.channels import is_unfinished_thought
from tasks.verify.extraction import AnswerKind, Extraction
from tasks.verify.final_text import find_final_text
from tasks.verify.marked_answers import BOXED, CORRECTED, EMPTY, MARK, find_box, find_marked
from tasks.verify.truncation import TAIL, cut_off, cut_own_question
from tasks.verify.unmarked_answers import find_unmarked

NEAR_THE_END = 300
"""Characters from a mark to the end of a completion that breaks off: what it marked earlier need not be its answer."""
MARKED = ("boxed", "hashes", "final line", "phrase", "corrected")


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
    if stated is not None and stated.strip() and (kind == "choice" or not EMPTY.fullmatch(stated.strip())):
        return Extraction(stated.strip(), "stated")
    if is_unfinished_thought(text):
        return None
    text = cut_own_question(find_final_text(text), MARK)
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
    box = find_box(tail, kind)
    if box is None and BOXED.search(tail):  # it breaks off inside the box
        return None
    extraction = Extraction(box[0], "boxed", near=box[1]) if box and box[0] else None
    marked = find_marked(tail, kind)
    if extraction is None or (marked and _overrides(marked, extraction, tail, kind)):
        extraction = marked
    if not extraction or not extraction.answer:
        return find_unmarked(tail, kind)
    return _find_correction(tail, extraction, kind) or extraction


def _overrides(marked: Extraction, box: Extraction, text: str, kind: AnswerKind) -> bool:
    """Whether a marked answer behind a box is the final statement: a bare answer, of the sort that is asked for."""
    behind = (box.near or 0) + len(box.answer)
    if (marked.near or 0) <= behind or "\\boxed" in marked.answer or EMPTY.fullmatch(marked.answer):
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
    turn = CORRECTED.search(text, behind)
    last = find_unmarked(text[turn.end() :], kind) if turn else None
    if turn is None or last is None or last.rule == "denial":
        return None
    return replace(last, rule="corrected")
