"""Settings of language models as a recipe declares them: what each request to a model takes, whatever task asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator, model_validator

from schemas.request import Options, Sampling

LONGEST = 20_000
"""Characters of a mapping of a recipe, as JSON, at most."""
OWN_FIELDS = frozenset(
    {"model", "messages", "prompt", "stream", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop",
     "seed", "logprobs", "top_logprobs", "response_format", "top_k", "min_p", "repetition_penalty", "repeat_penalty", "presence_penalty",
     "frequency_penalty", "stop_token_ids", "chat_template", "chat_template_kwargs", "continue_final_message",
     "add_generation_prompt"}
)  # fmt: skip
"""Fields of a body that requests have themselves."""
OWN_ARGUMENTS = frozenset(
    {"conversation", "messages", "chat_template", "tokenize", "add_generation_prompt", "continue_final_message",
     "return_tensors", "return_dict", "padding", "truncation", "max_length", "tokenizer_kwargs"}
)  # fmt: skip
"""Arguments of a chat template that requests have themselves, or that would be another program than the model's."""
Omitted = Literal["temperature", "top_p", "seed", "logprobs"]


class FurtherSampling(BaseModel):
    """Numbers of sampling that many servers take; what is left out is the server's own default, and is not sent."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    top_k: int | None = Field(None, ge=0, description="Draw from this many of the likeliest tokens; 0 for all.")
    min_p: float | None = Field(
        None, ge=0, le=1, description="Draw from tokens of this share of the likeliest one's probability; 0 for all."
    )
    repetition_penalty: float | None = Field(
        None, gt=0, le=2, description="Above 1, tokens that were there before are less likely."
    )
    presence_penalty: float | None = Field(
        None, ge=-2, le=2, description="Above 0, tokens that the completion has are less likely."
    )
    frequency_penalty: float | None = Field(
        None, ge=-2, le=2, description="Above 0, tokens are less likely for each time that the completion has them."
    )

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What is set alone: of the rest there is nothing to say."""
        return ((name, value) for name, value in super().__repr_args__() if value is not None)

    def list_set(self) -> dict[str, Any]:
        """What is set, by name."""
        names = FurtherSampling.model_fields
        return {name: getattr(self, name) for name in names if getattr(self, name) is not None}


class ModelSampling(FurtherSampling):
    """A model's own sampling, in force where a task says nothing."""

    stop: list[str] = Field([], max_length=16, description="Texts that end a completion, beside those of a task.")
    stop_token_ids: list[int] = Field([], max_length=64, description="Tokens that end a completion, by their numbers.")


class LanguageModelSettings(BaseModel):
    """What every request to a language model takes. All of it is sent, and is part of what a completion is known by."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
    sampling: ModelSampling = Field(
        ModelSampling(), description="Its own sampling: `top_k`, `min_p`, penalties, `stop`, `stop_token_ids`."
    )
    system: str = Field("", max_length=LONGEST, description="What it is told before each conversation.")
    template: dict[str, JsonValue] = Field(
        {}, description="Arguments of its chat template, such as `enable_thinking: false`."
    )
    seed: int | None = Field(
        None, ge=0, description="Another number, other draws. Each request has a seed of its own, with or without it."
    )
    api: Literal["chat", "completions"] = Field(
        "chat",
        description="completions: a text that the model goes on with, no conversation; for base models without a chat template.",
    )

    @field_validator("template")
    @classmethod
    def _harmless(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return check_mapping(value, OWN_ARGUMENTS, "the template has it from each request")

    @model_validator(mode="after")
    def _without_template(self) -> LanguageModelSettings:
        if self.api == "completions" and self.template:
            raise ValueError("with `api: completions` no chat template is used; remove it, or `template`")
        return self

    def make_sampling(self) -> Sampling:
        """Its own sampling, as requests have it."""
        own = self.sampling
        return Sampling(0, stop=tuple(own.stop), stop_token_ids=tuple(own.stop_token_ids), **own.list_set())

    def make_options(self) -> Options:
        """How it is asked beside the sampling, as requests have it."""
        return Options(api=self.api, template=write_json(self.template), seed=self.seed)


class EndpointSettings(LanguageModelSettings):
    """What every request to a model behind an endpoint takes."""

    extra: dict[str, JsonValue] = Field(
        {}, description="Further fields of the body, such as `reasoning_effort: low`, as the endpoint knows them."
    )
    omit: list[Omitted] = Field(
        [], description="Fields that are not sent, where the endpoint takes none: its own defaults are in force."
    )

    @field_validator("extra")
    @classmethod
    def _further(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        return check_mapping(value, OWN_FIELDS, "it has a place of its own in a recipe")

    def make_options(self) -> Options:
        """How it is asked beside the sampling, as requests have it."""
        return Options(self.api, write_json(self.template), write_json(self.extra), tuple(sorted(self.omit)), self.seed)


def check_mapping(value: dict[str, JsonValue], taken: frozenset[str], why: str) -> dict[str, JsonValue]:
    """The mapping; ValueError where it names what is not its to set, or is too long."""
    if names := sorted(taken & value.keys()):
        raise ValueError(f"`{names[0]}` cannot be set here: {why}; remove it")
    if len(write_json(value)) > LONGEST:
        raise ValueError(f"longer than {LONGEST:,} characters as JSON; shorten it")
    return value


def write_json(value: dict[str, JsonValue]) -> str:
    """A mapping as JSON, the same for the same content; empty where it is."""
    return json.dumps(value, sort_keys=True, ensure_ascii=True) if value else ""
