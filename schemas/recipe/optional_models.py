"""Models that a recipe leaves open: what a table is where somebody names one, and where nobody does.

A model whose `model:` is empty is open. `with:` says which tables there are
besides, and what is else in those that there are, where it is named on the
command line (`--model typist.model=NAME`); else recipe and model are as if
neither stood there, so that what needs no model is built without one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.recipe.document import Document


def choose_tables(document: Document) -> dict[str, Any]:
    """The values of a recipe with the tables of the models that are named, and without models that are open.

    Faults are added to the document, and where the values of `with` stand among its lines.

    Args:
        document: The recipe.

    Returns:
        Its values without `with`.

    """
    value = {key: part for key, part in document.value.items() if key != "with"}
    models, further = value.get("models"), document.value.get("with")
    if not isinstance(models, dict) or not isinstance(further, dict):
        if further is not None:
            document.faults.append(document.fault(("with",), "expected models of the recipe, and tables of each"))
        return value
    known = [name for name in further if name in models]
    for name in further:
        if name not in models:
            document.faults.append(
                document.fault(("with", name), "is no model of the recipe; declare it under `models:`")
            )
    open_ = {name for name in known if _is_open(models[name])}
    value["models"] = {name: model for name, model in models.items() if name not in open_}
    for name in known:
        if not isinstance(further[name], dict):
            document.faults.append(document.fault(("with", name), "expected tables"))
        elif name not in open_ and isinstance(value.get("tables"), dict):
            value["tables"] = _merge(document, name, value["tables"], further[name])
    return value


def _is_open(model: Any) -> bool:
    return isinstance(model, dict) and "model" in model and model["model"] is None


def _merge(document: Document, name: str, tables: Mapping[str, Any], further: Mapping[str, Any]) -> dict[str, Any]:
    """The tables with those of a model: keys that both have are the model's."""
    merged = dict(tables)
    for table, keys in further.items():
        merged[table] = (
            {**before, **keys} if isinstance(before := tables.get(table), dict) and isinstance(keys, dict) else keys
        )
    for path, line in list(document.lines.items()):
        if path[:2] == ("with", name) and len(path) > 2:
            document.lines[("tables", *path[2:])] = line
    return merged
