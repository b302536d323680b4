"""What a llama.cpp server is asked and answers, in its own protocol: the body of a request, and what is read of a reply.

A conversation becomes text by `/apply-template`, which is the model's own
template rendered by the server, and is gone on with by `/completion`: so an
answer's beginning is continued exactly, whatever the template would do to an
assistant's earlier turns.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from schemas.recipe.models import Price
from schemas.request import Completion, Failure, Finish, Reply, Request, replace_surrogates
from tasks.engines.openai.chat import read_error
from tasks.engines.openai.http_errors import TOO_LONG
from tasks.engines.token_statistics import (
    TOP,
    TokenProbabilities,
    describe_tokens,
    list_alternatives,
    read_logprob,
    sum_logprobs,
)
from tasks.llm.channels import is_thought_opened, is_unfinished_thought, join_prefix, split_channels

REFUSED = "refused by llama.cpp"
REFUSED_BY_TEMPLATE = "refused by the chat template"
LONGEST_DETAIL = 500
MARKS = ("<think>", "</think>", "<|channel|>", "<|message|>", "<|start|>", "<|end|>")
"""Marks of thoughts, which are part of an answer though they are control tokens."""
_NEUTRAL = {
    "top_k": 0, "min_p": 0.0, "typical_p": 1.0, "repeat_penalty": 1.0, "presence_penalty": 0.0, "frequency_penalty": 0.0,
}  # fmt: skip
"""What is not asked for is switched off: the server's own defaults are others."""
LONGEST_MEMORY = 65_536
"""Tokens that penalties are about, at most, prompt and all; the server's own are 64."""
_NAMES = {"repetition_penalty": "repeat_penalty"}
_SAMPLERS = ("penalties", "temperature", "min_p", "top_k", "top_p")
"""In this order, which is vLLM's: llama.cpp's own draws from the likeliest tokens as they are before the temperature."""


def make_template_body(request: Request) -> dict[str, Any]:
    """What `/apply-template` is asked for a conversation."""
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    arguments = {"chat_template_kwargs": json.loads(request.options.template)} if request.options.template else {}
    return {"messages": messages, **arguments}


def make_body(request: Request, prompt: str) -> dict[str, Any]:
    """What `/completion` is asked, given the text of the conversation."""
    sampling = request.sampling
    further = {_NAMES.get(name, name): value for name, value in sampling.list_further().items()}
    body: dict[str, Any] = {
        "prompt": join_prefix(prompt, request.prefix),
        "n_predict": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": request.seed,
        "stop": list(sampling.stop),
        "samplers": list(_SAMPLERS),
        "repeat_last_n": LONGEST_MEMORY,
        "preserved_tokens": list(MARKS),
        "cache_prompt": False,  # what was read piece by piece is not in its last digits what is read at once
        "n_probs": TOP if request.choices else int(request.needs_logprobs),
        **_NEUTRAL,
        **further,
    }
    if sampling.schema:
        # else the wheel's grammar, that of LLGuidance, lets JSON go on in white space until the limit
        body["json_schema"] = {**json.loads(sampling.schema), "x-guidance": {"whitespace_flexible": False}}
    return body


def read_completion(request: Request, prompt: str, value: Mapping[str, Any], engine: str, price: Price | None) -> Reply:
    """The reply to a request in what `/completion` answered.

    Args:
        request: What was asked.
        prompt: The text of its conversation.
        value: The answer.
        engine: The engine's name and version.
        price: What tokens cost.

    Returns:
        The completion; a failure where the answer is none.

    """
    text, ended = value.get("content"), value.get("stop_type") == "eos"
    prompt_tokens, tokens = value.get("tokens_evaluated"), value.get("tokens_predicted")
    if not (isinstance(text, str) and isinstance(prompt_tokens, int) and isinstance(tokens, int)):
        detail = f"an answer without `content` and its counts: {json.dumps(value)}"
        return Failure(request.id, REFUSED, detail[:LONGEST_DETAIL])
    tokens = max(0, tokens - ended)
    opened = is_unfinished_thought(request.prefix) if request.prefix else is_thought_opened(prompt)
    channels = split_channels(replace_surrogates(text), opened)
    finish: Finish = "length" if value.get("stop_type") == "limit" else "stop"
    logprobs = _list_logprobs(value, ended) if request.needs_logprobs else None
    return Completion(
        request.id, channels.text, finish, request.sampling.max_tokens, prompt_tokens, tokens,
        sum_logprobs(logprobs) if request.needs_logprobs else None, engine, time.time(),
        price.of(prompt_tokens, tokens) if price else None, channels.thinking, thinking_finished=channels.is_finished,
        **describe_tokens(request, text, TokenProbabilities(logprobs, first=_list_first(value))),
    )  # fmt: skip


def read_refusal(request: Request, content: bytes, reason: str) -> Failure:
    """Why a request cannot be answered, as the server says it."""
    detail = " ".join(read_error(content).split())[:LONGEST_DETAIL]
    return Failure(request.id, TOO_LONG if "exceed_context_size" in detail else reason, detail)


def _list_logprobs(value: Mapping[str, Any], ended: bool) -> list[float] | None:
    """The tokens' log-probabilities, that of the end mark not among them; None where one is missing."""
    tokens = value.get("completion_probabilities")
    if not isinstance(tokens, list) or not tokens:
        return None
    logprobs = [read_logprob(token.get("logprob")) if isinstance(token, dict) else None for token in tokens]
    numbers = [logprob for logprob in logprobs if logprob is not None]
    if len(numbers) < len(logprobs):
        return None
    return numbers[:-1] if ended else numbers


def _list_first(value: Mapping[str, Any]) -> list[tuple[str, float]]:
    """The likeliest first tokens."""
    tokens = value.get("completion_probabilities")
    return list_alternatives(tokens[0]) if isinstance(tokens, list) and tokens else []
