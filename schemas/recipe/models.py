"""Models as a recipe declares them: which engine answers for them, and with what settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from schemas.recipe.settings import EndpointSettings, LanguageModelSettings, ModelSampling
from schemas.request import FURTHER, Statistic

OPENAI = "https://api.openai.com"
WITHOUT_VOCABULARY = (
    "gives the log-probabilities of the likeliest tokens alone, and `self_certainty` is of the whole vocabulary: take it out, or have the "
    "model run by `engine: vllm`"
)
"""Why an engine gives no self-certainty."""


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


Replicas = Literal["auto"] | Annotated[int, Field(ge=1, le=1024)]
"""How many copies of a model there are on a machine."""


class Declaration(_Strict):
    """A model as a recipe declares it. Its engine is the module of `tasks.engines` that bears the name in `engine`."""

    def paths(self) -> dict[str, str]:
        """The fields that name a file or folder, which a recipe gives as they are from its own folder."""
        return {}

    def list_left_open(self) -> list[str]:
        """What of sampling is left to a server whose defaults nobody knows here; none where an engine's own are neutral."""
        return []

    def explain_no_continuation(self) -> str | None:
        """Why it is known not to go on with beginnings of answers, and what to do; None where it does, or nobody knows yet."""
        return None

    def explain_no_statistics(self, names: Sequence[Statistic]) -> str | None:
        """Why it is known not to give one of these statistics of tokens, and what to do; None where it does, or nobody knows yet."""
        return None

    def room(self) -> dict[str, float]:
        """The share that it takes of what models on this machine have to share, by its name: `{"gpu 0": 0.9}`.

        Models whose shares of something come to more than 1 are never loaded
        at the same time.

        Returns:
            Shares from 0 to 1; none for what computes elsewhere, or is small.

        """
        return {}


_ON_HUB = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


def list_path(path: str | None) -> list[str]:
    """A name as a path, where it is one and no name on the Hugging Face Hub."""
    return [path] if path and not _ON_HUB.fullmatch(path) else []


class Abacus(Declaration):
    """The embedded model: a small Llama that ships with Errata and runs in process, or in several of its own."""

    engine: Literal["abacus"]
    checkpoint: str | None = Field(
        None, description="A folder with another checkpoint of its kind; else the shipped one."
    )
    replicas: Replicas = Field(
        1,
        description="Processes that share what is asked; with 1 it runs in the build's own, and `auto` is one for each processor.",
    )
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")

    def paths(self) -> dict[str, str]:
        """The checkpoint."""
        return {"checkpoint": self.checkpoint} if self.checkpoint else {}


class Speculation(_Strict):
    """Speculative decoding: tokens are guessed cheaply and checked together; what is drawn stays the same in distribution."""

    method: str | None = Field(None, pattern=r"^[a-z0-9_]{1,40}$", description="As vLLM names it, such as `ngram`.")
    model: str | None = Field(
        None, pattern=r"^[A-Za-z0-9][\w.-]*/[\w.-]+$", description="The model that guesses: a name on the Hub."
    )
    num_speculative_tokens: int = Field(ge=1, le=64, description="Tokens that are guessed at a time.")
    prompt_lookup_max: int | None = Field(None, ge=1, description="With `ngram`: the longest run of tokens looked up.")
    prompt_lookup_min: int | None = Field(None, ge=1, description="With `ngram`: the shortest run of tokens looked up.")


