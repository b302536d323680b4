"""A recipe's file: read and checked whole, without a look at anything that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from catalog.confinement import Confinement
from catalog.declarations import find_declarations
from schemas.recipe.changes import Models, with_models
from schemas.recipe.document import CHARACTERS, Fault, RecipeError
from schemas.recipe.models import Abacus, Model, Python, Recorded, World
from schemas.recipe.reader import read_recipe
from schemas.recipe.recipe import Recipe, Table
from schemas.recipe.settings import FurtherSampling
from schemas.task import Asking
from schemas.time_limit import limit_time
from tasks import TASKS
from tasks.llm.prompts import find_template, name_prompt

T = TypeVar("T")
LARGEST = 4 * CHARACTERS + 1
"""Bytes that are read of a recipe: more cannot be one."""
BEGINNING, SHOWN = 1 << 16, 10
"""Bytes of a file that are looked at for the name of a corpus, and recipes that are named where another is not found, at most."""
SECONDS = 120.0
"""That checking a recipe may take, and looking for what it names; to read and hash that is not counted."""
WITHOUT_CONTINUATION = " (`inject` does without by `rest: rules`)"
"""What else can be done where a model does not go on with beginnings of answers."""
NO_PROGRAMS = "runs no programs; name one of `engine: python`"
NO_WORDS = "runs programs, and answers no prompt; name a language model, and have programs run by the task `run`"
"""What is said where a table asks the wrong kind of engine."""


def open_recipe(recipe: str, models: Models | None = None, confinement: Confinement | None = None) -> Recipe:
    """Read a recipe's file and check it whole; nothing that it names is looked for.

    Args:
        recipe: The YAML file.
        models: Other weights of its models.
        confinement: Where views and the like that it names must lie; else beside it.

    Returns:
        The recipe.

    Raises:
        RecipeError: The file cannot be read, or the recipe is wrong.

    """
    path = Path(recipe)
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        known = ", ".join(_list_recipes(path.parent)) or "none"
        raise RecipeError([Fault(recipe, 1, "", f"cannot be read ({reason}); recipes there: {known}")]) from None
    return limit_checking(recipe, partial(_check_recipe, text, recipe, models, confinement))


def _list_recipes(folder: Path) -> list[str]:
    """The files of a folder that say the name of a corpus, a few of them."""
    found = []
    for file in sorted(filter(Path.is_file, folder.glob("[!.]*.yaml"))):
        with suppress(OSError), file.open("rb") as content:
            if re.search(rb"^corpus:", content.read(BEGINNING), re.MULTILINE):
                found.append(str(file))
    return [*found[:SHOWN], *(["…"] if len(found) > SHOWN else [])]


def limit_checking(recipe: str, check: Callable[[], T]) -> T:
    """Hold what a recipe is checked by to a time; `RecipeError` where it takes longer."""
    message = f"checking it takes more than {SECONDS:g} s; write fewer tables, conditions and patterns, or smaller ones"
    return limit_time(SECONDS, RecipeError([Fault(recipe, 1, "", message)]), check)


def _check_recipe(text: str, recipe: str, models: Models | None, confinement: Confinement | None) -> Recipe:
    parsed = parse_recipe(text, recipe, confinement)
    if models:
        parsed = parse_recipe(with_models(parsed.document, models), recipe, confinement)
    _check_asking(parsed)
    return parsed


def _check_asking(recipe: Recipe) -> None:
    """Raise `RecipeError` where a table asks something of a model that this is known not to do."""
    faults = [
        recipe.fault(("tables", table.name, *filter(None, key.split("."))), f"model '{name}': {reason}")
        for table in recipe.tables
        if isinstance(table.task, Asking)
        for name in table.task.models(table.parameters)
        for key, reason in _find_unable(table, name, recipe.models[name])
    ]
    if faults:
        raise RecipeError(faults)


def _find_unable(table: Table, name: str, model: Model) -> Iterator[tuple[str, str]]:
    """What of a table a model cannot do: the parameter, and why."""
    assert isinstance(table.task, Asking)
    if name in table.task.continues(table.parameters) and (reason := model.explain_no_continuation()):
        yield _find_parameter(table, name), f"{reason}{WITHOUT_CONTINUATION}"
    if not isinstance(model, Recorded) and isinstance(model, Python) != table.task.runs_programs:
        yield _find_parameter(table, name), NO_PROGRAMS if table.task.runs_programs else NO_WORDS
    if reason := model.explain_no_statistics(table.task.statistics(table.parameters)):
        yield "statistics", reason
    if isinstance(model, World):
        yield from _find_unknown_prompts(table, name)
    settings = [each for each in getattr(table.parameters, "sampling", ()) if isinstance(each, FurtherSampling)]
    names = dict.fromkeys(name for setting in settings for name in setting.list_set())
    if names and isinstance(model, Abacus):
        listed = ", ".join(f"`{name}`" for name in names)
        yield "sampling", f"the embedded model is sampled by `temperature` and `top_p` alone; take {listed} out"


def _find_parameter(table: Table, name: str) -> str:
    """The parameter by which a table names a model."""
    given = {key: getattr(table.parameters, key) for key in type(table.parameters).model_fields}
    named = (key for key, value in given.items() if value == name or (isinstance(value, list) and name in value))
    return next(named, "")


def _find_unknown_prompts(table: Table, name: str) -> Iterator[tuple[str, str]]:
    """The prompts by which a table asks a teacher of known truth and that it cannot answer: it recognises our own by their words."""
    from tasks.engines.world.engine import explain_roles

    assert isinstance(table.task, Asking)
    for key, text in table.task.prompts(table.parameters, name).items():
        if reason := explain_roles(name_prompt(text), _find_usual_prompt(table, name, key)):
            yield key, reason


def _find_usual_prompt(table: Table, name: str, key: str) -> str | None:
    """The prompt by which the table would ask a model if it left a parameter at its default; None where it has none."""
    assert isinstance(table.task, Asking)
    field = type(table.parameters).model_fields.get(key)
    if field is None or field.is_required():
        return None
    usual = table.task.prompts(table.parameters.model_copy(update={key: field.default}), name)
    return name_prompt(find_template(usual[key])) if key in usual else None


def parse_recipe(text: str, recipe: str, confinement: Confinement | None = None) -> Recipe:
    """The recipe that a text is; raises `RecipeError` where it is wrong."""
    return read_recipe(text, recipe, TASKS, find_declarations(Path(recipe).parent, confinement))
