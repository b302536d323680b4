"""The embedded engine: Abacus, a small Llama in NumPy."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import Abacus


def open_engine(model: Abacus, _: Spent) -> Engine:
    """The engine that answers for a model."""
    from tasks.engines.abacus.engine import AbacusEngine
    from tasks.engines.abacus.replicas import AbacusReplicas, count_replicas

    return AbacusEngine(model) if count_replicas(model) == 1 else AbacusReplicas(model)
