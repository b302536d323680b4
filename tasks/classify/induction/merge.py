"""The joining of names: likeness proposes pairs, a model or a stated rule decides, and each joint is written down."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Generator, Mapping, Sequence
from functools import lru_cache

from schemas.model_id import ModelId
from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Message, Reply, Request, Sampling
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
LONGEST_WHY = 300
"""Characters of a decision's reason, where a schema can hold it to them."""
NEAREST = "rule: the likest name"
NO_PARENT, NOT_ASKED = "rule: like none", "rule: too many to be asked about"
Talk = Generator[Sequence[Request], Mapping[str, Reply], None]


def merge_names(growth: Growth, decider: ModelId | None) -> Talk:
    """Join candidates with the types or commoner candidates that they are other names of."""
    pairs = _list_pairs(growth)
    if decider is None:
        for key, other in pairs:
            if is_misspelling(growth.name(key), growth.name(other)):
                growth.join(key, other, "merge", SLIP)
        return
    requests = [(key, other, _request_comparison(growth, key, other, decider)) for key, other in pairs]
    replies: Mapping[str, Reply] = (yield [request for *_, request in requests]) if requests else {}
    joined: set[str] = set()
    for key, other, request in requests:
        if key not in joined and _means_same(replies[request.id]):
            joined.add(key)
            growth.join(key, other, "merge", f"model {name_model(decider)}")


def fold_rare_names(growth: Growth, decider: ModelId | None) -> Talk:
    """Put what is too rare to be a type under a type: the one that a model chooses, or the likest one."""
    growth.promote()
    rare, types = growth.candidates(), list(growth.types)
    taxonomy = growth.make_taxonomy()
    requests: dict[str, Request] = {}
    if decider is not None and taxonomy is not None:
        requests = {key: _request_parent(growth, key, taxonomy, decider) for key in rare[:AT_ONCE]}
    replies: Mapping[str, Reply] = (yield list(requests.values())) if requests else {}
    chosen = {key: _read_parent(growth, replies[request.id], taxonomy) for key, request in requests.items()}
    for key in rare:
        if key in chosen:
            growth.join(
                key, chosen[key] or growth.add_other(), "fold", f"model {name_model(decider)}" if decider else ""
            )
        elif decider is None and key in rare[:AT_ONCE] and (near := _find_similar(growth, key, types)):
            growth.join(key, near[0], "fold", NEAREST)
        else:
            growth.join(key, growth.add_other(), "fold", NO_PARENT if key in rare[:AT_ONCE] else NOT_ASKED)


def _list_pairs(growth: Growth) -> list[tuple[str, str]]:
    """Candidates, each with the names before it that are most like it."""
    candidates = growth.candidates()[:AT_ONCE]
    pairs = []
    for at, key in enumerate(candidates):
        pairs += [(key, other) for other in _find_similar(growth, key, [*growth.types, *candidates[:at]])[:NEIGHBOURS]]
    return pairs


def _find_similar(growth: Growth, key: str, others: Sequence[str]) -> list[str]:
    """Those of some names that are like one in name or meaning, the likest first."""
    scored = [(_measure_similarity(growth, key, other), other) for other in others if other != key]
    return [other for score, other in sorted(scored, key=lambda pair: (-pair[0], pair[1])) if score >= ALIKE]


def _measure_similarity(growth: Growth, key: str, other: str) -> float:
    """How similar two names are, or their definitions."""
    names = dice(_split_grams(growth.name(key)), _split_grams(growth.name(other)))
    if not (growth.defined(key) and growth.defined(other)):
        return names
    return max(names, dice(_split_grams(growth.definition(key)), _split_grams(growth.definition(other))))


@lru_cache(maxsize=4096)
def _split_grams(text: str) -> frozenset[str]:
    return split_trigrams(text)


def _make_mark(texts: Sequence[str]) -> str:
    return hashlib.blake2b(json.dumps(texts).encode(), digest_size=8).hexdigest()


def _fence_name(growth: Growth, key: str, mark: str) -> str:
    return fence_text("kind", f"{growth.name(key)}: {growth.definition(key)}", mark)


def _make_request(prompt: str, fields: Mapping[str, str], schema: str, model: ModelId) -> Request:
    messages: tuple[Message, ...] = prompts.fill(prompts.find_template(prompt), fields)
    return model.ask(messages, Sampling(TOKENS, 0.0, 1.0, (), schema))


def _request_comparison(growth: Growth, first: str, other: str, model: ModelId) -> Request:
    """Asks whether two names are one; the same whichever came first."""
    first, other = sorted((first, other))
    mark = _make_mark([growth.name(key) + growth.definition(key) for key in (first, other)])
    fields = {"mark": mark, "one": _fence_name(growth, first, mark), "other": _fence_name(growth, other, mark)}
    # why comes first: a model that has written what each means decides better than one that answers at once
    schema = _make_schema(why={"type": "string", "maxLength": LONGEST_WHY}, same={"type": "boolean"})
    return _make_request("same-kind", fields, schema, model)


def _request_parent(growth: Growth, key: str, types: Taxonomy, model: ModelId) -> Request:
    """Asks under which type a rare name belongs."""
    mark = _make_mark([growth.name(key) + growth.definition(key)])
    labels = [*types.labels(), "none"]
    fields = {"mark": mark, "one": _fence_name(growth, key, mark), "types": list_types(types, mark)}
    return _make_request("parent-kind", fields, _make_schema(type={"type": "string", "enum": labels}), model)


def _make_schema(**properties: Mapping[str, object]) -> str:
    schema = {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    return json.dumps(schema)


def _means_same(reply: Reply) -> bool:
    """Whether a reply clearly calls two names the same; all else leaves them apart."""
    text, _ = read_final_text(reply)
    answers = [record["same"] for record in find_objects(text) if "same" in record]
    return bool(answers) and all(answer is True for answer in answers)


def _read_parent(growth: Growth, reply: Reply, types: Taxonomy | None) -> str | None:
    """The type that a reply names; None for none, or for what cannot be read."""
    if types is None:
        return None
    kind = vote(reply, 0, "", Material([]), types).type
    return next((key for key in growth.types if growth.name(key) == kind), None)
