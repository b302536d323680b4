"""What a recipe sets is sent as each kind of server knows it, and what a server does not take is said by name."""

from __future__ import annotations

import json
import logging
import math
import re
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from schemas.recipe.models import OpenAI
from schemas.request import Completion, EngineError, Failure, Message, Options, Reply, Request, Sampling
from tasks.engines.openai.capabilities import is_same_model
from tasks.engines.openai.engine import OpenAIEngine
from tasks.engines.openai.servers import find_hottest, read_owner
from tests import golden
from tests.endpoints import SERVERS
from tests.faulty_server import Act, Asked, FaultyServer, Script, problem

HERE = Path(__file__).parent
ASKED = Request("finch", "", (Message("system", "Count."), Message("user", "From 1.")), Sampling(16), prefix="1, 2,")
SCHEMA = replace(ASKED, prefix="", sampling=Sampling(16, schema='{"type": "object"}'))
ALL = Sampling(16, 0.5, 0.9, ("END",), "", 20, 0.05, 1.1, 0.5, 0.25, (7, 8))


def opened(server: FaultyServer, **settings: Any) -> closing[OpenAIEngine]:
    declared = {"engine": "openai", "model": "finch", "url": server.url, "concurrency": 1} | settings
    return closing(OpenAIEngine(OpenAI.model_validate(declared), _backoff=0.001))


def answer(server: FaultyServer, *requests: Request, **settings: Any) -> list[Reply]:
    with opened(server, **settings) as engine:
        return list(engine.answer(requests))


def ask(script: Script, *requests: Request, **settings: Any) -> tuple[list[Reply], list[dict[str, Any]]]:
    """The replies of a server, and the bodies that it was sent."""
    with FaultyServer(script) as server:
        return answer(server, *requests, **settings), [asked.body for asked in server.asked]


def samples(count: int, **more: Any) -> list[Request]:
    return [replace(ASKED, sample=number, **more) for number in range(count)]


def texts(replies: list[Reply]) -> list[str]:
    return [reply.text for reply in replies if isinstance(reply, Completion)]


def test_all_that_is_set_is_sent_and_what_is_not_is_not() -> None:
    options = Options(
        template='{"enable_thinking": false}', extra='{"reasoning_effort": "low"}', omit=("seed", "logprobs")
    )
    _, (bare, likely, full) = ask(
        SERVERS["vllm-serve"],
        replace(ASKED, prefix=""),
        replace(ASKED, prefix="", logprobs=True),
        replace(ASKED, sampling=ALL, options=options, logprobs=True),
    )
    common = {"model": "finch", "max_tokens": 16, "n": 1, "stream": False}
    messages = [{"role": "system", "content": "Count."}, {"role": "user", "content": "From 1."}]
    seed = replace(ASKED, prefix="").seed
    assert bare == common | {"messages": messages, "temperature": 1.0, "top_p": 1.0, "seed": seed}
    assert likely == bare | {"logprobs": True}, "log-probabilities cost: they are asked for by who needs them"
    assert full == common | {
        "messages": [*messages, {"role": "assistant", "content": "1, 2,"}],
        "continue_final_message": True,
        "add_generation_prompt": False,
        "temperature": 0.5,
        "top_p": 0.9,
        "stop": ["END"],
        "top_k": 20,
        "min_p": 0.05,
        "repetition_penalty": 1.1,
        "repeat_penalty": 1.1,
        "presence_penalty": 0.5,
        "frequency_penalty": 0.25,
        "stop_token_ids": [7, 8],
        "chat_template_kwargs": {"enable_thinking": False},
        "reasoning_effort": "low",
    }


def test_what_is_left_to_the_server_is_not_sent() -> None:
    _, (body,) = ask(
        SERVERS["vllm-serve"], replace(ASKED, options=Options(omit=("logprobs", "seed", "temperature", "top_p")))
    )
    assert not {"temperature", "top_p", "seed", "logprobs"} & set(body)


def test_a_base_model_goes_on_with_a_text() -> None:
    logprobs = {"tokens": [" 3", ","], "token_logprobs": [-0.5, -0.25], "top_logprobs": [{" 3": -0.5, "4": -2.0}, {}]}

    def script(asked: Any) -> Any:
        act = SERVERS["vllm-serve"](asked)
        value = json.loads(act.content)
        value["choices"][0]["logprobs"] = logprobs
        return replace(act, content=json.dumps(value).encode())

    ((reply,), (body,)) = ask(script, replace(ASKED, options=Options("completions"), logprobs=True), api="completions")
    assert "messages" not in body and (body["prompt"], body["logprobs"]) == ("Count.\n\nFrom 1.1, 2,", 1)
    assert isinstance(reply, Completion) and reply.text.startswith(" 3, 4,") and reply.logprob == -0.75
    choosing = replace(ASKED, options=Options("completions"), choices=("3", "5"))
    ((reply,), (body,)) = ask(script, choosing, api="completions")
    assert body["logprobs"] == 5 and isinstance(reply, Completion) and reply.choice_logprobs == (-0.5, -math.inf)


