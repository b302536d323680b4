"""The choices of a response: each as a response of its own in the form of a chat, whatever was asked and however many."""

from __future__ import annotations

import json
from typing import Any

from tasks.engines.openai.chat import parse_json

MOST = 128
"""Choices that are looked at."""


def split_choices(content: bytes) -> list[bytes]:
    """The responses that a response with several choices, or with texts, is made of.

    What is no such response is given back as it is: who reads it says what is
    wrong with it. Endpoints count the tokens of all choices together, so each is
    given its share by the length of its text; the prompt is counted once.

    Args:
        content: The body of a 200.

    Returns:
        One body for each choice, in the order of their numbers.

    """
    try:
        value = parse_json(content)
    except ValueError:
        return [content]
    choices = value.get("choices") if isinstance(value, dict) else None
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return [content]
    if len(choices) < 2 and not any("text" in choice for choice in choices):
        return [content]
    ordered = sorted(choices[:MOST], key=lambda choice: index if type(index := choice.get("index")) is int else 0)
    chats = [_make_chat(choice) for choice in ordered]
    usages = _share_usage(value.get("usage"), [len(json.dumps(chat["message"])) for chat in chats])
    return [
        json.dumps(value | {"choices": [chat], "usage": usage}).encode()
        for chat, usage in zip(chats, usages, strict=True)
    ]


def _make_chat(choice: dict[str, Any]) -> dict[str, Any]:
    """A choice as that of a chat."""
    if "message" in choice:
        return choice
    logprobs = choice.get("logprobs")
    if isinstance(logprobs, dict) and isinstance(logprobs.get("token_logprobs"), list):
        content: list[dict[str, Any]] = [{"logprob": logprob} for logprob in logprobs["token_logprobs"]]
        top = logprobs.get("top_logprobs")
        if content and isinstance(top, list) and top and isinstance(top[0], dict):
            content[0]["top_logprobs"] = [{"token": token, "logprob": logprob} for token, logprob in top[0].items()]
        logprobs = {"content": content}
    return choice | {"message": {"content": choice.get("text")}, "logprobs": logprobs}


def _share_usage(usage: Any, lengths: list[int]) -> list[Any]:
    """What an endpoint counted, shared by lengths so that the sum stays what it was."""
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    if len(lengths) == 1 or type(tokens) is not int:
        return [usage] * len(lengths)
    shares, before, taken = [], 0, 0
    for number, length in enumerate(lengths):
        before += length
        share = tokens * before // max(1, sum(lengths)) - taken
        taken += share
        prompt = usage.get("prompt_tokens") if number == 0 else 0
        shares.append(usage | {"prompt_tokens": prompt, "completion_tokens": share})
    return shares
