"""The path of a solution: the equations it writes down, in their order, whatever the words round them."""

from __future__ import annotations

import re
from itertools import pairwise

from tasks.dedup.token_hashes import normalize_text

_NUMBER = r"\d[\d,]*(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(rf"({_NUMBER})|([-+*/^%])")
_RESULT = re.compile(rf"[^\d.=]{{0,12}}({_NUMBER})")
_ENDS = (". ", "; ", ": ", "! ", "? ")
CLAUSE = 300
"""Characters before a sign of equality that are looked at."""


def find_path(text: str) -> str:
    """The equations of a text, as `3*4=12;12+5=17`; empty where there is none.

    An equation is an expression of numbers and signs, whatever words and units
    stand between them ("5 apples + 3 apples"), and the first number behind `=`.

    Returns:
        The equations in their order, joined by semicolons.

    """
    return find_plain_path(normalize_text(text))


def find_plain_path(text: str) -> str:
    """The equations of a text that is in plain form."""
    equations = []
    for left, right in pairwise(text.split("=")):
        result = _RESULT.match(right)
        if result and (expression := _find_expression(left[-CLAUSE:])):
            equations.append(f"{expression}={_shorten_number(result[1])}")
    return ";".join(equations)


def _find_expression(clause: str) -> str:
    """The numbers and signs at the end of a clause that alternate; empty without any number."""
    begins = max(clause.rfind(end) for end in _ENDS)
    parts: list[str] = []
    for number, sign in reversed(_TOKEN.findall(clause, begins + 1)):
        if (number != "") == (len(parts) % 2 == 1):
            break
        parts.append(_shorten_number(number) if number else sign)
    if parts and len(parts) % 2 == 0 and parts[-1] != "-":
        parts.pop()
    return "".join(reversed(parts))


def _shorten_number(number: str) -> str:
    """A number without commas and without zeros that say nothing."""
    plain = number.replace(",", "")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return plain.lstrip("0") or "0"
