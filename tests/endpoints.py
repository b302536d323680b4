"""Stand-ins for the servers that speak OpenAI's protocol: each takes, refuses and ignores what that server does.

What they do was taken from the servers' own documentation and source, and for
llama.cpp from running it (the wheels of November 2026). They answer with no
model: a text that goes on counting, or JSON where they are held to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.llm.continuation import UNASKED
from tests.faulty_server import Act, Asked, Script, completion, problem

COMMON = {
    "model", "messages", "prompt", "stream", "n", "temperature", "top_p", "max_tokens", "stop", "seed", "presence_penalty",
    "frequency_penalty", "response_format", "logprobs",
}  # fmt: skip
FURTHER = {"top_k", "min_p", "repetition_penalty", "repeat_penalty", "stop_token_ids", "chat_template_kwargs"}
CONTINUING = {"continue_final_message", "add_generation_prompt"}
_NUMBERS = re.compile(r"\d+")


def allow_keys(folder: Path, monkeypatch: pytest.MonkeyPatch, **hosts: str) -> None:
    """Let keys be sent to hosts, by a configuration in a folder."""
    config = folder / "config.toml"
    lines = "".join(f"{variable} = {json.dumps(host.split())}\n" for variable, host in hosts.items())
    config.write_text(f"[keys]\n{lines}")
    monkeypatch.setenv("ERRATA_CONFIG", str(config))


def _go_on(body: dict[str, Any], beginning: str = "", count: int = 8) -> str:
    """What comes behind the beginning of an answer: the rest of what is to be repeated, or the next numbers."""
    prompt = body["prompt"] if "prompt" in body else body["messages"][-2 if beginning else -1]["content"]
    _, asked, copied = prompt.partition("and nothing else:\n\n")
    begun = beginning.removeprefix(UNASKED)
    if asked and copied.startswith(begun):
        return str(copied[len(begun) :])
    text = prompt if "prompt" in body else beginning
    last = int((_NUMBERS.findall(text) or ["0"])[-1])
    return "".join(f" {number}," for number in range(last + 1, last + 1 + count))


def _answer(asked: Asked, text: str | None = None, **more: Any) -> Act:
    """A completion as most servers give it: JSON where it is held to it, as many as are asked for."""
    body = asked.body
    result = text if text is not None else _say(body)
    choices = []
    for number in range(body.get("n", 1)):
        content = {"text": result} if "prompt" in body else {"message": {"role": "assistant", "content": result}}
        choices.append({"index": number, **content, "finish_reason": "stop"})
    usage = {"prompt_tokens": 10, "completion_tokens": 6 * len(choices)}
    return completion(None, choices=choices, usage=usage, model=body["model"], **more)


def _say(body: dict[str, Any]) -> str:
    if body.get("response_format"):
        return json.dumps({"count": 1})
    return _go_on(body, "" if "prompt" in body else _last(body, "assistant") or "")


def _begin_anew(body: dict[str, Any]) -> str:
    """The answer to a conversation without the beginning of one."""
    return _go_on(body | {"messages": body["messages"][:-1]})


def _last(body: dict[str, Any], role: str) -> str | None:
    """The content of the last message, where it is of this role."""
    return str(body["messages"][-1]["content"]) if body["messages"][-1]["role"] == role else None


def _strict(takes: set[str], refuse: Callable[[str], Act]) -> Script:
    def script(asked: Asked) -> Act:
        unknown = sorted(set(asked.body) - takes)
        return refuse(unknown[0]) if unknown else _answer(asked)

    return script


def vllm(asked: Asked) -> Act:
    """`vllm serve`: takes everything, and goes on with a last message where it is told to; begins anew where not."""
    body = asked.body
    if "messages" in body and _last(body, "assistant") is not None and not body.get("continue_final_message"):
        return _answer(asked, _begin_anew(body))
    return _answer(asked)


def llama_cpp(asked: Asked) -> Act:
    """llama-server: has its own name for a penalty, gives as many samples as it has slots, and repeats the beginning of an answer."""
    body = asked.body
    if body.get("n", 1) > 1:  # of `--parallel 1`
        message = f"Field 'n': Value must be between 1 <= value <= 1, but got {body['n']}"
        return problem(400, message, code=400, type="invalid_request_error")
    beginning = _last(body, "assistant") if "messages" in body else None
    text = f"{beginning}{_go_on(body, beginning)}" if beginning is not None else None
    return _answer(asked, text)


def llama_cpp_python(asked: Asked) -> Act:
    """`python -m llama_cpp.server`: refuses schemas by an error of its own, and begins an answer anew."""
    body = asked.body
    if body.get("response_format", {}).get("type") == "json_schema":
        return problem(500, "[{'type': 'literal_error', 'loc': ('body', 'response_format', 'type')}]")
    if "messages" in body and _last(body, "assistant") is not None:
        return _answer(asked, _begin_anew(body))
    return _answer(asked)


def ollama(asked: Asked) -> Act:
    """Ollama: takes everything and ignores what it does not know; goes on with a last message of the assistant's."""
    return _answer_once(asked)


