"""Models as a recipe declares them: which engine answers for them, and with what settings."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    """A record without unknown names."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Price(_Strict):
    """What a model's tokens cost."""

    prompt: float = Field(ge=0, description="Price of a million tokens of the prompt.")
    completion: float = Field(ge=0, description="Price of a million tokens of the completion.")

    def of(self, prompt_tokens: int, tokens: int) -> float:
        """The price of one completion."""
        return (prompt_tokens * self.prompt + tokens * self.completion) / 1_000_000


class Declaration(_Strict):
    """A model as a recipe declares it. Its engine is the module of `tasks.engines` that bears the name in `engine`."""

    is_local: ClassVar[bool] = False
    """Whether it computes on this machine, where one model at a time has the memory."""

    def paths(self) -> dict[str, str]:
        """The fields that name a file or folder, which a recipe gives as they are from its own folder."""
        return {}


class Abacus(Declaration):
    """The embedded model: a small Llama that ships with Errata and runs in process."""

    is_local = True
    engine: Literal["abacus"]
    checkpoint: str | None = Field(
        None, description="A folder with another checkpoint of its kind; else the shipped one."
    )
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")

    def paths(self) -> dict[str, str]:
        """The checkpoint."""
        return {"checkpoint": self.checkpoint} if self.checkpoint else {}


class VLLM(Declaration):
    """A checkpoint run by vLLM, offline, in a process of its own."""

    is_local = True
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

    def paths(self) -> dict[str, str]:
        """The weights, where they are a folder."""
        return {"model": self.model} if self.model.startswith((".", "/")) else {}


class OpenAI(Declaration):
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


class Recorded(Declaration):
    """Answers that were given before: those of the ledger, or of a file of generations. Nothing is asked."""

    engine: Literal["recorded"]
    model: str = Field(min_length=1, description="The model's name as the ledger knows it.")
    revision: str = Field("", description="Its revision as the ledger knows it.")
    file: str | None = Field(
        None, description="A JSON-lines file of request and text beside the recipe; else the ledger."
    )
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")

    def paths(self) -> dict[str, str]:
        """The file of answers."""
        return {"file": self.file} if self.file else {}


Model = Annotated[Abacus | VLLM | OpenAI | Recorded, Field(discriminator="engine")]
"""A model of a recipe."""
MODELS: tuple[type[Declaration], ...] = get_args(get_args(Model)[0])
"""The declaration of each engine's models."""
