"""Requests and completions: what a task asks of a model, and what came back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from math import exp, isnan
from typing import Any, Literal

from schemas.errors import ApplicationError

Role = Literal["system", "user", "assistant"]
Finish = Literal["stop", "length"]
Statistic = Literal["self_certainty", "min_k20", "zlib_ratio", "token_logprobs"]
"""What can be kept of a completion's tokens beside the sum of their log-probabilities: fields of `Completion`."""


_encode_sorted = json.JSONEncoder(sort_keys=True).encode
"""`json.dumps` of a value with its keys sorted, which would make an encoder anew for each."""


def replace_surrogates(text: str) -> str:
    """The text, with U+FFFD for each half of a character (a lone surrogate), which neither UTF-8 nor a table can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class EngineError(ApplicationError):
    """A model cannot be asked at all; the message names the model, what was found and what to do."""


class BudgetError(EngineError):
    """The budget that a recipe sets for a model is spent; what was answered before is kept."""


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True)
class Sampling:
    """How a model's next token is chosen, and when it ends."""

    max_tokens: int
    """Tokens of the completion, at most."""
    temperature: float = 1.0
    """0 takes the likeliest token each time (greedy)."""
    top_p: float = 1.0
    """Only the likeliest tokens that together have this probability are drawn from."""
    stop: tuple[str, ...] = ()
    """Texts that end the completion; they are not part of it."""
    schema: str = ""
    """The JSON schema (as JSON) that the completion keeps where the engine can hold it to one; empty where any text will do."""
    top_k: int | None = None
    """Only this many of the likeliest tokens are drawn from, 0 for all. Here and below, None leaves it to the server."""
    min_p: float | None = None
    """Only tokens of at least this share of the likeliest one's probability are drawn from."""
    repetition_penalty: float | None = None
    """What the logits of tokens that were there before are divided by; 1 for nothing."""
    presence_penalty: float | None = None
    """What is taken off the logits of tokens that the completion has already."""
    frequency_penalty: float | None = None
    """What is taken off the logit of a token for each time that the completion has it."""
    stop_token_ids: tuple[int, ...] = ()
    """Tokens that end the completion, by their numbers in the model's vocabulary."""

    def list_further(self) -> dict[str, Any]:
        """What is set beside temperature, top_p, stop texts and schema, by name: what is left out is the server's default."""
        further = {name: getattr(self, name) for name in FURTHER if getattr(self, name) is not None}
        return {**further, "stop_token_ids": list(self.stop_token_ids)} if self.stop_token_ids else further


FURTHER = ("top_k", "min_p", "repetition_penalty", "presence_penalty", "frequency_penalty")
"""The numbers of sampling that many servers take and some do not."""


@dataclass(frozen=True)
class Options:
    """How a model is asked beside the sampling, as its declaration has it."""

    api: Literal["chat", "completions"] = "chat"
    """A conversation, laid out by the model's chat template; or a text alone that the model goes on with, as base models do."""
    template: str = ""
    """The arguments of the chat template, a JSON object; empty for none."""
    extra: str = ""
    """Further fields of the body that an endpoint is sent, a JSON object; empty for none."""
    omit: tuple[str, ...] = ()
    """Fields that an endpoint is not sent: its own defaults are in force."""
    seed: int | None = None
    """Gives other draws than without it; each request still has a seed of its own."""
    endpoint: str = ""
    """The endpoint that a probe is about. Whatever else is asked has none: an answer does not depend on where it was given."""

    def list_fields(self) -> dict[str, Any]:
        """The further fields of the body that an endpoint is sent."""
        fields_: dict[str, Any] = json.loads(self.extra or "{}")
        return fields_

    def list_set(self) -> dict[str, Any]:
        """What is not the default, by name."""
        if self is AS_USUAL or self == AS_USUAL:
            return {}
        own = [field.name for field in fields(self) if getattr(self, field.name) != getattr(AS_USUAL, field.name)]
        return {name: list(value) if isinstance(value := getattr(self, name), tuple) else value for name in own}


