"""Open models: a recipe without them is as if neither they nor their tables stood in it; named, their tables are there."""

from __future__ import annotations

import re

import pytest

from catalog.declarations import find_declarations
from schemas.recipe.changes import with_models, with_parameters
from schemas.recipe.document import Document, RecipeError
from schemas.recipe.reader import read_recipe
from schemas.recipe.recipe import Recipe
from tasks import TASKS
from tests.command import ROOT

RECIPES = ROOT / "catalog" / "recipes"
TEXT = """\
corpus: c
version: 1.0.0
title: t
license: MIT
models:
  typist: {engine: openai, model: , url: "http://localhost:8000/v1"}
tables:
  problems: {task: world, count: 2}
  one: {task: select, from: problems, where: "set = 'world'"}
  release: {task: release, from: one, splits: {train: 1.0}}
with:
  typist:
    solved: {task: generate, from: problems, models: [typist], sampling: [{temperature: 1.0}]}
    one: {from: solved}
"""


def parse(text: str) -> Recipe:
    return read_recipe(text, "c.yaml", TASKS, find_declarations(RECIPES))


def name_model(text: str, name: str = "small") -> str:
    return with_models(Document(text, "c.yaml"), {"typist": {"model": name}})


def test_without_a_name_neither_model_nor_tables_are_there() -> None:
    recipe = parse(TEXT)
    assert recipe.models == {} and [table.name for table in recipe.tables] == ["problems", "one", "release"]
    plain = re.sub(r"(?s)models:.*?tables:", "tables:", TEXT.partition("with:")[0])
    assert parse(plain).tables == recipe.tables
    assert parse(TEXT).text == TEXT  # a release keeps all of it


def test_a_model_that_is_named_brings_its_tables_and_changes_others() -> None:
    text = name_model(TEXT)
    assert 'model: "small"' in text
    recipe = parse(text)
    tables = {table.name: table for table in recipe.tables}
    assert list(tables) == ["problems", "solved", "one", "release"] and list(recipe.models) == ["typist"]
    assert tables["one"].inputs == ("solved",)
    assert tables["one"].parameters == {table.name: table for table in parse(TEXT).tables}["one"].parameters


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("  typist:\n    solved", "  clerk:\n    solved", "c.yaml:12: with.clerk: is no model of the recipe; declare it under `models:`"),
        ("temperature: 1.0", "temperature: -1.0", "c.yaml:13: tables.solved.sampling"),
        ("models: [typist]", "models: [clerk]", "c.yaml:13: tables.solved.models: unknown model 'clerk'"),
    ],
)  # fmt: skip
def test_faults_stand_where_they_are(old: str, new: str, fault: str) -> None:
    with pytest.raises(RecipeError) as error:
        parse(name_model(TEXT.replace(old, new)))
    assert any(str(line).startswith(fault) for line in error.value.faults), str(error.value)


def test_a_table_that_asks_an_open_model_is_told_how_it_is_named() -> None:
    asking = "  solved: {task: generate, from: problems, models: [typist], sampling: [{temperature: 1.0}]}\n  one"
    with pytest.raises(RecipeError, match=r"name it \(--model typist.model=NAME\), or put the table under `with:`"):
        parse(TEXT.replace("  one", asking, 1))


def test_a_table_under_with_is_not_changed_by_another_hand() -> None:
    with pytest.raises(RecipeError, match="stands under `with`"):
        with_parameters(Document(TEXT, "c.yaml"), "solved", {"max_tokens": 5})


@pytest.mark.parametrize("name", ["mwpes", "cot_error_set"])
def test_recorded_corpora_have_types_found_by_a_model_where_one_is_named(name: str) -> None:
    text = (RECIPES / f"{name}.yaml").read_text("utf-8")
    plain = {table.name: table for table in parse(text).tables}
    named = {table.name: table for table in parse(name_model(text)).tables}
    assert not any(table.task.models(table.parameters) for table in plain.values())
    assert plain["typed"].parameters.dynamic is None and plain["typed"].inputs == ("located",)  # type: ignore[attr-defined]
    found = named["typed"].parameters.dynamic  # type: ignore[attr-defined]
    assert (found.by, found.decider, found.name) == (
        "classifier" if name == "mwpes" else "keywords", "typist", name,
    )  # fmt: skip
    before = [table for table in plain if table not in named]
    assert before == [] and plain["release"].inputs == named["release"].inputs
