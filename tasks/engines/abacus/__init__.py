"""The embedded engine: Abacus, a small Llama in NumPy."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import Abacus
from tasks.engines.replicas.host import ReplicaHost


def open_engine(model: Abacus, _: Spent, host: ReplicaHost | None = None) -> Engine:
    """The engine that answers for a model, with replicas on other machines where there are such."""
    from tasks.engines.abacus.engine import AbacusEngine
    from tasks.engines.abacus.replicas import AbacusReplicas, count_replicas

    return AbacusEngine(model) if count_replicas(model, host) == 1 else AbacusReplicas(model, host=host)