def describe_settings(settings: Mapping[str, Any]) -> list[str]:
    """Settings of sampling and options, as `list_further` and `list_set` have them, in words; a long text by a digest of it."""
    words = []
    for name, value in settings.items():
        if name in ("template", "extra"):
            words += [f"{key} {json.dumps(inner)}" for key, inner in json.loads(value).items()]
        elif name == "system":
            words.append(f"system prompt {hashlib.blake2b(value.encode(), digest_size=4).hexdigest()}")
        elif name == "api":
            words.append("text completion")
        elif name != "omit":
            words.append(f"{name} {json.dumps(value)}")
        elif unsent := [field for field in value if field not in ("temperature", "top_p")]:
            words.append(f"no {' and no '.join(unsent)} sent")
    return words


AS_USUAL = Options()
"""Options of which none is set."""


@dataclass(frozen=True)
class Request:
    """One completion asked of one model."""

    model: str
    """The model's name as its engine knows it."""
    revision: str
    """The revision of its weights (a commit, a digest), or empty where the engine has none."""
    messages: tuple[Message, ...]
    """The conversation that the model goes on with."""
    sampling: Sampling
    sample: int = 0
    """The number of the sample among those of the same request."""
    prefix: str = ""
    """How the model's answer begins; the completion goes on from there and does not repeat it."""
    options: Options = AS_USUAL
    """How the model is asked beside the sampling."""
    logprobs: bool = False
    """Whether the log-probability of the answer is needed, which some engines compute at the cost of half their speed.
    It is no part of the identity: the answer does not depend on it."""
    statistics: tuple[Statistic, ...] = ()
    """What else is to be kept of the answer's tokens. It is no part of the identity either."""
    choices: tuple[str, ...] = ()
    """Texts, without white space around them, of which it is asked how probable each is as the first token. They are part of
    the identity: what is kept of the answer depends on them."""

    @property
    def needs_logprobs(self) -> bool:
        """Whether log-probabilities of tokens are needed for anything."""
        return self.logprobs or bool(self.statistics or self.choices)

    @property
    def further(self) -> dict[str, Any]:
        """What of sampling and options is set beyond what every request has, by name."""
        choices = {"choices": list(self.choices)} if self.choices else {}
        return self.sampling.list_further() | self.options.list_set() | choices

    @cached_property
    def id(self) -> str:
        """32 hexadecimal digits (128 bits of BLAKE2b) of all that the answer depends on.

        `max_tokens` is not among it: an answer that ended by itself is the
        same whatever the limit, and only a truncated one is asked again.
        """
        sampling = self.sampling
        content: list[object] = [
            self.model,
            self.revision,
            [[message.role, message.content] for message in self.messages],
            self.prefix,
            [float(sampling.temperature), float(sampling.top_p), list(sampling.stop)],
            self.sample,
        ]
        if sampling.schema:  # what is asked without one keeps the id that it always had
            content.append(sampling.schema)
        if further := self.further:
            content.append(further)
        return hashlib.blake2b(_encode_sorted(content).encode(), digest_size=16).hexdigest()

    @property
    def seed(self) -> int:
        """The seed of this very completion: 0 to 2^31 - 1, from the id."""
        return int(self.id[:8], 16) >> 1


