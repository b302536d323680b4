"""The parameters by which tasks sample models: one definition of each, with its bounds and what it means.

A task gives its own default, and a description of its own where it says more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from schemas.model_id import ModelId
from schemas.request import Request, describe_settings

Temperature = Annotated[float, Field(ge=0, le=5, description="0 takes the likeliest token each time (greedy).")]
TopP = Annotated[float, Field(gt=0, le=1, description="Draw from the likeliest tokens that have this probability.")]
MaxTokens = Annotated[int, Field(ge=1, le=1_000_000)]
"""Tokens of a reply; the task's description says what becomes of one cut off there."""
Votes = Annotated[int, Field(ge=1, le=1_000)]
"""Replies of each model about each row."""
Stop = Annotated[list[str], Field(max_length=16)]
"""Texts that end a reply."""


def describe_sampling(request: Request, model: ModelId) -> str:
    """How a request is sampled, as tables have it: what it does not name was not sent, and the server's own was in force.

    Args:
        request: The request.
        model: The model that it is to.

    Returns:
        Such as `greedy`, or `temperature 0.8, top_p 0.95, top_k 20, enable_thinking false`.

    """
    sampling, omitted = request.sampling, request.options.omit
    values = {name: f"{getattr(sampling, name):g}" for name in ("temperature", "top_p")}
    values |= {name: "server's default" for name in values if name in omitted}
    shown = ["greedy"] if values["temperature"] == "0" else [" ".join(pair) for pair in values.items()]
    system = {"system": model.system} if model.system else {}
    return ", ".join([*shown, *describe_settings(request.further | system)])


def find_repeated_model(models: Sequence[str], advice: str = "keep one") -> list[str]:
    """The fault of models of which one is named twice; none where each is named once."""
    return [f"models: names a model twice; {advice}"] if len(set(models)) < len(models) else []


def find_voting_faults(models: Sequence[str], temperature: float, votes: int, vote: str) -> list[str]:
    """What is wrong with models that vote: one is named twice, or its votes are bound to be the same.

    Args:
        models: The models, by their names in the recipe.
        temperature: At which they are sampled.
        votes: The votes of each.
        vote: What messages call a vote.

    Returns:
        A message a fault, which begins with the parameter's name.

    """
    faults = find_repeated_model(models, "keep one and raise `votes`")
    if temperature == 0 and votes > 1:
        faults.append(f"votes: temperature 0 gives the same {vote} each time; raise `temperature`, or leave 1 vote")
    return faults
