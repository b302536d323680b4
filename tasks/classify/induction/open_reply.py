"""The reading of a reply that may propose a type of its own: a known type, a new name with its definition, or neither.

A name is one line of at most 80 characters; what is longer, empty, reserved
(`new`, `none`, …) or only repeated from the solution is no name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.recipe.taxonomy import RESERVED, TYPE, Taxonomy, normalize_name
from schemas.request import Reply, replace_surrogates
from tasks.classify.reply import KEYS, LINE, NO_TYPE, UNKNOWN, parse_judged_kind, read_final_text, read_text
from tasks.classify.requests import NEW
from tasks.llm.judge_reply import CONTRADICTORY, UNPARSABLE
from tasks.llm.lenient_json import find_objects
from tasks.llm.quoted_text import Material

NO_NAME = "no name for a type"
LONGEST_NAME, MOST_WORDS, LONGEST_DEFINITION = 80, 10, 300
_NEW = re.compile(r"^new\s{0,4}(?:type|kind|category)?\s{0,4}[:=-]\s{0,4}", re.IGNORECASE)
_DEFINED = re.compile(r"\s{0,4}(?:[,;:]|[-–—]\s)\s{0,4}")
_NO_PART = {ord(char): " " for char in "|`<>"}


@dataclass(frozen=True)
class Proposal:
    """What one answer calls a mistake."""

    type: str | None = None
    """A type that there is."""
    name: str = ""
    """The name of a new one."""
    definition: str = ""
    """The definition of a new type; may be empty."""
    fault: str = ""
    """Why it is neither, in few words."""


def tidy_line(text: str) -> str:
    """A text on one line, without what is not seen and without what opens a tag or a cell of a table."""
    seen = (
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char
        for char in unicodedata.normalize("NFKC", replace_surrogates(text[:10_000]))
        if unicodedata.category(char) not in ("Cf", "Co", "Cn")
    )
    return " ".join("".join(seen).translate(_NO_PART).split())


def name_of(text: str) -> str:
    """A type's name in its usual form; empty where the text is none."""
    name = tidy_line(text).strip(" \t*_\"'.,;:()[]{}")
    fits = len(name) <= LONGEST_NAME and len(name.split()) <= MOST_WORDS and re.match(TYPE, name)
    return name if fits and normalize_name(name) and normalize_name(name) not in RESERVED else ""


def normalize_definition(text: str) -> str:
    """A definition in its usual form, cut to its length."""
    return tidy_line(text)[:LONGEST_DEFINITION].strip()


def resolve_name(name: str, definition: str, taxonomy: Taxonomy | None) -> Proposal:
    """The proposal that a name makes: the type of that name, a new one, or none."""
    known = taxonomy.named(name) if taxonomy else None
    if known is not None:
        return Proposal(known)
    new_name = name_of(name)
    return Proposal(name=new_name, definition=normalize_definition(definition)) if new_name else Proposal(fault=NO_NAME)


def parse_proposal(reply: Reply, at: int, material: Material, taxonomy: Taxonomy | None, free: bool) -> Proposal:
    """What a reply calls the mistake in a step (from 0).

    Who was shown the types says `new` where it means none of them; who was not
    (`free`) may use any words.

    Args:
        reply: What a model answered.
        at: The step, counted from 0.
        material: What the model was shown, which counts for nothing where it is repeated.
        taxonomy: The types it was shown, if any.
        free: Whether it may use words of its own.

    Returns:
        A type, known or new, or the fault for which there is none.

    """
    text, fault = read_final_text(reply)
    if fault:
        return Proposal(fault=fault)
    proposals = set(_read_claims(text, material, taxonomy, free))
    if not proposals:
        kind = parse_judged_kind(text, at, material)
        if kind is not None and not kind:
            return Proposal(fault=NO_TYPE)
        return resolve_name(kind, "", taxonomy) if kind and free else Proposal(fault=UNPARSABLE)
    if len({proposal.type or normalize_name(proposal.name) for proposal in proposals}) > 1:
        return Proposal(fault=CONTRADICTORY)
    return max(proposals, key=lambda proposal: (len(proposal.definition), proposal.definition))


def _read_claims(text: str, material: Material, taxonomy: Taxonomy | None, free: bool) -> Iterator[Proposal]:
    """What the objects of a reply say, or where there is none its lines."""
    records = [record for record in find_objects(text) if any(normalize_name(key) in KEYS for key in record)]
    for record in records:
        for key, value in record.items():
            if (
                normalize_name(key) in KEYS
                and isinstance(value, str)
                and not _is_repeated(key, value, record, material)
            ):
                yield _read_claim(value, record, material, taxonomy, free)
    if records:
        return
    for match in LINE.finditer(text):
        if not material.contains(match[0]):
            yield _read_claim(match[1].strip(" \t*_`\"'}"), {}, material, taxonomy, free)
    for line in text.split("\n")[:50]:
        if _NEW.match(line.strip(" *_`\"'")) and not material.contains(line):
            yield _read_claim(line.strip(" *_`\"'"), {}, material, taxonomy, free)


def _is_repeated(key: str, value: str, record: Mapping[str, Any], material: Material) -> bool:
    """Whether a pair of an object stands in the solution; of a new type it is the name that counts."""
    return material.contains(
        f"name {read_text(record.get('name'))}" if normalize_name(value) == NEW else f"{key} {value}"
    )


def _read_claim(
    value: str, record: Mapping[str, Any], material: Material, taxonomy: Taxonomy | None, free: bool
) -> Proposal:
    """The proposal of one value that names a type."""
    name, definition = read_text(record.get("name")), read_text(record.get("definition"))
    if normalize_name(value) == NEW:
        return resolve_name(name, definition, taxonomy)
    rest = _NEW.sub("", value, count=1)
    if rest != value:
        name, *others = _DEFINED.split(rest, maxsplit=1)
        if material.contains(f"new {name}"):
            return Proposal(fault=UNPARSABLE)
        return resolve_name(name, definition or "".join(others), taxonomy)
    proposal = resolve_name(value, definition, taxonomy)
    return proposal if proposal.type or free or proposal.fault else Proposal(fault=UNKNOWN)
