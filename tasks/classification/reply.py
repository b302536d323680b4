"""The reading of a classifier's reply: a type of the taxonomy, or why it is undecided; never a guess.

What a reply repeats of the solution counts for nothing, and one that names two
types names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.labels import SEVERITIES
from schemas.request import Completion, Reply
from schemas.taxonomy import Taxonomy, spelt
from tasks.judging.echo import Material
from tasks.judging.reply import CONTRADICTORY, CUT_OFF, EMPTY, LONGEST_READ, TOO_LONG, UNPARSABLE, storable
from tasks.loose_json import objects

UNKNOWN = "unknown type"
_LINE = re.compile(r"^[\s*_`\"'{]{0,8}(?:error[ _]?)?(?:type|kind|category)[*_`\"']{0,4}\s{0,4}[:=]\s{0,4}(.{1,120})$", re.IGNORECASE | re.MULTILINE)  # fmt: skip
_KEYS = frozenset({"type", "error type", "kind", "category", "error category"})
_LONGEST_CAUSE, _LONGEST_SPAN = 1_000, 500


@dataclass(frozen=True)
class Vote:
    """What one reply says."""

    type: str | None
    """A type of the taxonomy; None where it is undecided."""
    fault: str = ""
    """Why it is undecided, in few words; empty where it is not."""
    severity: str | None = None
    span: tuple[int, int] | None = None
    """The wrong characters of the step: the first, and the one behind the last."""
    cause: str | None = None


def vote(reply: Reply, step: str, material: Material, taxonomy: Taxonomy) -> Vote:
    """What a reply says of a step."""
    if not isinstance(reply, Completion):
        return Vote(None, reply.reason)
    if reply.finish == "length":
        return Vote(None, CUT_OFF)
    return read(reply.text, step, material, taxonomy)


def read(text: str, step: str, material: Material, taxonomy: Taxonomy) -> Vote:
    """What a text says of a step."""
    _, thought, said = text.rpartition("</think>")
    if not thought and "<think>" in text:
        return Vote(None, CUT_OFF)
    if not said.strip():
        return Vote(None, EMPTY)
    if len(said) > LONGEST_READ:
        return Vote(None, TOO_LONG)
    claims = list(_claims(said, material))
    if not claims:
        return Vote(None, UNPARSABLE)
    named = {taxonomy.named(name) for name, _ in claims}
    if None in named or len(named) > 1:
        return Vote(None, UNKNOWN if named == {None} else CONTRADICTORY)
    (found,) = named
    details: Mapping[str, Any] = next((one for _, one in reversed(claims) if one), {})
    cause = storable(" ".join(_text(details.get("cause")).split())[:_LONGEST_CAUSE]) or None
    severity = _text(details.get("severity")).strip().casefold()
    return Vote(found, "", severity if severity in SEVERITIES else None, place(_text(details.get("span")), step), cause)


def _claims(text: str, material: Material) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The types that a reply names, each with the object that names it."""
    found = [one for one in objects(text) if any(spelt(key) in _KEYS for key in one)]
    for one in found:
        for key, value in one.items():
            if spelt(key) in _KEYS and isinstance(value, str) and not material.says(f"{key} {value}"):
                yield value, one
    if found:
        return
    lines = list(_LINE.finditer(text))
    for match in lines:
        if not material.says(match[0]):
            yield match[1].strip(" \t*_`\"'.,}"), {}
    if not lines and len(text) < 120 and not material.is_(text):
        yield text, {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def place(span: str, step: str) -> tuple[int, int] | None:
    """Where a quotation stands in a step: to the letter, else but for white space and case; None where it does not."""
    words = span.strip()[:_LONGEST_SPAN].split()
    if not words:
        return None
    at = step.find(span.strip())
    if at >= 0 and len(span.strip()) <= _LONGEST_SPAN:
        return at, at + len(span.strip())
    match = re.search(r"\s+".join(map(re.escape, words)), step, re.IGNORECASE)
    return match.span() if match else None
