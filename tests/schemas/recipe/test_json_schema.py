"""The JSON Schema of recipes: it takes every recipe that is sound, and refuses what editors can see is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas.recipe.document import Document
from schemas.recipe.json_schema import build_recipe_schema
from tasks import TASKS
from tests.golden import check

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "docs" / "recipe.schema.json"
RECIPES = [*sorted((ROOT / "catalog/recipes").glob("*.yaml")), *sorted((ROOT / "docs/examples").rglob("*.yaml"))]
WRONG = Path(__file__).parent / "recipes"
VALIDATOR = Draft202012Validator(build_recipe_schema(TASKS))


def read(path: Path) -> Any:
    return Document(path.read_text("utf-8"), str(path)).value


def test_the_published_schema_is_that_of_the_code() -> None:
    schema = build_recipe_schema(TASKS)
    Draft202012Validator.check_schema(schema)
    check(SCHEMA, json.dumps(schema, indent=1, ensure_ascii=False) + "\n")


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_recipe_that_ships_keeps_the_schema_and_names_it(path: Path) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(read(path))] == []
    (line,) = [line for line in path.read_text("utf-8").splitlines() if line.startswith("# yaml-language-server:")]
    assert (path.parent / line.partition("$schema=")[2]).resolve() == SCHEMA


@pytest.mark.parametrize(
    "name", ["gates-mapping", "gates", "joins", "list", "missing", "settings", "unknown-names", "values"]
)
def test_what_an_editor_can_see_is_refused(name: str) -> None:
    assert list(VALIDATOR.iter_errors(read(WRONG / f"{name}.yaml")))


SOUND: dict[str, Any] = {
    "corpus": "c", "version": "0.1.0", "title": "T", "license": "MIT",
    "models": {"m": {"engine": "openai", "model": "gpt"}},
    "tables": {
        "problems": {"task": "load", "files": "p.jsonl", "set": {"value": "s"}, "question": "q", "answer": "a"},
        "solutions": {"task": "generate", "from": "problems", "models": ["m"], "max_tokens": 10},
        "release": {"task": "release", "from": ["solutions"], "splits": {"train": 1.0}},
    },
    "gates": [{"measure": "rows", "at_least": 1}, {"expect": "column_values_to_not_be_null", "column": "text"}],
}  # fmt: skip


def change(*path: str | int, to: Any) -> Any:
    """The sound recipe with another value somewhere."""
    recipe = json.loads(json.dumps(SOUND))
    place = recipe
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return recipe


def test_the_sound_recipe_is_sound() -> None:
    assert [error.message for error in VALIDATOR.iter_errors(SOUND)] == []


@pytest.mark.parametrize(
    "recipe",
    [
        change("version", to="1.0"),
        change("corpsu", to="c"),
        change("models", "m", "engine", to="opnai"),
        change("models", "m", "timeuot", to=3),
        change("models", "m", "n", to=0),
        change("tables", "problems", "task", to="laod"),
        change("tables", "problems", "qestion", to="q"),
        change("tables", "problems", "question", to={"paht": "q"}),
        change("tables", "solutions", "from", to=3),
        change("tables", "solutions", "failures", to=2),
        change("tables", "release", "failures", to=0.1),
        change("gates", 0, "measure", to="rowz"),
        change("gates", 1, "colunm", to="text"),
    ],
)
def test_a_change_for_the_worse_is_refused(recipe: Any) -> None:
    assert list(VALIDATOR.iter_errors(recipe))
