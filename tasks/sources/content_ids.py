"""Ids from content: the same input has the same id wherever and whenever it is built."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache

from tasks.plain_unicode import normalize_unicode

_SPACE = re.compile(r"\s+")
_NOT_WORDS = re.compile(r"[^\w+\-*/=<>%.^√()×÷·±≤≥≠≈|]+")


def digest(*parts: str) -> str:
    """24 hexadecimal digits (96 bits of BLAKE2b) over texts, kept apart from each other by their lengths."""
    texts = [part.encode("utf-8") for part in parts]
    framed = b"".join([piece for text in texts for piece in (len(text).to_bytes(8, "big"), text)])
    return hashlib.blake2b(framed, digest_size=12).hexdigest()


def normalize_text(text: str) -> str:
    """A text without what does not make it another: Unicode form, letter case, runs of white space."""
    return _SPACE.sub(" ", normalize_unicode(text).casefold()).strip()


def identify_problem(question: str, options: Sequence[str] | None) -> str:
    """The id of a problem: of its question's words, numbers and operators, and of its options."""
    find = _problem_id if len(question) < 4000 else _problem_id.__wrapped__  # long ones would fill the memory
    return find(question, tuple(options or ()))


@lru_cache(maxsize=16_384)  # many models answer one question
def _problem_id(question: str, options: tuple[str, ...]) -> str:
    words = _NOT_WORDS.sub(" ", normalize_text(question).replace("−", "-")).replace(". ", " ").strip(" .")
    return digest("problem", words, *(normalize_text(option) for option in options))


def identify_solution(
    problem: str, model: str, sampling: str, sample: int, text: str, thinking: str | None = None
) -> str:
    """The id of a solution: of its problem, who wrote it how, its text, and its thoughts where it has any."""
    return digest("solution", problem, model, sampling, str(sample), text, *([thinking] if thinking else []))
