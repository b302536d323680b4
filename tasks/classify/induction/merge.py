"""The joining of names: likeness proposes pairs, a model or a stated rule decides, and each joint is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache

from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Message, Reply, Request, Sampling
from schemas.task import ModelId
from tasks.classify.induction.name_similarity import ALIKE, SLIP, dice, is_misspelling, split_trigrams
from tasks.classify.induction.state import Growth
from tasks.classify.reply import read_final_text, vote
from tasks.classify.requests import list_types, name_model
from tasks.llm import prompts
from tasks.llm.lenient_json import find_objects
from tasks.llm.prompt_guard import fence_text
from tasks.llm.quoted_text import Material

NEIGHBOURS = 3
"""Names that a candidate is held against, the likest ones."""
AT_ONCE = 200
"""Candidates that a round looks at, those of most answers: names that come once by the thousand cost nothing."""
TOKENS = 256
"""Tokens of a decision, at most."""
NEAREST = "rule: the likest name"
NO_PARENT, NOT_ASKED = "rule: like none", "rule: too many to be asked about"
Talk = Generator[Sequence[Request], Mapping[str, Reply], None]


def merge_names(growth: Growth, decider: ModelId | None) -> Talk:
    """Join candidates with the types or commoner candidates that they are other names of."""
    pairs = _pairs(growth)
    if decider is None:
        for one, other in pairs:
            if is_misspelling(growth.name(one), growth.name(other)):
                growth.join(one, other, "merge", SLIP)
        return
    asked = [(one, other, _same(growth, one, other, decider)) for one, other in pairs]
    replies: Mapping[str, Reply] = (yield [request for *_, request in asked]) if asked else {}
    joined: set[str] = set()
    for one, other, request in asked:
        if one not in joined and _means_same(replies[request.id]):
            joined.add(one)
            growth.join(one, other, "merge", f"model {name_model(decider)}")


def fold_rare_names(growth: Growth, decider: ModelId | None) -> Talk:
    """Put what is too rare to be a type under a type: the one that a model chooses, or the likest one."""
    growth.promote()
    rare, types = growth.candidates(), list(growth.types)
    shown = growth.shown()
    asked: dict[str, Request] = {}
    if decider is not None and shown is not None:
        asked = {key: _parent(growth, key, shown, decider) for key in rare[:AT_ONCE]}
    replies: Mapping[str, Reply] = (yield list(asked.values())) if asked else {}
    chosen = {key: _chosen(growth, replies[request.id], shown) for key, request in asked.items()}
    for key in rare:
        if key in chosen:
            growth.join(key, chosen[key] or growth.other(), "fold", f"model {name_model(decider)}" if decider else "")
        elif decider is None and key in rare[:AT_ONCE] and (near := _near(growth, key, types)):
            growth.join(key, near[0], "fold", NEAREST)
        else:
            growth.join(key, growth.other(), "fold", NO_PARENT if key in rare[:AT_ONCE] else NOT_ASKED)


def _pairs(growth: Growth) -> list[tuple[str, str]]:
    """Candidates, each with the names before it that are most like it."""
    some = growth.candidates()[:AT_ONCE]
    found = []
    for at, key in enumerate(some):
        found += [(key, other) for other in _near(growth, key, [*growth.types, *some[:at]])[:NEIGHBOURS]]
    return found


def _near(growth: Growth, key: str, others: Sequence[str]) -> list[str]:
    """Those of some names that are like one in name or meaning, the likest first."""
    scored = [(_like(growth, key, other), other) for other in others if other != key]
    return [other for score, other in sorted(scored, key=lambda one: (-one[0], one[1])) if score >= ALIKE]


def _like(growth: Growth, one: str, other: str) -> float:
    """How like two names are, or what they are said to mean."""
    names = dice(_grams(growth.name(one)), _grams(growth.name(other)))
    if not (growth.defined(one) and growth.defined(other)):
        return names
    return max(names, dice(_grams(growth.definition(one)), _grams(growth.definition(other))))


@lru_cache(maxsize=4096)
def _grams(text: str) -> frozenset[str]:
    return split_trigrams(text)


def _mark(texts: Sequence[str]) -> str:
    return hashlib.blake2b(json.dumps(texts).encode(), digest_size=8).hexdigest()


def _shown(growth: Growth, key: str, mark: str) -> str:
    return fence_text("kind", f"{growth.name(key)}: {growth.definition(key)}", mark)


def _request(prompt: str, fields: Mapping[str, str], schema: str, model: ModelId) -> Request:
    messages: tuple[Message, ...] = prompts.fill(prompts.find_template(prompt), fields)
    return Request(model.model, model.revision, messages, Sampling(TOKENS, 0.0, 1.0, (), schema))


def _same(growth: Growth, one: str, other: str, model: ModelId) -> Request:
    """Asks whether two names are one; the same whichever came first."""
    one, other = sorted((one, other))
    mark = _mark([growth.name(key) + growth.definition(key) for key in (one, other)])
    fields = {"mark": mark, "one": _shown(growth, one, mark), "other": _shown(growth, other, mark)}
    return _request("same-kind", fields, _schema("same", {"type": "boolean"}), model)


def _parent(growth: Growth, key: str, types: Taxonomy, model: ModelId) -> Request:
    """Asks under which type a rare name belongs."""
    mark = _mark([growth.name(key) + growth.definition(key)])
    labels = [*types.labels(), "none"]
    fields = {"mark": mark, "one": _shown(growth, key, mark), "types": list_types(types, mark)}
    return _request("parent-kind", fields, _schema("type", {"type": "string", "enum": labels}), model)


def _schema(key: str, value: Mapping[str, object]) -> str:
    return json.dumps({"type": "object", "properties": {key: value}, "required": [key], "additionalProperties": False})


def _means_same(reply: Reply) -> bool:
    """Whether a reply says so, clearly: all else leaves two names apart."""
    text, _ = read_final_text(reply)
    said = [one["same"] for one in find_objects(text) if "same" in one]
    return bool(said) and all(one is True for one in said)


def _chosen(growth: Growth, reply: Reply, types: Taxonomy | None) -> str | None:
    """The type that a reply names; None for none, or for what cannot be read."""
    if types is None:
        return None
    found = vote(reply, 0, "", Material([]), types).type
    return next((key for key in growth.types if growth.name(key) == found), None)
