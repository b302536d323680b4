"""A recipe with another checkpoint of a model, other parameters or another version: its text, changed there and nowhere else.

The text is what a release keeps and what its lines are counted in, so it is
the text that is changed, not what was read from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast, get_args

from ruamel.yaml.nodes import MappingNode, Node

from schemas.recipe.document import Document, Fault, RecipeError
from schemas.recipe.models import MODELS

CHANGES = ("model", "revision", "checkpoint")
"""What can be changed of a model: which weights answer."""
Models = Mapping[str, Mapping[str, str]]
"""Changes by the model's name in the recipe, each a mapping such as `{"revision": "989aa79"}`."""
_NOT_EMPTY = dict.fromkeys(("model", "checkpoint"), " that is not empty")
"""What must not be empty, in words; a folder of weights has no revision."""
_KINDS = {get_args(kind.model_fields["engine"].annotation)[0]: kind for kind in MODELS}


def with_models(document: Document, models: Models) -> str:
    """A sound recipe's text with other weights.

    Args:
        document: The recipe.
        models: For each model by its name in the recipe, other values of `model`, `revision` or `checkpoint`.

    Returns:
        The text, comments and all, but for those values.

    Raises:
        RecipeError: It has no such model or parameter.

    """
    faults = [fault for name, changes in models.items() for fault in _list_faults(document, name, changes)]
    if faults:
        raise RecipeError(faults)
    edits = [
        _find_edit(document, ("models", name, key), _quote(value))
        for name, changes in models.items()
        for key, value in changes.items()
    ]
    text = document.text
    for start, end, written in sorted(edits, reverse=True):
        text = text[:start] + written + text[end:]
    return text


def with_version(document: Document, version: str) -> str:
    """A sound recipe's text with another version.

    Args:
        document: The recipe.
        version: MAJOR.MINOR.PATCH.

    Returns:
        The text, comments and all, but for the number.

    """
    start, end, written = _find_edit(document, ("version",), version)
    return document.text[:start] + written + document.text[end:]


def with_parameters(document: Document, table: str, values: Mapping[str, Any]) -> str:
    """A sound recipe's text with other parameters of a table.

    Args:
        document: The recipe.
        table: The table, which it has.
        values: Texts, numbers or None by the parameters' names; those that are not there are put in.

    Returns:
        The text, comments and all, but for those values.

    Raises:
        RecipeError: The table is one of those under `with`.

    """
    if table not in (document.value.get("tables") or {}):
        raise RecipeError(
            [document.fault(("tables", table), "stands under `with`; put it under `tables` to change it")]
        )
    text = document.text
    written = {key: _quote(value) if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    edits = [_find_edit(document, ("tables", table, key), value) for key, value in written.items()]
    for start, end, value in sorted(edits, reverse=True):
        text = text[:start] + value + text[end:]
    return text


def _list_faults(document: Document, name: str, changes: Any) -> list[Fault]:
    """What is wrong with the changes of a model."""
    declared = document.value.get("models") or {}
    path = ("models", name)
    if name not in declared:
        return [
            document.fault(path, f"is to be changed, and the recipe declares no such model; {_advise(name, declared)}")
        ]
    engine = declared[name].get("engine")
    known = [key for key in CHANGES if key in _KINDS[engine].model_fields]
    if not isinstance(changes, Mapping):
        example = f'{{"{name}": {{"{known[0]}": "…"}}}}'
        return [
            document.fault(path, f"is to be changed to {str(changes)[:40]!r}, expected a mapping such as {example}")
        ]
    model = f"a model of engine '{engine}'"
    faults = [
        document.fault((*path, key), f"cannot be changed in {model}; {_advise(str(key), known)}")
        for key in changes
        if key not in known
    ]
    return faults + [
        document.fault((*path, key), f"is to be changed to {value!r:.60}, expected text{_NOT_EMPTY.get(key, '')}")
        for key, value in changes.items()
        if key in known and not (isinstance(value, str) and (value or key not in _NOT_EMPTY))
    ]


def _advise(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known)) or 'none'}"


def _quote(value: str) -> str:
    """A text between quotes, as YAML and JSON have it."""
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))


def _find_edit(document: Document, path: tuple[str, ...], written: str) -> tuple[int, int, str]:
    """Where a value at a path, whose mapping is there, is to be written: first and last character, and what stands there then."""
    mapping = cast(MappingNode, document.node)
    for step in path[:-1]:
        key, value = cast(tuple[Node, Node], _find_entry(mapping, step))
        if _is_alias(key, value):
            message = "is an alias, so that a change would be one of others too; write the mapping out"
            raise RecipeError([Fault(document.file, key.start_mark.line + 1, ".".join(path[:-1]), message)])
        mapping = cast(MappingNode, value)
    entry = _find_entry(mapping, path[-1])
    if entry is None:
        at, column = mapping.start_mark.index, mapping.start_mark.column
        if mapping.flow_style:
            return at + 1, at + 1, f"{path[-1]}: {written}, "
        return at, at, f"{path[-1]}: {written}\n{' ' * column}"
    key, value = entry
    if _is_alias(key, value):
        message = "is an alias; write it out"
        raise RecipeError([Fault(document.file, key.start_mark.line + 1, ".".join(path), message)])
    if value.start_mark.index == value.end_mark.index:  # nothing is there, and the mark is that of what comes next
        after = document.text.index(":", key.end_mark.index) + 1
        return after, after, f" {written}"
    start, end = value.start_mark.index, value.end_mark.index
    return start, end, written + ("\n" if document.text[start:end].endswith("\n") else "")  # as of a folded text


def _is_alias(key: Node, value: Node) -> bool:
    """Whether the value was composed elsewhere, before its key."""
    return bool(value.start_mark.index < key.end_mark.index)


def _find_entry(mapping: MappingNode, name: str) -> tuple[Node, Node] | None:
    """Key and value of a mapping's entry."""
    return next(((key, value) for key, value in mapping.value if key.value == name), None)