def _answer_once(asked: Asked, text: str | None = None) -> Act:
    """One sample, however many are asked for."""
    value = json.loads(_answer(asked, text).content)
    return Act(json.dumps(value | {"choices": value["choices"][:1]}).encode(), answers=True)


def openai(asked: Asked) -> Act:
    """OpenAI, a model that reasons: another name for the limit, no sampling, nothing unknown."""
    body = asked.body
    if "max_tokens" in body:
        message = (
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
        )
        return problem(400, message, param="max_tokens", code="unsupported_parameter")
    if body.get("temperature", 1) != 1:
        message = "Unsupported value: 'temperature' does not support 0.7 with this model. Only the default (1) value is supported."
        return problem(400, message, param="temperature", code="unsupported_value")
    for name in ("top_p", "logprobs"):
        if name in body:
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            return problem(400, message, param=name, code="unsupported_parameter")
    takes = COMMON - {"max_tokens"} | {"max_completion_tokens", "reasoning_effort"}

    def refuse(name: str) -> Act:
        message = f"Unrecognized request argument supplied: {name}"
        return problem(400, message, type="invalid_request_error", param=None, code=None)

    return _strict(takes, refuse)(asked)


def anthropic(asked: Asked) -> Act:
    """Anthropic's compatible endpoint: ignores most of what it does not know, one sample at a time, no schemas."""
    body = asked.body
    if body["n"] != 1:
        return problem(400, "n: only 1 is supported", type="invalid_request_error", param="n")
    if _last(body, "assistant") is not None:
        return problem(
            400,
            "This model does not support assistant message prefill. The conversation must end with a user message.",
            type="invalid_request_error",
        )
    return _answer(asked, "Here is the JSON: {count: 1}" if body.get("response_format") else None)


def gemini(asked: Asked) -> Act:
    """Gemini's compatible endpoint: knows few fields, and refuses the others by name."""
    takes = COMMON - {"seed", "logprobs"} | {"reasoning_effort"}

    def refuse(name: str) -> Act:
        message = f'Invalid JSON payload received. Unknown name "{name}": Cannot find field.'
        return Act(
            json.dumps([{"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}]).encode(), 400
        )

    return _strict(takes, refuse)(asked)


def lm_studio(asked: Asked) -> Act:
    """LM Studio: takes everything, ignores what it does not know, gives one sample at a time, and begins an answer anew."""
    body = asked.body
    if body.get("response_format", {}).get("type") == "json_object":  # its errors are texts
        return Act(json.dumps({"error": "'response_format.type' must be 'json_schema' or 'text'"}).encode(), 400)
    return _answer_once(asked, _begin_anew(body) if _last(body, "assistant") is not None else None)


SERVERS: dict[str, Script] = {
    "vllm-serve": vllm,
    "llama-cpp": llama_cpp,
    "llama-cpp-python": llama_cpp_python,
    "ollama": ollama,
    "lm-studio": lm_studio,
    "openai": openai,
    "anthropic": anthropic,
    "gemini": gemini,
}
"""By the names of their recipes in docs/examples/endpoints."""
OWNERS = {"vllm-serve": "vllm", "llama-cpp": "llamacpp", "ollama": "library", "lm-studio": "organization_owner"}
"""How they sign their lists of models."""
