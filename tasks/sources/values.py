"""Values of records as texts: what a cell may hold, and the error where it holds something else."""

from __future__ import annotations

from decimal import Decimal
from math import isfinite, isnan
from typing import Any

from schemas.task import UnreadableValue


class FieldError(ValueError):
    """A field of a record is not as the mapping expects; carries a reason to count by and a detail."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: null, or what a data frame has in its place, a float that is no number."""
    return value is None or (isinstance(value, float) and isnan(value))


def read_text(value: Any, name: str, longest: int) -> str:
    """A value as text; `FieldError` where it is none, too long or holds NUL."""
    if is_missing(value):
        raise FieldError("missing field", f"{name} is null")
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, dict | list | tuple | bytes):
        raise FieldError("wrong type", f"{name} is a {type(value).__name__}, expected text or a number")
    if isinstance(value, UnreadableValue):
        raise FieldError(value.reason, f"{name}: {value.detail}")
    if isinstance(value, float | Decimal) and not isfinite(value):
        raise FieldError("not a number", f"{name} is {value}")
    text = str(value)
    if len(text) > longest:
        raise FieldError("too long", f"{name} has {len(text)} characters, at most {longest} are taken; raise `longest`")
    if "\0" in text:
        raise FieldError("NUL in text", f"{name}, character {text.index(chr(0)) + 1}")
    if text.isascii():
        return text
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise FieldError("not UTF-8", f"{name} has half of a surrogate pair, character {error.start + 1}") from None
    return text


def read_texts(value: Any, name: str, longest: int) -> list[str] | None:
    """A value as a list of texts, or None where it is empty."""
    if is_missing(value):
        return None
    if not isinstance(value, list):
        raise FieldError("wrong type", f"{name} is a {type(value).__name__}, expected a list")
    return [read_text(item, name, longest) for item in value] or None


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
