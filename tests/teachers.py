"""Teachers of known truth as the models of tests: what is asked in the world's words is answered with declared errors."""

from __future__ import annotations

from collections.abc import Callable

from schemas.recipe.models import Skill, World
from schemas.request import Reply, Request
from tasks.engines.world.engine import WorldEngine


def make_teacher(**skill: float) -> Callable[[Request], Reply]:
    """What answers each request as the engine `world` of this skill does."""
    engine = WorldEngine(World(engine="world", skill=Skill(**skill)))

    def answer(request: Request) -> Reply:
        (reply,) = engine.answer([request])
        return reply

    return answer
