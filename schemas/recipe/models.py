"""Models as a recipe declares them: which engine answers for them, and with what settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class _Model(BaseModel):
    """What all declarations have."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Price(_Model):
    """What a model's tokens cost."""

    prompt: float = Field(ge=0, description="Price of a million tokens of the prompt.")
    completion: float = Field(ge=0, description="Price of a million tokens of the completion.")

    def of(self, prompt_tokens: int, tokens: int) -> float:
        """The price of one completion."""
        return (prompt_tokens * self.prompt + tokens * self.completion) / 1_000_000


class Abacus(_Model):
    """The embedded model: a small Llama that ships with Errata and runs in process."""

    engine: Literal["abacus"]
    checkpoint: str | None = Field(
        None, description="A folder with another checkpoint of its kind; else the shipped one."
    )
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")


class VLLM(_Model):
    """A checkpoint run by vLLM, offline, in a process of its own."""

    engine: Literal["vllm"]
    model: str = Field(min_length=1, description="A name on the Hugging Face Hub, or a folder.")
    revision: str = Field("", description="The commit of the weights; pin it, so that a build can be repeated.")
    gpus: list[int] = Field([], description="The GPUs it may use, by number; empty for all that are visible.")
    tensor_parallel: int = Field(1, ge=1, description="GPUs that share the weights.")
    memory: float = Field(0.9, gt=0, le=1, description="Share of the GPUs' memory it takes.")
    context: int | None = Field(None, ge=16, description="Tokens of prompt and completion, at most; else the model's.")
    batch: int = Field(256, ge=1, description="Sequences worked on at once, at most.")
    dtype: str = Field("auto", description="The weights' number type.")
    python: str | None = Field(None, description="A Python that has vLLM; else the one that runs the build.")
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")


class OpenAI(_Model):
    """A model behind an OpenAI-compatible endpoint."""

    engine: Literal["openai"]
    model: str = Field(min_length=1, description="The model's name as the endpoint knows it.")
    revision: str = Field(
        "", description="A snapshot's name, where the endpoint has one; part of a request's identity."
    )
    url: str = Field("https://api.openai.com/v1", pattern=r"^https?://", description="The endpoint, up to /v1.")
    key: str | None = Field(
        None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="The environment variable that holds the API key."
    )
    concurrency: int = Field(16, ge=1, le=1024, description="Requests under way at once, at most.")
    per_minute: int | None = Field(None, ge=1, description="Requests begun in a minute, at most.")
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for an answer.")
    attempts: int = Field(6, ge=1, description="Times a request is tried before the build stops.")
    budget_tokens: int | None = Field(None, ge=1, description="Tokens of prompts and completions to spend, at most.")
    budget_price: float | None = Field(None, gt=0, description="Money to spend, at most; needs `price`.")
    price: Price | None = Field(None, description="What its tokens cost.")


class Recorded(_Model):
    """Answers that were given before: those of the ledger, or of a file of generations. Nothing is asked."""

    engine: Literal["recorded"]
    model: str = Field(min_length=1, description="The model's name as the ledger knows it.")
    revision: str = Field("", description="Its revision as the ledger knows it.")
    file: str | None = Field(
        None, description="A JSON-lines file of request and text beside the recipe; else the ledger."
    )
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")


Model = Annotated[Abacus | VLLM | OpenAI | Recorded, Field(discriminator="engine")]
"""A model of a recipe."""
