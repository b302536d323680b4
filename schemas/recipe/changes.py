"""A recipe with another checkpoint of a model, or another version: its text, changed there and nowhere else.

The text is what a release keeps and what its lines are counted in, so it is
the text that is changed, not what was read from it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

import yaml

from schemas.recipe.document import Document, Fault, RecipeError
from schemas.recipe.models import MODELS

CHANGES = ("model", "revision", "checkpoint")
"""What can be changed of a model: which weights answer."""
Models = Mapping[str, Mapping[str, str]]
"""Changes by the model's name in the recipe, each a mapping such as `{"revision": "989aa79"}`."""
_KINDS = {get_args(kind.model_fields["engine"].annotation)[0]: kind for kind in MODELS}


def with_models(text: str, file: str, models: Models) -> str:
    """A sound recipe's text with other weights.

    Args:
        text: The recipe.
        file: Where it stands, for errors.
        models: For each model by its name in the recipe, other values of `model`, `revision` or `checkpoint`.

    Returns:
        The text, comments and all, but for those values.

    Raises:
        RecipeError: It has no such model or parameter.

    """
    document = Document(text, file)
    faults = [fault for name, changes in models.items() for fault in _faults(document, name, changes)]
    if faults:
        raise RecipeError(faults)
    for name, changes in models.items():
        for key, value in changes.items():
            text = _put(text, file, ("models", name, key), value)
    return text


def with_version(text: str, file: str, version: str) -> str:
    """A sound recipe's text with another version.

    Args:
        text: The recipe.
        file: Where it stands, for errors.
        version: MAJOR.MINOR.PATCH.

    Returns:
        The text, comments and all, but for the number.

    """
    return _put(text, file, ("version",), version)


def _faults(document: Document, name: str, changes: Any) -> list[Fault]:
    """What is wrong with the changes of a model."""
    declared = document.value.get("models") or {}
    path = ("models", name)
    if name not in declared:
        return [
            document.fault(path, f"is to be changed, and the recipe declares no such model; {_near(name, declared)}")
        ]
    engine = declared[name].get("engine")
    known = [key for key in CHANGES if key in _KINDS[engine].model_fields]
    if not isinstance(changes, Mapping):
        example = f'{{"{name}": {{"{known[0]}": "…"}}}}'
        return [
            document.fault(path, f"is to be changed to {str(changes)[:40]!r}, expected a mapping such as {example}")
        ]
    told = f"a model of engine '{engine}'"
    faults = [
        document.fault((*path, key), f"cannot be changed in {told}; {_near(str(key), known)}")
        for key in changes
        if key not in known
    ]
    return faults + [
        document.fault((*path, key), f"is to be changed to {value!r:.60}, expected text that is not empty")
        for key, value in changes.items()
        if key in known and not (isinstance(value, str) and value)
    ]


def _near(name: str, known: Any) -> str:
    near = get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else f"there are {', '.join(sorted(known)) or 'none'}"


def _put(text: str, file: str, path: tuple[str, ...], value: str) -> str:
    """The text with a value at a path whose mapping is there."""
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    written = "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(value, ensure_ascii=False))
    for step in path[:-1]:
        key, node = _entry(node, step)
        if node.start_mark.index < key.end_mark.index:
            message = "is an alias, so that a change would be one of others too; write the mapping out"
            raise RecipeError([Fault(file, key.start_mark.line + 1, ".".join(path[:-1]), message)])
    found = _entry(node, path[-1])
    if found[1] is not None:
        key, old = found
        if old.start_mark.index < key.end_mark.index:
            raise RecipeError([Fault(file, key.start_mark.line + 1, ".".join(path), "is an alias; write it out")])
        bare = written if path != ("version",) else value
        blank = " " if old.start_mark.index == key.end_mark.index + 1 and old.value == "" else ""
        return f"{text[: old.start_mark.index]}{blank}{bare}{text[old.end_mark.index :]}"
    at, column = node.start_mark.index, node.start_mark.column
    if node.flow_style:
        return f"{text[: at + 1]}{path[-1]}: {written}, {text[at + 1 :]}"
    return f"{text[:at]}{path[-1]}: {written}\n{' ' * column}{text[at:]}"


def _entry(node: Any, name: str) -> tuple[Any, Any]:
    """Key and value of a mapping's entry; None and None where there is none."""
    return next(((key, value) for key, value in node.value if key.value == name), (None, None))
