"""Echoes: words of a reply that the judge only repeats from what it judges."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import cached_property

from tasks.plain_unicode import normalize_unicode

_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_BETWEEN = re.compile(r"(?:(?!-\d)[\W_])+")
_LABEL = re.compile(r"\s*(?:[>*#-]\s*)*(?:(?:step|paragraph)\s*)?(?:\d{1,4}\s*[.):])?", re.IGNORECASE)


def normalize_words(text: str) -> str:
    """A text's words and numbers in lower case, a space round each; JSON's escapes, fonts and unseen characters are undone."""
    text = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text)
    text = "".join(char for char in normalize_unicode(text) if unicodedata.category(char) != "Cf")
    return f" {_BETWEEN.sub(' ', text.casefold()).strip()} "


class Material:
    """What a judge was shown: texts whose words count for nothing in its reply."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._texts = [text for text in texts if text]

    @cached_property
    def _words(self) -> str:
        return "|".join(normalize_words(text) for text in self._texts)

    def contains(self, text: str) -> bool:
        """Whether some text of it has these words, in this order and next to each other."""
        words = normalize_words(text)
        return bool(words.strip()) and words in self._words

    def equals(self, text: str) -> bool:
        """Whether these words are a whole text of it."""
        return f"|{normalize_words(text)}|" in f"|{self._words}|"

    def without(self, reply: str) -> str:
        """A reply without its lines of two words or more that are repeated, with or without a number before them."""
        return "\n".join("" if self._repeated(line) else line for line in reply.split("\n"))

    def _repeated(self, line: str) -> bool:
        return any(
            " " in normalize_words(part).strip() and self.contains(part) for part in {line, line[_end_of_label(line) :]}
        )


def _end_of_label(line: str) -> int:
    match = _LABEL.match(line)
    return match.end() if match else 0
