"""Engines by the models a recipe declares."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from schemas.recipe.models import VLLM, Abacus, Model, OpenAI, Recorded
from schemas.request import Engine
from schemas.task import ModelId


def locate_model(model: Model, recipe: str) -> Model:
    """The model with paths as they are from here: a recipe's are beside it."""

    def path(text: str) -> str:
        return text if os.path.isabs(text) else str(Path(recipe).parent / text)

    if isinstance(model, Abacus) and model.checkpoint:
        return model.model_copy(update={"checkpoint": path(model.checkpoint)})
    if isinstance(model, Recorded) and model.file:
        return model.model_copy(update={"file": path(model.file)})
    if isinstance(model, VLLM) and model.model.startswith((".", "/")):
        return model.model_copy(update={"model": path(model.model)})
    return model


def identify_model(model: Model, declared: Model) -> ModelId:
    """How requests name a model, given as located and as the recipe declares it: the engine is not part of it."""
    if isinstance(model, Abacus):
        from tasks.engines.abacus.engine import revision

        return ModelId("abacus", revision(model.checkpoint))
    assert not isinstance(declared, Abacus)
    return ModelId(declared.model, declared.revision)


def is_local(model: Model) -> bool:
    """Whether the model computes on this machine, where one at a time is best."""
    return isinstance(model, Abacus | VLLM)


def open_engine(model: Model, spent: Callable[[], tuple[int, float]]) -> Engine:
    """The engine that answers for a model; `spent` gives the tokens and the money that the ledger knows of."""
    if isinstance(model, Abacus):
        from tasks.engines.abacus.engine import AbacusEngine

        return AbacusEngine(model)
    if isinstance(model, VLLM):
        from tasks.engines.vllm.engine import VLLMEngine

        return VLLMEngine(model)
    if isinstance(model, OpenAI):
        from tasks.engines.openai.engine import OpenAIEngine

        tokens, price = spent() if model.budget_tokens or model.budget_price else (0, 0.0)
        return OpenAIEngine(model, tokens, price)
    from tasks.engines.recorded import RecordedEngine

    return RecordedEngine(model)


def serving_options(model: Model) -> dict[str, Any]:
    """What is said of a model where people look: its declaration without what was left at its default."""
    return model.model_dump(mode="json", exclude_defaults=True)
