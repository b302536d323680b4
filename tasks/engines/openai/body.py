"""The JSON that asks an OpenAI-compatible endpoint for completions: of a conversation, or of a text."""

from __future__ import annotations

import json
from collections.abc import Set
from typing import Any

from schemas.request import Request

FORMS = ("json_schema", "json_object")
"""How an endpoint can be held to JSON, the stricter form first."""
ALIAS = "repeat_penalty"
"""What llama.cpp and LM Studio call the penalty that vLLM and most others call `repetition_penalty`."""
CONTINUING = "continue_final_message"
N = "n"
TOP = 5
"""Likeliest first tokens that are looked through for choices: as many as every endpoint gives that gives any."""


def make_body(request: Request, without: Set[str] = frozenset(), samples: int = 1, stream: bool = False) -> bytes:
    """The JSON that asks for a request's completion.

    Args:
        request: The request.
        without: Fields, and forms of JSON, that the endpoint does not take.
        samples: So many samples of it are asked for at once.
        stream: Whether the answer is to come bit by bit.

    Returns:
        JSON in ASCII: a lone surrogate in a text is no error of ours.

    """
    sampling, options = request.sampling, request.options
    fields: dict[str, Any] = {
        "model": request.model,
        **_ask(request, without),
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "max_completion_tokens" if "max_tokens" in without else "max_tokens": sampling.max_tokens,
        "n": 1 if N in without else samples,
        "stream": stream,
        "seed": request.seed,
        **sampling.list_further(),
    }
    if request.needs_logprobs and options.api == "chat":
        fields |= {"logprobs": True, **({"top_logprobs": TOP} if request.choices else {})}
    elif request.needs_logprobs:
        fields["logprobs"] = TOP if request.choices else 1
    if stream:
        fields["stream_options"] = {"include_usage": True}
    if sampling.stop:
        fields["stop"] = list(sampling.stop)
    if sampling.repetition_penalty is not None:
        fields[ALIAS] = sampling.repetition_penalty
    if options.template:
        fields["chat_template_kwargs"] = json.loads(options.template)
    if (form := choose_form(request, without)) is not None:
        fields["response_format"] = _hold(form, sampling.schema)
    left_out = {*options.omit, *(without - {"max_tokens", N})}
    left_out |= {"top_logprobs"} if "logprobs" in left_out else set()
    kept = {name: value for name, value in fields.items() if name not in left_out}
    return json.dumps(kept | options.list_fields()).encode()


def choose_form(request: Request, without: Set[str]) -> str | None:
    """How the answer is held to the request's schema; None where it has none, or the endpoint cannot."""
    return next((form for form in FORMS if form not in without), None) if request.sampling.schema else None


def _ask(request: Request, without: Set[str]) -> dict[str, Any]:
    """The conversation, or the text, up to where the model goes on."""
    if request.options.api == "completions":
        return {"prompt": "\n\n".join(message.content for message in request.messages) + request.prefix}
    messages = [{"role": message.role, "content": message.content} for message in request.messages]
    if not request.prefix:
        return {"messages": messages}
    messages.append({"role": "assistant", "content": request.prefix})
    if CONTINUING in without:  # some go on with a last message of the assistant's unasked
        return {"messages": messages}
    return {"messages": messages, CONTINUING: True, "add_generation_prompt": False}  # vLLM's extension


def _hold(form: str, schema: str) -> dict[str, Any]:
    if form == "json_object":
        return {"type": form}
    return {"type": form, "json_schema": {"name": "answer", "strict": True, "schema": json.loads(schema)}}
