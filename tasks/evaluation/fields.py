"""The fields of a record that name steps, and the errors about columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from schemas.errors import ApplicationError


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