class EngineArguments(_Strict):
    """Arguments of vLLM's engine, by its own names: those that a stranger's recipe may set."""

    quantization: str | None = Field(None, pattern=r"^[a-z0-9_-]{1,40}$", description="How the weights are quantized.")
    kv_cache_dtype: str | None = Field(None, pattern=r"^[a-z0-9_]{1,40}$", description="The cache's number type.")
    max_num_batched_tokens: int | None = Field(None, ge=1, description="Tokens of one step of the engine, at most.")
    enable_chunked_prefill: bool | None = Field(None, description="Whether long prompts are read in pieces.")
    enforce_eager: bool | None = Field(None, description="Whether CUDA graphs are left out: slower, loads faster.")
    pipeline_parallel_size: int | None = Field(None, ge=1, description="Stages that the layers are spread over.")
    speculative_config: Speculation | None = Field(None, description="Speculative decoding.")

    @model_validator(mode="before")
    @classmethod
    def _trusts_nobody(cls, value: Any) -> Any:
        if isinstance(value, dict) and "trust_remote_code" in value:
            raise ValueError(
                "`trust_remote_code` is off, and no recipe turns it on: choose weights that vLLM knows without their code"
            )
        return value


class VLLM(LanguageModelSettings, Declaration):
    """A checkpoint run by vLLM, offline, in a process of its own for each of its replicas."""

    engine: Literal["vllm"]
    model: str = Field(min_length=1, description="A name on the Hugging Face Hub, or a folder.")
    revision: str = Field("", description="The commit of the weights; pin it, so that a build can be repeated.")
    gpus: list[int] = Field([], description="The GPUs it may use, by number; empty for all that are visible.")
    tensor_parallel: int = Field(1, ge=1, description="GPUs that share the weights.")
    replicas: Replicas = Field(
        "auto",
        description="Copies of the model, each with GPUs and a process of its own, that share what is asked; `auto`: as many as the GPUs are enough for.",
    )
    memory: float = Field(0.9, gt=0, le=1, description="Share of the GPUs' memory it takes.")
    context: int | None = Field(None, ge=16, description="Tokens of prompt and completion, at most; else the model's.")
    batch: int | None = Field(
        None, ge=1, description="Sequences worked on at once, at most; else what vLLM chooses for the machine."
    )
    dtype: str = Field("auto", description="The weights' number type.")
    lora: str | None = Field(
        None, min_length=1, description="An adapter that is laid over the weights: a name on the Hub, or a folder."
    )
    engine_args: EngineArguments = Field(EngineArguments(), description="Arguments of vLLM's engine, by its own names.")
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")

    @model_validator(mode="before")
    @classmethod
    def _names_no_program(cls, value: Any) -> Any:
        if isinstance(value, dict) and "python" in value:
            raise ValueError(
                "`python` names a program, which no recipe does: take it out, and set ERRATA_VLLM_PYTHON, or `vllm_python` "
                "under [programs] of ~/.config/errata/config.toml"
            )
        return value

    def paths(self) -> dict[str, str]:
        """The weights and the adapter, where they are folders."""
        places = {"model": self.model, "lora": self.lora}
        return {name: path for name, place in places.items() for path in list_path(place)}

    def explain_no_statistics(self, names: Sequence[Statistic]) -> str | None:
        """Self-certainty is measured where vLLM draws, in the process that it shares with us."""
        arguments = self.engine_args
        apart = {
            "tensor_parallel": self.tensor_parallel > 1,
            "engine_args.pipeline_parallel_size": (arguments.pipeline_parallel_size or 1) > 1,
            "engine_args.speculative_config": arguments.speculative_config is not None,
        }
        set_ = [f"`{name}`" for name, is_set in apart.items() if is_set]
        if "self_certainty" not in names or not set_:
            return None
        return f"`self_certainty` cannot be measured with {' and '.join(set_)}: take it out, or {'these' if set_[1:] else 'that'}"

    @property
    def variant(self) -> str:
        """The revision, with what else makes other weights of them, or other numbers: requests are known by it."""
        other = {"dtype": self.dtype if self.dtype != "auto" else None, "lora": self.lora}
        other |= self.engine_args.model_dump(include={"quantization", "kv_cache_dtype"})
        return ";".join([*([self.revision] if self.revision else []), *(f"{k}={v}" for k, v in other.items() if v)])

    def count_gpus_of_replica(self) -> int:
        """The GPUs that one replica is spread over."""
        return self.tensor_parallel * (self.engine_args.pipeline_parallel_size or 1)

    def room(self) -> dict[str, float]:
        """Its share of each GPU's memory; without a GPU it takes the machine's, and the share keeps others out likewise."""
        count = self.count_gpus_of_replica() * (1 if self.replicas == "auto" else self.replicas)
        gpus = self.gpus or range(count)
        return {f"gpu {number}": self.memory for number in gpus[:count]}


