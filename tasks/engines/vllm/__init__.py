"""The vllm engine: vLLM, offline, in a process of its own."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import VLLM


def open_engine(model: VLLM, _: Spent) -> Engine:
    """The engine that answers for a model."""
    from tasks.engines.vllm.engine import VLLMEngine

    return VLLMEngine(model)
