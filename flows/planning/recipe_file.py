"""A recipe's file: read and checked whole, without a look at anything that it names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from catalog.declarations import find_declarations
from schemas.recipe.changes import Models, with_models
from schemas.recipe.document import Fault, RecipeError
from schemas.recipe.models import Abacus, Model, World
from schemas.recipe.reader import read_recipe
from schemas.recipe.recipe import Recipe, Table
from schemas.recipe.settings import FurtherSampling
from schemas.task import Asking
from tasks import TASKS
from tasks.llm.prompts import name_prompt

WITHOUT_CONTINUATION = " (`inject` does without by `rest: rules`)"
"""What else can be done where a model does not go on with beginnings of answers."""


def open_recipe(recipe: str, models: Models | None = None) -> Recipe:
    """Read a recipe's file and check it whole; nothing that it names is looked for.

    Args:
        recipe: The YAML file.
        models: Other weights of its models.

    Returns:
        The recipe.

    Raises:
        RecipeError: The file cannot be read, or the recipe is wrong.

    """
    path = Path(recipe)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        known = ", ".join(sorted(str(file) for file in path.parent.glob("*.yaml"))) or "none"
        raise RecipeError([Fault(recipe, 1, "", f"cannot be read ({reason}); recipes there: {known}")]) from None
    parsed = parse_recipe(text, recipe)
    if models:
        parsed = parse_recipe(with_models(parsed.document, models), recipe)
    _check_asking(parsed)
    return parsed


def _check_asking(recipe: Recipe) -> None:
    """Raise `RecipeError` where a table asks something of a model that this is known not to do."""
    faults = [
        recipe.fault(("tables", table.name, key), f"model '{name}': {reason}")
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
        yield "model" if "model" in type(table.parameters).model_fields else "models", f"{reason}{WITHOUT_CONTINUATION}"
    if isinstance(model, World):
        yield from _find_unknown_prompts(table)
    settings = [each for each in getattr(table.parameters, "sampling", ()) if isinstance(each, FurtherSampling)]
    names = dict.fromkeys(name for setting in settings for name in setting.list_set())
    if names and isinstance(model, Abacus):
        listed = ", ".join(f"`{name}`" for name in names)
        yield "sampling", f"the embedded model is sampled by `temperature` and `top_p` alone; take {listed} out"


def _find_unknown_prompts(table: Table) -> Iterator[tuple[str, str]]:
    """The prompts of a table that a teacher of known truth cannot answer: it recognises our own by their words."""
    from tasks.engines.world.engine import explain_roles

    for name in type(table.parameters).model_fields:
        text = getattr(table.parameters, name)
        is_prompt = name == "prompt" or name.endswith("_prompt")
        if is_prompt and isinstance(text, str) and (reason := explain_roles(name_prompt(text))):
            yield name, reason


def parse_recipe(text: str, recipe: str) -> Recipe:
    """The recipe that a text is; raises `RecipeError` where it is wrong."""
    return read_recipe(text, recipe, TASKS, find_declarations(Path(recipe).parent))
