"""Texts that a model is asked for by their names, in one JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from schemas.request import Reply, replace_surrogates
from tasks.classify.reply import read_final_text
from tasks.llm.judge_reply import UNPARSABLE
from tasks.llm.lenient_json import find_objects


def describe_texts(longest: Mapping[str, int | None]) -> str:
    """The JSON schema of an object of texts.

    Args:
        longest: Their names, each with the characters that it may have; None where that is open.

    Returns:
        The schema, as text.

    """
    properties = {
        name: {"type": "string"} | ({"maxLength": most} if most is not None else {}) for name, most in longest.items()
    }
    return json.dumps(
        {"type": "object", "properties": properties, "required": list(longest), "additionalProperties": False}
    )


def read_texts(reply: Reply, names: Sequence[str], may_be_empty: Sequence[str] = ()) -> dict[str, str] | str:
    """The texts of a reply, stripped; or why there are none: one that says two things says nothing."""
    text, fault = read_final_text(reply)
    if fault:
        return fault
    objects = [
        tuple(record[name].strip() for name in names)
        for record in find_objects(replace_surrogates(text))
        if all(isinstance(record.get(name), str) for name in names)
    ]
    if len(set(objects)) != 1:
        return UNPARSABLE
    texts = dict(zip(names, objects[0], strict=True))
    return texts if all(texts[name] for name in names if name not in may_be_empty) else UNPARSABLE
