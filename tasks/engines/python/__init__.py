"""The python engine: programs are requests, and what they do within a sandbox is the answer."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import Python


def open_engine(model: Python, _: Spent) -> Engine:
    """The engine that answers for a model."""
    from tasks.engines.python.engine import PythonEngine

    return PythonEngine(model)
