"""The chat completions that OpenAI-compatible endpoints give.

What comes back is untrusted: every field is looked at before it is used.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from schemas.request import Finish, replace_surrogates
from tasks.engines.token_statistics import list_alternatives, read_logprob

LONGEST_TEXT = 1_000_000
"""Characters of an answer, at most."""
CONTENT_FILTER, OVERLONG = "content filter", "overlong answer"
SCHEMA = "response_format"
"""The optional field that holds an answer to a JSON schema."""
_LARGEST = 2**31
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Usage:
    """The tokens that an endpoint counted."""

    prompt_tokens: int
    tokens: int
    thinking_tokens: int | None = None
    """How many of `tokens` are thoughts, where the endpoint says."""


@dataclass(frozen=True)
class Answer:
    """What a model answered."""

    text: str
    finish: Finish
    usage: Usage | None
    """None where the endpoint does not say."""
    logprobs: tuple[float, ...] | None
    """The log-probability of each token; None where one is missing or odd."""
    thinking: str = ""
    """What the endpoint gave apart from the text as the model's thoughts."""
    tool_calls: str = ""
    """The calls of tools, as JSON."""
    model: str = ""
    """The name under which the endpoint answers; empty where it does not say."""
    alternatives: tuple[tuple[str, float], ...] = ()
    """The likeliest first tokens with their log-probabilities, where they were asked for and given."""


@dataclass(frozen=True)
class Refusal:
    """This request gets no answer; others may."""

    reason: str
    detail: str
    usage: Usage | None = None
    named: frozenset[str] = frozenset()
    """The optional fields that the endpoint names as what it does not take."""
    parameter: str = ""
    """The field that the endpoint points at, where it does."""


@dataclass(frozen=True)
class FailedExchange:
    """An exchange that brought nothing."""

    problem: str
    advice: str
    again: bool = True
    """Whether it may go well another time."""
    wait: float = 0.0
    """Seconds that the endpoint wants to be left alone."""
    is_away: bool = False
    """Whether nobody was there to be asked, or nobody who has time."""
    status: int = 0
    """The status of the response; 0 where there was none, or it was well."""


Outcome = Answer | Refusal | FailedExchange


def parse_json(content: bytes) -> Any:
    """The JSON value of some bytes; `ValueError` where they are none."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_answer(content: bytes) -> Outcome:
    """The answer in the body of a 200."""
    try:
        value = parse_json(content)
    except ValueError as error:
        return _odd(f"{len(content):,} bytes that are not JSON ({error})")
    choice = _first(value)
    if choice is None:
        return _odd(f"JSON without `choices[0].message`: {read_error(content)}")
    usage, finish = _usage(value.get("usage")), choice.get("finish_reason")
    if finish == "content_filter":
        return Refusal(CONTENT_FILTER, "finish_reason is content_filter", usage)
    if not isinstance(finish, str) or finish in ("error", "abort"):
        return _odd(f"finish_reason {json.dumps(finish)[:80]}")
    message = choice["message"]
    text, thinking = _text(message.get("content")), _thinking(message)
    if text is None:
        return _odd("a `message.content` that is no text")
    if (length := len(text) + len(thinking)) > LONGEST_TEXT:
        return Refusal(OVERLONG, f"{length:,} characters, at most {LONGEST_TEXT:,} are taken", usage)
    ended: Finish = "length" if finish in ("length", "max_tokens") else "stop"
    calls = message.get("tool_calls")
    tool_calls = json.dumps(calls) if isinstance(calls, list) and calls else ""
    model = value.get("model")
    named = replace_surrogates(model)[:_LONGEST_NAME] if isinstance(model, str) else ""
    logprobs, alternatives = _read_logprobs(choice.get("logprobs"))
    return Answer(text, ended, usage, logprobs, thinking, tool_calls, named, alternatives)


def _odd(problem: str) -> FailedExchange:
    return FailedExchange(problem, "check that `url` is that of an OpenAI-compatible endpoint")


def _first(value: Any) -> dict[str, Any] | None:
    choices = value.get("choices") if isinstance(value, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    return choice if isinstance(choice, dict) and isinstance(choice.get("message"), dict) else None


def _text(content: Any) -> str | None:
    """The text of a message's content: a string, none at all, or a list of parts."""
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"]
        content = "".join(part for part in parts if isinstance(part, str))
    if content is None:
        return ""
    if not isinstance(content, str):
        return None
    return replace_surrogates(content)  # JSON can hold half a surrogate pair


def _thinking(message: dict[str, Any]) -> str:
    """The thoughts that an endpoint gives beside the content, or as parts of it; the first field that has any."""
    for name in ("reasoning_content", "reasoning", "thinking"):
        if isinstance(value := message.get(name), str) and value.strip():
            return replace_surrogates(value)
    parts = [
        _part(part)
        for name in ("reasoning_details", "content")
        if isinstance(message.get(name), list)
        for part in message[name]
        if isinstance(part, dict) and str(part.get("type")).startswith(("thinking", "reasoning"))
    ]
    return replace_surrogates("".join(parts))


def _part(part: dict[str, Any]) -> str:
    """The text of a part that is a thought: a string, or a list of texts."""
    value = part.get("thinking", part.get("text"))
    if isinstance(value, list):
        value = _text(value)
    return value if isinstance(value, str) else ""


def _count(value: Any) -> int | None:
    return value if type(value) is int and 0 <= value < _LARGEST else None


def _usage(value: Any) -> Usage | None:
    if not isinstance(value, dict):
        return None
    prompt, tokens = _count(value.get("prompt_tokens")), _count(value.get("completion_tokens"))
    details = value.get("completion_tokens_details")
    thinking = _count(details.get("reasoning_tokens") if isinstance(details, dict) else value.get("reasoning_tokens"))
    return None if prompt is None or tokens is None else Usage(prompt, tokens, thinking)


def _read_logprobs(value: Any) -> tuple[tuple[float, ...] | None, tuple[tuple[str, float], ...]]:
    """The tokens' log-probabilities, None where one is missing or odd; and what else the first token might have been."""
    tokens = value.get("content") if isinstance(value, dict) else None
    if not isinstance(tokens, list) or not tokens:
        return None, ()
    logprobs = [read_logprob(token.get("logprob")) if isinstance(token, dict) else None for token in tokens]
    numbers = tuple(logprob for logprob in logprobs if logprob is not None)
    return numbers if len(numbers) == len(logprobs) else None, tuple(list_alternatives(tokens[0]))


def read_error(content: bytes) -> str:
    """The error in a body, as one text; the input that some servers repeat is left out."""
    try:
        error = find_error(parse_json(content))
    except ValueError:
        return content.decode("utf-8", "replace")
    if not isinstance(error, dict):
        return error if isinstance(error, str) else json.dumps(error)
    parts = [_line(error.get(name)) for name in ("message", "detail", "code", "type", "status", "param")]
    return ", ".join(part for part in parts if part) or json.dumps(error)


def find_error(value: Any) -> Any:
    """What a body says of an error: as OpenAI has it, in a list of one as Google has it, a text as LM Studio has it, or all of it."""
    if isinstance(value, list) and value and isinstance(value[0], dict) and "error" in value[0]:
        value = value[0]
    return value.get("error", value) if isinstance(value, dict) else value


def _line(value: Any) -> str:
    if isinstance(value, list):  # what FastAPI says of each field it does not take
        items = [item for item in value if isinstance(item, dict)]
        return "; ".join(f"{item.get('loc')} {item.get('msg')}" for item in items)
    return value if isinstance(value, str) else ""