def test_samples_of_one_prompt_are_asked_for_together_and_counted_once() -> None:
    replies, bodies = ask(SERVERS["vllm-serve"], *samples(5), *samples(1, prefix="9,"), n=4)
    assert [body["n"] for body in bodies] == [4, 1, 1]
    assert sorted(reply.request for reply in replies) == sorted(r.id for r in [*samples(5), *samples(1, prefix="9,")])
    together = [reply for reply in replies if isinstance(reply, Completion)][:4]
    assert sum(reply.tokens for reply in together) == 24 and sum(reply.prompt_tokens for reply in together) == 10


@pytest.mark.parametrize(("server", "asked"), [("ollama", [3, 1, 1]), ("lm-studio", [3, 1, 1]), ("anthropic", [3, 1, 1, 1]), ("llama-cpp", [3, 1, 1, 1])],
)  # fmt: skip
def test_an_endpoint_that_gives_one_sample_at_a_time_is_asked_for_each(server: str, asked: list[int]) -> None:
    replies, bodies = ask(SERVERS[server], *samples(3, prefix=""), n=3)
    assert [body["n"] for body in bodies] == asked
    assert sorted(reply.request for reply in replies) == sorted(request.id for request in samples(3, prefix=""))
    assert len(texts(replies)) == 3


def forms(bodies: list[dict[str, Any]]) -> list[str | None]:
    return [body.get("response_format", {}).get("type") for body in bodies]


def test_the_form_of_an_answer_is_found_out_once_and_said(caplog: pytest.LogCaptureFixture) -> None:
    replies, bodies = ask(SERVERS["llama-cpp-python"], SCHEMA, replace(SCHEMA, sample=1))
    assert texts(replies) == ['{"count": 1}'] * 2
    assert forms(bodies) == ["json_schema", "json_schema", "json_object", "json_object"]
    (result,) = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert result.endswith(
        "takes no `response_format: json_schema`; it is asked for `json_object`, and answers are read with care"
    )


def test_an_error_inside_that_goes_away_is_not_taken_for_a_refusal_of_schemas() -> None:
    def script(asked: Any) -> Any:
        return SERVERS["llama-cpp-python" if asked.number == 0 else "vllm-serve"](asked)

    _, bodies = ask(script, SCHEMA, replace(SCHEMA, sample=1))
    assert forms(bodies) == ["json_schema"] * 3


def test_a_server_that_ignores_the_form_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    replies, _ = ask(SERVERS["anthropic"], *(replace(SCHEMA, sample=number) for number in range(12)))
    assert texts(replies) == ["Here is the JSON: {count: 1}"] * 12
    records = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(records) == 1 and "ignores `response_format: json_schema`: 8 of 8 answers are no JSON" in records[0]


def test_an_answer_that_is_cut_off_before_its_limit_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    def script(asked: Any) -> Any:
        act = SERVERS["vllm-serve"](asked)
        return replace(act, content=act.content.replace(b'"stop"', b'"length"'))

    replies, _ = ask(script, *samples(2))
    assert [reply.finish for reply in replies if isinstance(reply, Completion)] == ["length"] * 2
    records = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert len(records) == 1 and "cut an answer off at 6 tokens where 16 were allowed" in records[0]


def test_an_endpoint_with_another_name_for_the_limit_is_asked_by_that() -> None:
    replies, bodies = ask(SERVERS["openai"], replace(ASKED, options=Options(omit=("logprobs", "top_p"))))
    assert len(texts(replies)) == 1 and "max_tokens" in bodies[0] and bodies[-1]["max_completion_tokens"] == 16


REFUSED = {
    "openai: top_k": ("openai", Sampling(16, top_k=20), Options(omit=("logprobs", "top_p"))),
    "openai: temperature": ("openai", Sampling(16, 0.7), Options(omit=("logprobs", "top_p"))),
    "openai: top_p": ("openai", Sampling(16), Options(omit=("logprobs",))),
    "openai: extra": ("openai", Sampling(16), Options(extra='{"thinking": true}', omit=("logprobs", "top_p"))),
    "gemini: min_p": ("gemini", Sampling(16, min_p=0.1), Options()),
    "gemini: template": ("gemini", Sampling(16), Options(template='{"enable_thinking": false}')),
    "gemini: repetition_penalty": ("gemini", Sampling(16, repetition_penalty=1.1), Options()),
}


def test_a_setting_that_an_endpoint_refuses_is_named() -> None:
    lines = []
    for name, (server, sampling, options) in REFUSED.items():
        with pytest.raises(EngineError) as error:
            ask(SERVERS[server], replace(ASKED, prefix="", sampling=sampling, options=options))
        lines.append(f"{name}: {re.sub(r':[0-9]+/', ':PORT/', str(error.value))}")
    golden.check(HERE / "openai-settings.txt", "\n".join(lines) + "\n")