class LlamaCpp(LanguageModelSettings, Declaration):
    """A GGUF file run by llama.cpp, in a server of its own on this machine."""

    engine: Literal["llama"]
    model: str = Field(min_length=1, description="A GGUF file, or the name of one that `errata models` lists.")
    revision: str = Field(
        "",
        pattern=r"^([0-9a-f]{12,64})?$",
        description="How the file's SHA-256 begins; pin it, and other weights are refused.",
    )
    context: int = Field(4096, ge=16, description="Tokens of prompt and completion, at most.")
    batch: int = Field(
        1, ge=1, le=256,
        description="Sequences worked on at once, at most. Above 1 what is drawn depends in its last digits on what is drawn beside it; "
        "a GPU is faster for it, a CPU hardly.",
    )  # fmt: skip
    price: Price | None = Field(None, description="What its tokens cost, if they are to be counted in money.")

    @field_validator("sampling")
    @classmethod
    def _known(cls, value: ModelSampling) -> ModelSampling:
        if value.stop_token_ids:
            raise ValueError("llama.cpp knows no `stop_token_ids`; give the tokens' texts in `stop`")
        return value

    def paths(self) -> dict[str, str]:
        """The weights, where they are a file and no name."""
        return {"model": self.model} if list_path(self.model) or self.model.endswith(".gguf") else {}

    def explain_no_statistics(self, names: Sequence[Statistic]) -> str | None:
        """Its server lists the likeliest tokens."""
        return f"llama.cpp {WITHOUT_VOCABULARY}" if "self_certainty" in names else None

    def room(self) -> dict[str, float]:
        """All that servers of llama.cpp have: two beside each other would each have half of the processors."""
        return {"llama.cpp": 1.0}


class OpenAI(EndpointSettings, Declaration):
    """A model behind an OpenAI-compatible endpoint."""

    engine: Literal["openai"]
    model: str = Field(min_length=1, description="The model's name as the endpoint knows it.")
    revision: str = Field(
        "", description="A snapshot's name, where the endpoint has one; part of a request's identity."
    )
    url: str = Field(f"{OPENAI}/v1", pattern=r"^https?://", description="The endpoint, up to /v1.")
    key: str | None = Field(
        None,
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="The environment variable that holds the API key; which hosts it may be sent to, the user's configuration says.",
    )
    n: int = Field(
        1,
        ge=1,
        le=128,
        description="Samples of one prompt asked for at once, where the endpoint has `n`: their prompt is read once.",
    )
    answers_as: str | None = Field(
        None, description="The name under which the endpoint answers, where it is not the model's but means it."
    )
    stream: bool = Field(
        False,
        description="Whether answers come bit by bit: where something in between gives up what is long in coming.",
    )
    concurrency: int = Field(
        16,
        ge=1,
        description="Requests under way at once, at most; for servers of your own as many as all their replicas work on together, or more.",
    )
    per_minute: int | None = Field(None, ge=1, description="Requests begun in a minute, at most.")
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for an answer.")
    attempts: int = Field(6, ge=1, description="Times a request is tried before it is given up.")
    budget_tokens: int | None = Field(None, ge=1, description="Tokens of prompts and completions to spend, at most.")
    budget_price: float | None = Field(None, gt=0, description="Money to spend, at most; needs `price`.")
    price: Price | None = Field(None, description="What its tokens cost.")

    def list_left_open(self) -> list[str]:
        """What its declaration neither sends nor sets; a setting of `sampling` may still."""
        unset = [name for name in FURTHER if getattr(self.sampling, name) is None]
        return [*(name for name in self.omit if name in ("temperature", "top_p")), *unset]

    def explain_no_statistics(self, names: Sequence[Statistic]) -> str | None:
        """Endpoints list the likeliest tokens, where they list any."""
        if names and "logprobs" in self.omit:
            return "its `omit` leaves out `logprobs`, of which `statistics` are made; take one of the two out"
        return f"an endpoint {WITHOUT_VOCABULARY}" if "self_certainty" in names else None

    def explain_no_continuation(self) -> str | None:
        """OpenAI's own conversations always begin a turn of their own."""
        if self.api == "completions" or not self.url.startswith(OPENAI):
            return None
        return (
            "OpenAI's chat completions do not go on with the beginning of an answer, which this table needs; give it a model "
            "of `engine: vllm` or `engine: llama`, or one of a server that has text completions, by `api: completions`"
        )


