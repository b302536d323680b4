"""The path of a solution: the equations it writes down, in their order, whatever the words round them."""

from __future__ import annotations

import re
from itertools import pairwise

from tasks.similarity.words import plain_text

_NUMBER = r"\d[\d,]*(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(rf"({_NUMBER})|([-+*/^%])")
_RESULT = re.compile(rf"[^\d.=]{{0,12}}({_NUMBER})")
CLAUSE = 300
"""Characters before a sign of equality that are looked at."""


def path_of(text: str) -> str:
    """The equations of a text, as `3*4=12;12+5=17`; empty where there is none.

    An equation is an expression of numbers and signs, whatever words and units
    stand between them ("5 apples + 3 apples"), and the first number behind `=`.
    """
    pieces = plain_text(text).split("=")
    found = []
    for left, right in pairwise(pieces):
        result = _RESULT.match(right)
        expression = _expression(left[-CLAUSE:])
        if result and expression:
            found.append(f"{expression}={_short(result[1])}")
    return ";".join(found)


def _expression(clause: str) -> str:
    """The numbers and signs at the end of a clause that alternate; empty without any number."""
    clause = re.split(r"[.;:!?] ", clause)[-1]
    parts: list[str] = []
    for match in reversed(list(_TOKEN.finditer(clause))):
        number, sign = match.groups()
        wants_number = not parts or parts[-1] in "-+*/^%"
        if bool(number) != wants_number:
            break
        parts.append(_short(number) if number else sign)
    if parts and parts[-1] in "+*/^%":
        parts.pop()
    return "".join(reversed(parts))


def _short(number: str) -> str:
    """A number without commas and without zeros that say nothing."""
    plain = number.replace(",", "")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return plain.lstrip("0") or "0"