IGNORED = {
    "library": Sampling(16, top_k=20, min_p=0.1),
    "llamacpp": Sampling(16, top_k=20, stop_token_ids=(2,)),
    "organization_owner": Sampling(16, min_p=0.1),
    "anthropic": Sampling(16, presence_penalty=0.5),
    "anthropic ": Sampling(16, 1.5),
}


def test_a_setting_that_a_server_ignores_without_a_word_is_named() -> None:
    lines = []
    for owner, sampling in IGNORED.items():
        with FaultyServer(SERVERS["ollama"], owner.strip()) as server, pytest.raises(EngineError) as error:
            answer(server, replace(ASKED, sampling=sampling))
        assert not server.asked
        lines.append(f"{owner}: {str(error.value).replace(server.url, 'URL')}")
    golden.check(HERE / "openai-ignored.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("owner", ["", "vllm", "someone"])
def test_a_server_that_is_not_known_is_sent_everything(owner: str) -> None:
    with FaultyServer(SERVERS["vllm-serve"], owner) as server:
        answer(server, replace(ASKED, sampling=ALL))
        with opened(server) as engine:
            assert engine.find_server() == f"{server.url} {owner}".strip()
    assert server.asked[0].body["top_k"] == 20


@pytest.mark.parametrize(
    ("answered", "asked", "same"),
    [
        ("gpt-4.1-2025-04-14", "gpt-4.1", True),
        ("llama3:latest", "llama3", True),
        ("models/Finch-2B.gguf", "finch-2b", True),
        ("Qwen/Qwen2.5-1.5B", "Qwen2.5-1.5B", True),
        ("qwen2.5-coder", "qwen2.5", False),
        ("sparrow", "finch", False),
        ("gpt-4.1-mini", "gpt-4.1", False),
    ],
)
def test_names_of_the_same_model(answered: str, asked: str, same: bool) -> None:
    assert is_same_model(answered, asked) is same


def test_another_name_that_means_the_model_is_accepted_where_the_recipe_says_so() -> None:
    def script(asked: Any) -> Any:
        return SERVERS["vllm-serve"](replace(asked, body=asked.body | {"model": "deployment-7"}))

    replies, _ = ask(script, ASKED, answers_as="deployment-7")
    assert len(texts(replies)) == 1


FAILURES = {
    "vllm: a template that fails": problem(400, "Conversation roles must alternate user/assistant/user/assistant/..."),
    "llama.cpp: a template that fails": problem(500, "Jinja Exception: System role not supported"),
    "llama.cpp: longer than the context": problem(
        400, "request (9031 tokens) exceeds the available context size (2048 tokens), try increasing it"
    ),
    "llama.cpp of 2024: longer than the context": problem(
        500, "the request exceeds the available context size. try increasing the context size or enable context shift"
    ),
    "vllm: longer than the context": problem(
        400,
        "This model's maximum context length is 2048 tokens. However, you requested 9047 tokens (9031 in the messages)",
    ),
    "vllm 0.15: longer than the context": problem(
        400,
        "This model's maximum context length is 2048 tokens. However, your request has 8 input tokens plus 2045 'max_tokens'. "
        "Please reduce one or the other. (parameter=input_tokens, max_tokens, value=(8, 2045))",
        type="BadRequestError",
        param="input_tokens, max_tokens",
        code=400,
    ),
    "vllm: another error": problem(400, "chat_template_kwargs must be an object"),
}


def _do(act: Act, _: Asked) -> Act:
    return act


def test_a_request_that_a_server_cannot_answer_is_a_failure_with_a_reason() -> None:
    lines = []
    for name, act in FAILURES.items():
        with FaultyServer(partial(_do, act)) as server:
            (reply,) = answer(server, ASKED)
        assert isinstance(reply, Failure)
        lines.append(f"{name}: {reply.reason}: {reply.detail}")
    golden.check(HERE / "openai-failures.txt", "\n".join(lines) + "\n")


def test_a_list_of_models_without_a_signature_is_known_by_its_shape() -> None:
    entry = {"type": "model", "id": "claude", "display_name": "Claude", "created_at": "2025-09-29T00:00:00Z"}
    assert read_owner({"data": [entry], "has_more": False}, "claude") == "anthropic"
    assert read_owner({"data": [{"id": "claude", "type": "model"}]}, "claude") == ""
    hot = replace(ASKED, sampling=Sampling(16, 1.5))
    assert find_hottest("anthropic", hot) == 1.0
    assert find_hottest("anthropic", replace(hot, options=Options(omit=("temperature",)))) is None
    assert find_hottest("vllm", hot) is None
