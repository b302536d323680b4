"""The openai engine: any endpoint that speaks the OpenAI protocol."""

from __future__ import annotations

from schemas.engine import Engine, Spent
from schemas.recipe.models import OpenAI


def open_engine(model: OpenAI, spent: Spent) -> Engine:
    """The engine that answers for a model; what was spent before counts where it has a budget."""
    from tasks.engines.openai.engine import OpenAIEngine

    tokens, price = spent() if model.budget_tokens or model.budget_price else (0, 0.0)
    return OpenAIEngine(model, tokens, price, has_answered=lambda: spent()[0] > 0)
