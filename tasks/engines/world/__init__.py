"""The teacher of known truth: it answers about problems of Abacus' world, as often wrongly as it is declared to be."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import World


def open_engine(model: World, _: Spent) -> Engine:
    """The engine that answers for a model."""
    from tasks.engines.world.engine import WorldEngine

    return WorldEngine(model)