@dataclass(frozen=True)
class Completion:
    """What a model answered to a request."""

    request: str
    """The request's id."""
    text: str
    """The answer, without the thoughts before it, without the prefix and without the stop text."""
    finish: Finish
    """`stop`: it ended by itself or at a stop text; `length`: it was cut off at `limit` tokens."""
    limit: int
    """The `max_tokens` it was asked with."""
    prompt_tokens: int
    tokens: int
    """Tokens of the completion, thoughts and all, the end mark not counted."""
    logprob: float | None
    """The summed log-probability (natural logarithm) of its tokens at temperature 1; None where it was not asked for, NaN
    where it was and the model gave none."""
    engine: str
    """The engine's name and version."""
    at: float
    """When it came: seconds since 1970, UTC."""
    price: float | None = None
    """What it cost, in the currency of the recipe, where the recipe gives a price."""
    thinking: str = ""
    """What the model thought before it answered, without the marks round it; empty where it did not."""
    thinking_tokens: int | None = None
    """How many of `tokens` are thoughts; None where nobody counted them."""
    thinking_finished: bool = True
    """Whether the thoughts came to their end; False where the completion ends within them."""
    tool_calls: str = ""
    """The calls of tools that the model asked for, the JSON that the endpoint gave; empty where there are none."""
    estimated: bool = False
    """Whether `prompt_tokens` and `tokens` are estimates, because the endpoint did not say."""
    self_certainty: float | None = None
    """How far its tokens' distributions are from a uniform one: the mean over tokens of KL(uniform || p), which is
    -1/(nV) sum log(V p) over n tokens and a vocabulary of V, in nats (Kang et al. 2025, arXiv 2502.18581, section 3.2). Here
    and below None where it was not asked for, NaN (or an empty list) where it was and the model gave none."""
    min_k20: float | None = None
    """Min-K% (Shi et al. 2023, arXiv 2310.16789, section 3): the mean log-probability of the unlikeliest fifth of its tokens."""
    zlib_ratio: float | None = None
    """The mean negative log-probability of its tokens for each byte of its text packed by zlib (Carlini et al. 2021, arXiv
    2012.07805, section 5.2)."""
    token_logprobs: tuple[float, ...] | None = None
    """The log-probability of each of its tokens at temperature 1, to the precision of float16."""
    choice_logprobs: tuple[float, ...] | None = None
    """Of each of the request's choices the log-probability that it is the first token; minus infinity where it is not among
    the tokens of which the model says any."""

    @property
    def known_logprob(self) -> float | None:
        """Its log-probability, None where it was not asked for or not given."""
        return None if self.logprob is None or isnan(self.logprob) else self.logprob

    def find_statistic(self, name: Statistic) -> float | list[float] | None:
        """A statistic of its tokens, None where it was not asked for or the model gave none."""
        value: float | tuple[float, ...] | None = getattr(self, name)
        if isinstance(value, tuple):
            return list(value) or None
        return None if value is None or isnan(value) else value

    def compute_choice_shares(self, request: Request) -> Mapping[str, float]:
        """Of each of a request's choices its share among all of them, 0 to 1; empty where the model says nothing of any."""
        shares = [exp(logprob) for logprob in self.choice_logprobs or ()]
        total = sum(shares)
        return {choice: share / total for choice, share in zip(request.choices, shares)} if total > 0 else {}

    def answers(self, request: Request) -> bool:
        """Whether this is what `request` would get: its own, and not cut off where it would go on (or shorter).

        Args:
            request: What is asked now; its limit may be another than when this was asked.

        Returns:
            True also for a completion that ended by itself within another limit.

        """
        if self.request != request.id or (request.logprobs and self.logprob is None):
            return False
        if any(getattr(self, name) is None for name in request.statistics):
            return False
        if request.choices and self.choice_logprobs is None:
            return False
        limit = request.sampling.max_tokens
        return self.tokens <= limit if self.finish == "stop" else self.limit == limit


@dataclass(frozen=True)
class Failure:
    """A request that the model will not answer however often it is asked, such as one longer than its context."""

    request: str
    """The request's id."""
    reason: str
    """In few words; rows are counted by it."""
    detail: str = ""
    """What was found; never a secret."""
    limit: int = 0
    """The `max_tokens` it was asked with."""
    prompt_tokens: int = 0
    tokens: int = 0
    """What it was paid for all the same; 0 where that is not known."""
    engine: str = ""
    """The engine's name and version."""
    at: float = 0.0
    """When it was given up: seconds since 1970, UTC."""
    price: float | None = None
    estimated: bool = False

    def answers(self, request: Request) -> bool:
        """Whether `request` would fail like this one: with another limit it might not."""
        return self.request == request.id and self.limit == request.sampling.max_tokens


Reply = Completion | Failure
