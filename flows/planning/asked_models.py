"""The models that a recipe's tables ask: where their weights lie, how requests name them, and whether they may be asked so."""

from __future__ import annotations

from dataclasses import dataclass

from catalog.confinement import Confinement, OutsideError
from catalog.digests import Digests
from catalog.model_files import ModelFileError
from flows.planning import engines
from schemas.model_id import ModelId
from schemas.recipe.changes import Models
from schemas.recipe.document import Fault, RecipeError
from schemas.recipe.models import Model, OpenAI
from schemas.recipe.recipe import Recipe
from schemas.request import EngineError
from tasks.engines.configuration import find_key_fault


@dataclass(frozen=True)
class AskedModel:
    """A model that a table asks: its name in the recipe, its declaration, and how requests name it."""

    name: str
    """Its name in the recipe."""
    named: ModelId
    """How requests name it."""
    model: Model
    """Its declaration."""


def locate_models(recipe: Recipe, confinement: Confinement, changes: Models, digests: Digests | None) -> dict[str, AskedModel]:  # fmt: skip
    """The models that a recipe's tables ask, as they are from here.

    Args:
        recipe: The recipe.
        confinement: Where the weights and answers must lie that it names.
        changes: What the user said of its models, who may name any place.
        digests: The digests that are remembered, of weights that are hashed.

    Returns:
        The models by their names.

    Raises:
        RecipeError: Weights are not there or may not be read, or a key would go where the user has not sent it.

    """
    names = dict.fromkeys(name for table in recipe.tables for name in table.task.models(table.parameters))
    if faults := [fault for name in names for fault in _find_key_faults(recipe, name)]:
        raise RecipeError(faults)
    return {name: _locate_model(name, recipe, confinement, changes, digests) for name in names}


def _find_key_faults(recipe: Recipe, name: str) -> list[Fault]:
    declared = recipe.models[name]
    if not isinstance(declared, OpenAI) or declared.key is None:
        return []
    try:
        reason = find_key_fault(declared.key, declared.url)
    except EngineError as error:
        reason = str(error)
    return [recipe.fault(("models", name, "key"), reason)] if reason else []


def _locate_model(
    name: str, recipe: Recipe, confinement: Confinement, changes: Models, digests: Digests | None
) -> AskedModel:  # fmt: skip
    declared = recipe.models[name]
    try:
        located = engines.locate_model(declared, recipe.file, confinement, changes.get(name, {}))
        return AskedModel(name, engines.identify_model(located, declared, digests), located)
    except (EngineError, ModelFileError, OutsideError) as error:
        raise RecipeError([recipe.fault(("models", name, "model"), str(error))]) from None
