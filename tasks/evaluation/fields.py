"""The fields of a record that name steps, and the errors about columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from math import isnan
from typing import Any

from schemas.errors import ApplicationError
from tasks.sources.field_mapping import FieldError


class EvaluationError(ApplicationError, ValueError):
    """Labels and gold cannot be compared as they are; the message says where, what was found and what to do."""

    exit_code = 2


@dataclass(frozen=True)
class Rejected:
    """A row of gold that cannot be used."""

    source: str
    """File and line (or row), counted from 1."""
    reason: str
    detail: str


def read_number(value: Any, name: str) -> int:
    """A whole number, given as such, as 3.0 or as text; `FieldError` where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value == value // 1:
        return int(value)
    text = str(value).strip()
    # a number that JSON spelt 3.0 comes as a Decimal
    integer, _, decimals = text.removeprefix("-").partition(".")
    if (
        isinstance(value, bool)
        or not (integer.isdecimal() and integer.isascii())
        or len(integer) > 9
        or decimals.strip("0")
    ):
        raise FieldError("not a step number", f"{name} is {text[:40]!r}, expected a whole number")
    return -int(integer) if text.startswith("-") else int(integer)


def is_nothing(value: Any) -> bool:
    """Whether a value stands for none: null, or what a data frame makes of it (NaN)."""
    return value is None or (isinstance(value, float) and isnan(value))


def make_unknown_error(place: str, what: str, name: str, known: Sequence[str]) -> EvaluationError:
    """The error about a name that stands for nothing: a column, a table, a format."""
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are {abbreviate_names(known, 12)}"
    return EvaluationError(f"{place}: no {what} '{name}'; {hint}")


def abbreviate_names(names: Iterable[str], most: int = 3) -> str:
    """The first of some names, for a message."""
    listed = list(names)
    shown = ", ".join(name if len(name) <= 40 else f"{name[:39]}…" for name in listed[:most])
    return f"{shown}, …" if len(listed) > most else shown or "none"
