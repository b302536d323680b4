"""Parts of recipes as the pages show them become recipes: with the tables that they stand on, the models they ask, and a head."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from schemas.recipe.document import Document
from tests.snippets import ROOT, Block, list_all

HEAD = {"corpus": "shown", "version": "0.1.0", "title": "What a page shows", "license": "Apache-2.0"}
ASKED = {"model", "models", "actor", "critics", "scorer", "teacher", "student", "inspector", "decider", "judged_in"}
"""Parameters that name models."""
OWN = {"abacus", "world", "python"}
"""Engines that need nothing else."""
MOST = {"count": 16, "searches": 8, "rollouts": 4}
"""What is worked on, at most, where a recipe is built and not only read."""
Recipe = dict[str, Any]


@cache
def read_ground() -> Recipe:
    """The tables and models of which pages show what is built upon."""
    result: Recipe = yaml.safe_load((ROOT / "tests/snippet_ground.yaml").read_text("utf-8"))
    return result


def list_parts(block: Block) -> Iterator[str]:
    """The parts of a block: several where it shows one table in several ways, else the block."""
    lines = [line for line in block.text.splitlines() if line.strip()]
    names = [line.partition(":")[0] for line in lines if not line.startswith((" ", "#"))]
    yield from lines if len(set(names)) < len(names) else [block.text]


def read_part(block: Block, text: str) -> Recipe:
    """A part as a mapping of `tables`, `models`, `gates`; what has none of these keys are tables."""
    document = Document(text, block.page)
    assert not document.faults, document.faults
    assert isinstance(document.value, dict), block
    value = document.value
    return value if {"tables", "models", "gates"} & set(value) else {"tables": value}


def is_recipe(block: Block) -> bool:
    """Whether a block is a recipe or part of one; declarations of views and formats are none."""
    value = Document(next(list_parts(block)), block.page).value
    return isinstance(value, dict) and not any(
        isinstance(value.get(key), str) for key in ("view", "format", "first_error")
    )


def complete(block: Block, text: str) -> Recipe:
    """A part with what it lacks to be a recipe."""
    part, ground = read_part(block, text), read_ground()
    own = ground.get("pages", {}).get(block.page, {})
    known = {**ground["tables"], **own.get("tables", {})}
    tables = dict(part.get("tables", {}))
    if not tables:
        tables = ask(part.get("models", {}))
    wanted = [*list_inputs(tables), *(gate["table"] for gate in part.get("gates", []))]
    while wanted:
        name = wanted.pop()
        if name not in tables:
            assert name in known, f"{block}: no table {name}, neither here nor in tests/snippet_ground.yaml"
            tables[name] = known[name]
            wanted += list_inputs({name: known[name]})
    tables.setdefault("release", {"task": "release", "from": find_last(part, tables)})  # drift is of what is released
    models = {name: ground["models"].get(name, {"engine": "world"}) for name in sorted(list_models(tables))}
    models |= dict(part.get("models", {}).items())
    return {**HEAD, **part, **({"models": models} if models else {}), "tables": tables}


def ask(models: Recipe) -> Recipe:
    """A table for models that are shown alone, or for gates."""
    programs = [name for name, model in models.items() if model["engine"] == "python"]
    if programs:
        return {"asked": {"task": "run", "from": "solutions", "model": programs[0], "by": "asserts"}}
    return {
        "asked": {
            "task": "generate",
            "from": "problems",
            "models": list(models) or ["abacus"],
            "prompt": "abacus-solve",
        }
    }


def find_last(part: Recipe, tables: Recipe) -> str:
    """The table to be released: the last that is shown, or that gates are of."""
    gated = [gate["table"] for gate in part.get("gates", []) if gate.get("measure") == "drift"]
    return str([*tables, *gated][-1] if gated else [*tables][(len(part.get("tables", {})) or 1) - 1])


def list_inputs(tables: Recipe) -> list[str]:
    """The tables that some are made from."""
    result: list[str] = []
    for table in tables.values():
        inputs = table.get("from", [])
        result += [inputs] if isinstance(inputs, str) else inputs.values() if isinstance(inputs, dict) else inputs
    return result


def list_models(value: Any) -> set[str]:
    """The models that some parameters name."""
    if isinstance(value, list):
        return set().union(*map(list_models, value))
    if not isinstance(value, dict):
        return set()
    result = set().union(*(list_models(part) for part in value.values()))
    for name in ASKED & value.keys():
        asked = value[name]
        result |= {word for word in (asked if isinstance(asked, list) else [asked]) if isinstance(word, str)}
    return result


def embed(recipe: Recipe) -> Recipe:
    """A recipe that asks embedded models only, a few times."""
    tables = {
        name: {
            key: min(value, MOST[key]) if key in MOST and isinstance(value, int) else value
            for key, value in table.items()
        }
        for name, table in recipe["tables"].items()
    }
    models = {
        name: value if value.get("engine") in OWN else {"engine": "world"}
        for name, value in recipe.get("models", {}).items()
    }
    return {**recipe, "tables": tables, **({"models": models} if models else {})}


def list_recipes() -> list[tuple[Block, str]]:
    """The recipes and parts of recipes of all pages."""
    blocks = [block for block in list_all("yaml", "yml") if is_recipe(block)]
    return [(block, text) for block in blocks for text in list_parts(block)]
