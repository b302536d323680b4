r"""Regular expressions that a recipe names: RE2, which takes linear time whatever the expression and the text.

Python's own would take longer than anybody lives for `^((a+)+)$` and some text. What RE2 has not are looks ahead and behind
and references to groups; `\d`, `\s` and `\w` are of ASCII, and `$` is the end of the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import re2

from schemas.request import replace_surrogates

MEMORY = 8 * 2**20
"""Bytes that an expression, compiled, and what it caches may take."""


class Pattern:
    """A regular expression in which a dot is a line break, too. Raises `ValueError` where it is none that RE2 has."""

    def __init__(self, expression: str) -> None:
        options = re2.Options()
        options.log_errors, options.dot_nl, options.max_mem = False, True, MEMORY
        try:
            self._compiled: Any = re2.compile(replace_surrogates(expression), options)
        except re2.error as error:
            (reason, *_) = error.args or ("",)
            shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise ValueError(shown) from None
        self.groups = int(self._compiled.groups)
        """How many groups it has."""

    def search(self, text: str) -> list[str | None] | None:
        """The first match and its groups; None where there is none."""
        match = self._compiled.search(replace_surrogates(text))
        return None if match is None else [match[0], *match.groups()]

    def find_all(self, text: str) -> Iterator[str]:
        """The first group of each match, where it is part of it."""
        matches = self._compiled.finditer(replace_surrogates(text))
        return (match[1] for match in matches if match[1] is not None)

    def split(self, text: str) -> list[str]:
        """The pieces of a text between its matches, and what groups match."""
        return [piece for piece in self._compiled.split(replace_surrogates(text)) if piece is not None]


@lru_cache(maxsize=256)
def compile_pattern(expression: str) -> Pattern:
    """A regular expression, compiled once."""
    return Pattern(expression)