class Python(Declaration):
    """The interpreter that runs the build, in a sandbox: what it is asked are programs, and it is no language model."""

    engine: Literal["python"]
    seconds: int = Field(5, ge=1, le=600, description="Seconds of the clock and of the processor for one program.")
    memory: int = Field(512, ge=64, le=65_536, description="Megabytes of a program's address space.")
    output: int = Field(64, ge=1, le=1024, description="Kilobytes that a program prints, at most.")
    price: ClassVar[Price | None] = None


class Recorded(EndpointSettings, Declaration):
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


class Skill(_Strict):
    """How often a teacher of known truth errs: shares, each drawn for each request from its id."""

    misses: float = Field(0.0, ge=0, le=1, description="Of wrong solutions: it finds no wrong step.")
    elsewhere: float = Field(
        0.0, ge=0, le=1, description="Of wrong solutions: it names another step than the first wrong one."
    )
    alarms: float = Field(0.0, ge=0, le=1, description="Of right solutions: it names a step of them.")
    fixes: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Of wrong attempts, told the first wrong step: its revision, or its correction of that step, is right.",
    )
    guesses: float = Field(
        0.0, ge=0, le=1, description="Of wrong attempts, not told it: its revision, or its continuation, is right."
    )
    spoils: float = Field(0.0, ge=0, le=1, description="Of right attempts: its revision is wrong.")
    slips: float = Field(
        0.0, ge=0, le=1, description="Of its own solutions, and of continuations of right beginnings: wrong."
    )
    leaks: float = Field(0.0, ge=0, le=1, description="Of its critiques: they give the right answer away.")

    @model_validator(mode="after")
    def _adds_up(self) -> Skill:
        if self.misses + self.elsewhere > 1:
            raise ValueError(
                f"`misses` {self.misses:g} and `elsewhere` {self.elsewhere:g} are shares of the same wrong solutions: lower one of them"
            )
        return self


class World(Declaration):
    """A teacher of known truth, and no language model: it reads problems of Abacus' world from their words, and errs as declared."""

    engine: Literal["world"]
    skill: Skill = Field(Skill(), description="How often it errs; without any, never.")
    seed: int = Field(0, ge=0, description="Another number, other draws: so several teachers err independently.")
    price: Price | None = Field(None, description="What its words cost, if they are to be counted in money.")

    def explain_no_statistics(self, names: Sequence[Statistic]) -> str | None:
        """It draws no tokens."""
        reason = (
            "a teacher of known truth is no language model, and its words have no probabilities; take `statistics` out"
        )
        return reason if names else None


Model = Annotated[Abacus | World | VLLM | LlamaCpp | OpenAI | Python | Recorded, Field(discriminator="engine")]
"""A model of a recipe."""
MODELS: tuple[type[Declaration], ...] = get_args(get_args(Model)[0])
"""The declaration of each engine's models."""
