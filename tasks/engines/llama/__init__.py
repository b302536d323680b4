"""The llama engine: GGUF models in a llama.cpp server of our own."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import LlamaCpp


def open_engine(model: LlamaCpp, _: Spent) -> Engine:
    """The engine that answers for a model."""
    from tasks.engines.llama.engine import LlamaEngine

    return LlamaEngine(model)
