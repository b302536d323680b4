"""Engines by the models a recipe declares."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

from schemas.recipe.models import VLLM, Abacus, Model
from schemas.request import Engine, Spent
from schemas.task import ModelId


def locate_model(model: Model, recipe: str) -> Model:
    """The model with paths as they are from here: a recipe's are beside it."""
    beside = Path(recipe).parent
    located = {field: path if os.path.isabs(path) else str(beside / path) for field, path in model.paths().items()}
    return model.model_copy(update=located)


def identify_model(model: Model, declared: Model) -> ModelId:
    """How requests name a model, given as located and as the recipe declares it: the engine is not part of it."""
    if isinstance(model, Abacus):
        from tasks.engines.abacus.engine import read_revision

        return ModelId("abacus", read_revision(model.checkpoint))
    assert not isinstance(declared, Abacus)
    revision = declared.variant if isinstance(declared, VLLM) else declared.revision
    return ModelId(
        declared.model, revision, declared.make_options(), system=declared.system, sampling=declared.make_sampling()
    )


def open_engine(model: Model, spent: Spent) -> Engine:
    """The engine that answers for a model.

    Args:
        model: The declaration, its paths as they are from here.
        spent: Gives the tokens and the money that the ledger knows of.

    """
    engine: Engine = import_module(f"tasks.engines.{model.engine}").open_engine(model, spent)
    return engine


def describe_serving(model: Model) -> dict[str, Any]:
    """What is said of a model where people look: its declaration without what was left at its default."""
    return model.model_dump(mode="json", exclude_defaults=True)
