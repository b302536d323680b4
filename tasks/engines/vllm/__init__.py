"""The vllm engine: vLLM, offline, in a process of its own."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import VLLM
from tasks.engines.replicas.host import ReplicaHost


def open_engine(model: VLLM, _: Spent, host: ReplicaHost | None = None) -> Engine:
    """The engine that answers for a model, with replicas on other machines where there are such."""
    from tasks.engines.vllm.engine import VLLMEngine

    return VLLMEngine(model, host=host)
