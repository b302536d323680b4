"""The reading of a classifier's reply: a type of the taxonomy, or why it is undecided; never a guess.

What a reply repeats of the solution counts for nothing, and one that names two
types names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.columns.labels import SEVERITIES
from schemas.recipe.taxonomy import Taxonomy, normalize_name
from schemas.request import Completion, Reply, replace_surrogates
from tasks.llm.channels import split_channels
from tasks.llm.judge_reply import CONTRADICTORY, CUT_OFF, EMPTY, LONGEST_READ, TOO_LONG, UNPARSABLE
from tasks.llm.judge_reply import read_judgement as judged
from tasks.llm.lenient_json import find_objects
from tasks.llm.quoted_text import Material

UNKNOWN, NO_TYPE = "unknown type", "names no type of this step"
LINE = re.compile(r"^[\s*_`\"'{]{0,8}(?:error[ _]?)?(?:type|kind|category)[*_`\"']{0,4}\s{0,4}[:=]\s{0,4}(.{1,120})$", re.IGNORECASE | re.MULTILINE)  # fmt: skip
KEYS = frozenset({"type", "error type", "kind", "category", "error category"})
_LONGEST_CAUSE, _LONGEST_SPAN = 1_000, 500


@dataclass(frozen=True)
class TypeVote:
    """The vote of one reply."""

    type: str | None
    """A type of the taxonomy; None where it is undecided."""
    fault: str = ""
    """Why it is undecided, in few words; empty where it is not."""
    severity: str | None = None
    span: tuple[int, int] | None = None
    """The wrong characters of the step: the first, and the one behind the last."""
    cause: str | None = None


def vote(reply: Reply, at: int, step: str, material: Material, taxonomy: Taxonomy) -> TypeVote:
    """The vote of a reply on a step, the first wrong one (from 0)."""
    text, fault = read_final_text(reply)
    return TypeVote(None, fault) if fault else read_vote(text, step, material, taxonomy, at)


def read_final_text(reply: Reply) -> tuple[str, str]:
    """The text of a reply after its thoughts, or why it cannot be read."""
    if not isinstance(reply, Completion):
        return "", reply.reason
    cut = reply.finish == "length" or not reply.thinking_finished
    return ("", CUT_OFF) if cut else _clean_quotation(reply.text)


def _clean_quotation(text: str) -> tuple[str, str]:
    channels = split_channels(text)
    if not channels.is_finished:
        return "", CUT_OFF
    if not channels.text.strip():
        return "", EMPTY
    return (channels.text, "") if len(channels.text) <= LONGEST_READ else ("", TOO_LONG)


def parse_judged_kind(text: str, at: int, material: Material) -> str | None:
    """What a reply in a judge's form ("First error: 3, calculation") calls the mistake in a step (from 0).

    Empty where it names no kind, or another step; None where it has no such form.

    Returns:
        The kind in the reply's own words.

    """
    judgement = judged(text, at + 1, material)
    if judgement.label is None:
        return None
    return judgement.kind if judgement.label == at else ""


def read_vote(text: str, step: str, material: Material, taxonomy: Taxonomy, at: int | None = None) -> TypeVote:
    """The vote of a text on a step; with its number (from 0) a judge's form is read, too."""
    final, fault = _clean_quotation(text)
    if fault:
        return TypeVote(None, fault)
    claims = list(_list_claims(final, material))
    if at is not None and not _has_form(final) and (kind := parse_judged_kind(final, at, material)) is not None:
        if not kind:
            return TypeVote(None, NO_TYPE)
        claims = [(kind, {})]
    if not claims:
        return TypeVote(None, UNPARSABLE)
    named = {taxonomy.named(name) for name, _ in claims}
    if None in named or len(named) > 1:
        return TypeVote(None, UNKNOWN if named == {None} else CONTRADICTORY)
    (label,) = named
    details: Mapping[str, Any] = next((record for _, record in reversed(claims) if record), {})
    cause = replace_surrogates(" ".join(read_text(details.get("cause")).split())[:_LONGEST_CAUSE]) or None
    severity = read_text(details.get("severity")).strip().casefold()
    return TypeVote(
        label,
        "",
        severity if severity in SEVERITIES else None,
        locate_quotation(read_text(details.get("span")), step),
        cause,
    )


def _has_form(text: str) -> bool:
    """Whether a text names a type in a classifier's own form."""
    return LINE.search(text) is not None or any(
        normalize_name(key) in KEYS for record in find_objects(text) for key in record
    )


def _list_claims(text: str, material: Material) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The types that a reply names, each with the object that names it."""
    records = [record for record in find_objects(text) if any(normalize_name(key) in KEYS for key in record)]
    for record in records:
        for key, value in record.items():
            if normalize_name(key) in KEYS and isinstance(value, str) and not material.contains(f"{key} {value}"):
                yield value, record
    if records:
        return
    lines = list(LINE.finditer(text))
    for match in lines:
        if not material.contains(match[0]):
            yield match[1].strip(" \t*_`\"'.,}"), {}
    if not lines and len(text) < 120 and not material.equals(text):
        yield text, {}


def read_text(value: object) -> str:
    """A value that should be text; empty where it is none."""
    return value if isinstance(value, str) else ""


def locate_quotation(span: str, step: str) -> tuple[int, int] | None:
    """Where a quotation stands in a step: to the letter, else but for white space and case; None where it does not."""
    words = span.strip()[:_LONGEST_SPAN].split()
    if not words:
        return None
    at = step.find(span.strip())
    if at >= 0 and len(span.strip()) <= _LONGEST_SPAN:
        return at, at + len(span.strip())
    match = re.search(r"\s+".join(map(re.escape, words)), step, re.IGNORECASE)
    return match.span() if match else None
