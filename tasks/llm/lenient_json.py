"""JSON as language models write it: fenced, with words around it, real line breaks, lone backslashes, or cut off."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

_OBJECT = re.compile(r'\{\s*"')
_CANDIDATES = 16
ANOTHER = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]*|\*\*)?(?:question|problem)[ \t]*\d{0,3}[ \t]*:", re.IGNORECASE | re.MULTILINE
)
"""The heading under which a model that does not stop puts a question of its own."""
# LaTeX whose first letter makes a JSON escape: \times would be read as a tab and "imes"
_LATEX = (
    "bar|because|begin|beta|big|bigl|bigr|binom|bmod|bot|boxed|bullet|flat|floor|forall|frac|nabla|ne|neg|neq|ngtr|ni|"
    "nleq|nless|not|notin|nu|rangle|rbrace|rceil|rfloor|rho|right|rightarrow|tan|tanh|tau|text|textbf|textit|textrm|"
    "tfrac|theta|therefore|times|to|top|triangle"
)
_BACKSLASHES = re.compile(r"\\+")
_NO_ESCAPE = re.compile(rf'(?:{_LATEX})(?![a-zA-Z])|[^"\\/bfnrtu]|u(?![0-9a-fA-F]{{4}})')
_DECODER = json.JSONDecoder(strict=False, parse_float=Decimal)


def find_objects(text: str) -> tuple[dict[str, Any], ...]:
    """The JSON objects found in a text, in order; at most 16 places are tried."""
    return tuple(value for value, _, _ in _placed(text))


@lru_cache(maxsize=16)  # several fields are taken of one text, one after the other
def _placed(text: str) -> tuple[tuple[dict[str, Any], int, int], ...]:
    """The objects of a text, each with where it begins and ends."""
    objects: list[tuple[dict[str, Any], int, int]] = []
    end = 0
    for tried, match in enumerate(_OBJECT.finditer(text)):
        if tried == _CANDIDATES:
            break
        if match.start() < end:
            continue
        value, length = _parse(_BACKSLASHES.sub(_doubled, text[match.start() :]))
        if value is not None:
            end = match.start() + _undoubled(text, match.start(), length)
            objects.append((value, match.start(), end))
    return tuple(objects)


def _undoubled(text: str, begun: int, length: int) -> int:
    """The length of a piece of text without the backslashes that were added to it."""
    added = 0
    for run in _BACKSLASHES.finditer(text, begun):
        if run.start() - begun + added >= length:
            break
        added += len(_doubled(run)) - len(run[0])
    return length - added


def _doubled(backslashes: re.Match[str]) -> str:
    """Backslashes; before what JSON does not escape an odd one among them was meant as a backslash."""
    lone = len(backslashes[0]) % 2 and _NO_ESCAPE.match(backslashes.string, backslashes.end())
    return backslashes[0] + ("\\" if lone else "")


def _parse(text: str) -> tuple[dict[str, Any] | None, int]:
    """The object a text begins with and about its length; also with commas too many."""
    for candidate in (text, re.sub(r",(\s*[}\]])", r"\1", text)):
        try:
            value, length = _DECODER.raw_decode(candidate)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value, length
    return None, 0


def find_field(text: str, key: str) -> Any:
    """The value of a key in the JSON that a text holds; None where there is none, or it is cut off.

    The last object that has the key counts, before the text goes on with a
    question of its own. Where none can be parsed, the last `"key": value` is
    taken from the text as it stands.

    Args:
        text: The text, in which the JSON may be fenced, cut off or broken.
        key: The key.

    Returns:
        The value, of whatever type; a text where it was taken from broken JSON.

    """
    starts = list(re.finditer(rf'"{re.escape(key)}"\s*:\s*', text))
    if not starts:
        return None
    placed = _placed(text)
    own = _another_question(text, starts[0].end(), [(begun, end) for _, begun, end in placed])
    for value, begun, _ in reversed(placed):
        if key in value and begun < own:
            return value[key]
    rest = text[[start for start in starts if start.start() < own][-1].end() :]
    number = re.match(r"[-+]?\d+(?:,\d+)*(?:\.\d+)?(?=\s*[,}\n])", rest)
    if number:
        return number[0]
    quoted = re.match(r'"((?:[^"\\]|\\.|"(?!\s*(?:,\s*"|\}|\n|$)))*)"', rest, re.DOTALL)
    return quoted[1].replace('\\"', '"').replace("\\n", "\n") if quoted else None


def _another_question(text: str, behind: int, objects: list[tuple[int, int]]) -> int:
    """Where a text goes on with a question of its own, outside of its objects; its length where it does not."""
    for heading in ANOTHER.finditer(text, behind):
        if not any(begun <= heading.start() < end for begun, end in objects):
            return heading.start()
    return len(text)
