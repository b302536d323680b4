"""Faults of a recipe in its own words: what pydantic found wrong with a value, and what a name may have been meant to be."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any, get_args

from pydantic import BaseModel

from schemas.recipe.document import Path

LONGEST_SHOWN = 60
"""Characters of a value, and items of it, that an error shows at most."""


def strip_branches(location: tuple[int | str, ...], value: Any) -> Path:
    """A pydantic location without the names it adds for branches of a type."""
    path: list[str | int] = []
    for step in location:
        missing = step == location[-1] and isinstance(value, dict) and step not in value.values()
        if isinstance(value, dict) and (step in value or missing):
            path.append(step)
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            path.append(step)
            value = value[step] if step < len(value) else None
    return tuple(path)


_EXPECTED = {
    "string_type": "text (quote it if it looks like a number)",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}


def describe_error(detail: dict[str, Any], model: type[BaseModel]) -> str:
    """One fault of pydantic's in the words of a recipe."""
    kind, context, value = detail["type"], detail.get("ctx", {}), detail["input"]
    if kind == "extra_forbidden":
        return f"unknown parameter; {advise(str(detail['loc'][-1]), _list_fields(model, detail['loc']))}"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, found {show_value(value)}"
    limits = {"greater_than": ">", "greater_than_equal": "≥", "less_than": "<", "less_than_equal": "≤"}
    if kind in limits:
        limit = next(iter(context.values()))
        return f"expected a number {limits[kind]} {limit}, found {show_value(value)}"
    if kind == "literal_error":
        one_of = "one of " if " or " in context["expected"] else ""
        return f"expected {one_of}{context['expected']}, found {show_value(value)}"
    if kind == "string_pattern_mismatch":
        return f"expected text that matches {context['pattern']}, found {show_value(value)}"
    if kind in ("too_short", "string_too_short"):
        return f"expected at least {context['min_length']}, found {show_value(value)}"
    if kind == "value_error":
        return str(context["error"])
    return f"{detail['msg']}, found {show_value(value)}"


def join_expectations(messages: Sequence[str]) -> list[str]:
    """Messages about one value: what the branches of a union expected of it is one fault, and not as many as there are branches."""
    ends = [message.rpartition(", found ") for message in messages]
    if len(messages) < 2 or not all(start.startswith("expected ") and end == ends[0][2] for start, _, end in ends):
        return list(messages)
    return [f"expected {' or '.join(start.removeprefix('expected ') for start, _, _ in ends)}, found {ends[0][2]}"]


def _list_fields(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The names allowed where a location ends: those of the model, or of the one nested in it."""
    there = branches = [model]
    for step in location[:-1]:
        inner = [
            nested
            for record in there
            for name, field in record.model_fields.items()
            if (field.alias or name) == step
            for nested in _find_models(field.annotation)
        ]
        if inner:
            there = branches = inner
        else:  # a key, a number, or the name that tells one branch of a union from the others
            there = [record for record in branches if _bears_name(record, step)] or there
    return list(dict.fromkeys(field.alias or name for record in there for name, field in record.model_fields.items()))


def _bears_name(record: type[BaseModel], name: int | str) -> bool:
    return any(name in get_args(field.annotation) for field in record.model_fields.values())


def _find_models(annotation: Any) -> list[type[BaseModel]]:
    """The record types that an annotation speaks of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _find_models(part)]


def show_value(value: Any) -> str:
    """A value as an error shows it: short, on one line."""
    text = repr(_cut_value(value))
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 3] + "…"


def _cut_value(value: Any) -> Any:
    """The beginning of a value, which is all that is shown of it."""
    if isinstance(value, str):
        return value[:LONGEST_SHOWN]
    if isinstance(value, list):
        return [_cut_value(item) for item in value[:LONGEST_SHOWN]]
    if isinstance(value, dict):
        return {str(key)[:LONGEST_SHOWN]: _cut_value(item) for key, item in islice(value.items(), LONGEST_SHOWN)}
    return value


def list_names(names: Any) -> str:
    """Names by the alphabet, with commas."""
    return ", ".join(sorted(str(name) for name in names))


def advise(name: str, known: Any) -> str:
    """`did you mean 'x'?`, or what there is."""
    near = get_close_matches(name[:LONGEST_SHOWN], [str(other) for other in known], n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"there are {list_names(known) or 'none'}"
