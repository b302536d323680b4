"""Answers that come as a stream of server-sent events, joined to the response that would have come in one piece."""

from __future__ import annotations

import json
from typing import Any

from tasks.engines.openai.chat import parse_json

MOST_CHOICES = 128
"""Choices of one stream that are joined."""
_BEGINNINGS = (b"data:", b"event:", b":", b"id:", b"retry:")
_JOINED = ("content", "reasoning_content", "reasoning", "thinking", "refusal", "text")


def is_stream(content: bytes) -> bool:
    """Whether a body is a stream of events: JSON never begins like one."""
    return content.lstrip()[:10].startswith(_BEGINNINGS)


def join_stream(content: bytes) -> bytes:
    """The body of a response that was streamed, in one piece; an error in the stream stands for all of it.

    Args:
        content: Events, one JSON a `data:`.

    Returns:
        JSON as it comes unstreamed. Where the stream breaks off no choice has a `finish_reason`; what is no such
        stream is given back as it is.

    """
    joined: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for line in content.splitlines():
        data = line.removeprefix(b"data:").strip()
        if not line.startswith(b"data:") or data in (b"", b"[DONE]"):
            continue
        try:
            event = parse_json(data)
        except ValueError:
            return data
        if not isinstance(event, dict) or "error" in event:
            return data
        joined |= {name: event[name] for name in ("model", "usage") if event.get(name)}
        for delta in event["choices"] if isinstance(event.get("choices"), list) else ():
            if isinstance(delta, dict):
                _add(choices, delta)
    if not choices:
        return content
    return json.dumps(joined | {"choices": [choices[index] for index in sorted(choices)]}).encode()


def _add(choices: dict[int, dict[str, Any]], delta: dict[str, Any]) -> None:
    """Add a piece to its choice."""
    index = delta.get("index", 0)
    if type(index) is not int or not 0 <= index < MOST_CHOICES:
        return
    choice = choices.setdefault(index, {"index": index, "message": {"content": ""}, "finish_reason": None})
    if delta.get("finish_reason") is not None:
        choice["finish_reason"] = delta["finish_reason"]
    piece = delta.get("delta")
    for name, text in [*(piece.items() if isinstance(piece, dict) else ()), ("content", delta.get("text"))]:
        if name in _JOINED and isinstance(text, str):
            choice["message"][name] = choice["message"].get(name, "") + text
        elif name == "tool_calls" and isinstance(text, list):
            _add_calls(choice["message"].setdefault("tool_calls", []), text)
    logprobs = delta.get("logprobs")
    if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
        choice.setdefault("logprobs", {"content": []})["content"] += logprobs["content"]


def _add_calls(calls: list[Any], pieces: list[Any]) -> None:
    """Add pieces of calls to the calls of their numbers: names and arguments come bit by bit."""
    for piece in pieces:
        if not isinstance(piece, dict):
            continue
        index = piece.get("index", 0)
        if type(index) is not int or not 0 <= index <= len(calls) or index >= MOST_CHOICES:
            continue
        if index == len(calls):
            calls.append({"index": index, "function": {"name": "", "arguments": ""}})
        calls[index] |= {name: piece[name] for name in ("id", "type") if piece.get(name)}
        function = piece.get("function")
        for name in ("name", "arguments"):
            if isinstance(function, dict) and isinstance(function.get(name), str):
                calls[index]["function"][name] += function[name]
