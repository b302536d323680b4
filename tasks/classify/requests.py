"""What a classifier is shown of a mistake: the steps through the wrong one, and the types."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from schemas.columns.labels import SEVERITIES
from schemas.model_id import ModelId
from schemas.recipe.taxonomy import Taxonomy
from schemas.request import Message, Request, Sampling
from tasks.llm import prompts
from tasks.llm.prompt_guard import fill_fields, strip_marks
from tasks.llm.read_channels import CHANNEL_COLUMNS

Row = Mapping[str, Any]
SEEN = ("question", "options", "steps", "text", "answer", "reference", "first_error", "judge_kind", *CHANNEL_COLUMNS)
"""The columns of which rules or a classifier see something, where the table has them."""
NEW = "new"
"""What a classifier says that names a type of its own."""
NO_TYPES = "(none yet)"
LONGEST_CAUSE, LONGEST_SPAN, LONGEST_NAME, LONGEST_DEFINITION = 400, 200, 60, 300
"""Characters of a vote's texts, where a schema can hold it to them: without, small models repeat themselves to the limit."""


def has_mistake(row: Row) -> bool:
    """Whether it is known which step is wrong."""
    at = row["first_error"]
    return at is not None and 0 <= at < len(row["steps"])


def make_schema(prompt: str, taxonomy: Taxonomy | None, proposing: bool) -> str:
    """The JSON schema of a vote; empty where the prompt does not ask for that JSON."""
    if '"type"' not in prompt:
        return ""
    labels = taxonomy.labels() if taxonomy else ()
    # the cause comes first: a model that has written it chooses better than one that answers at once
    properties: dict[str, Any] = {"cause": {"type": "string", "maxLength": LONGEST_CAUSE}}
    if not proposing:
        properties |= {
            "span": {"type": "string", "maxLength": LONGEST_SPAN},
            "severity": {"type": "string", "enum": list(SEVERITIES)},
        }
    properties["type"] = {"type": "string", "enum": [*labels, *([NEW] if proposing else [])]}
    if proposing:
        properties |= {"name": {"type": "string", "maxLength": LONGEST_NAME}}
        properties |= {"definition": {"type": "string", "maxLength": LONGEST_DEFINITION}}
    return json.dumps(
        {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
    )


def list_types(taxonomy: Taxonomy | None, mark: str = "") -> str:
    """The types as a classifier sees them: name, definition, example. What models wrote of them opens and closes nothing."""
    lines = []
    for name in taxonomy.labels() if taxonomy else ():
        assert taxonomy is not None
        kind = taxonomy.types[name]
        example = f' Example: "{kind.example.step}" ({kind.example.why})' if kind.example else ""
        lines.append(f"- {name}: {kind.definition}{example}")
    text = "\n".join(lines) or NO_TYPES
    return strip_marks(text, mark) if mark and taxonomy is not None and taxonomy.history else text


def fill_prompt(prompt: str, row: Row, taxonomy: Taxonomy | None, reference: bool) -> tuple[Message, ...]:
    """The conversation about a row."""
    at = row["first_error"]
    seen = {**row, "steps": row["steps"][: at + 1], "text": None}
    fields = fill_fields(seen, (), reference)
    return prompts.fill(prompt, fields | {"number": str(at + 1), "types": list_types(taxonomy, fields["mark"])})


def request_votes(
    messages: tuple[Message, ...], sampling: Sampling, models: Sequence[ModelId], number: int
) -> list[tuple[str, Request]]:
    """So many votes of each model, each with the name of who gives it."""
    return [
        (f"{name_model(model)} #{sample}", model.ask(messages, sampling, sample))
        for model in models
        for sample in range(number)
    ]


def name_model(model: ModelId) -> str:
    """A model's name with its revision, and how it is asked where that is its own."""
    return model.describe()
