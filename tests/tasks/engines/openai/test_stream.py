"""An answer that is streamed is the answer that would have come in one piece."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.recipe.models import OpenAI
from schemas.request import Completion, Message, Request, Sampling
from tasks.engines.openai.chat import Answer, FailedExchange, Usage, read_answer
from tasks.engines.openai.choices import split_choices
from tasks.engines.openai.engine import OpenAIEngine
from tasks.engines.openai.stream import is_stream, join_stream
from tests.faulty_server import Act, Asked, FaultyServer

REQUEST = Request("finch", "", (Message("user", "2 + 2?"),), Sampling(16))


def delta(finish: str | None = None, index: int = 0, logprobs: Any = None, **pieces: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": index, "delta": pieces, "finish_reason": finish, "logprobs": logprobs}],
        "model": "finch",
    }


def write(*events: Any, end: str = "data: [DONE]\n\n") -> bytes:
    return ("".join(f"data: {json.dumps(event)}\n\n" for event in events) + end).encode()


WHOLE = write(
    delta(role="assistant", content=""),
    delta(reasoning_content="2 +"),
    delta(reasoning_content=" 2?"),
    delta(content="Fo"),
    delta(content="ur.", logprobs={"content": [{"token": "ur.", "logprob": -0.5}]}),
    delta("stop"),
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 9}},
)


@pytest.mark.parametrize(
    "content", [WHOLE, b": keep alive\n\n" + WHOLE, WHOLE.replace(b"\n", b"\r\n"), b"event: x\n" + WHOLE]
)
def test_pieces_are_joined(content: bytes) -> None:
    assert is_stream(content) and not is_stream(join_stream(content))
    answer = read_answer(join_stream(content))
    assert answer == Answer("Four.", "stop", Usage(3, 9), (-0.5,), "2 + 2?", "", "finch")


def test_choices_and_calls_are_joined_by_their_numbers() -> None:
    call = {"index": 0, "id": "1", "type": "function", "function": {"name": "sum", "arguments": '{"a"'}}
    rest = {"index": 0, "function": {"arguments": ": 1}"}}
    content = write(
        delta(index=1, content="b"),
        delta(content="a"),
        delta("stop", 1),
        delta(tool_calls=[call]),
        delta("tool_calls", tool_calls=[rest]),
    )
    first, second = [read_answer(choice) for choice in split_choices(join_stream(content))]
    assert isinstance(first, Answer) and isinstance(second, Answer)
    assert (first.text, second.text) == ("a", "b")
    assert json.loads(first.tool_calls)[0]["function"] == {"name": "sum", "arguments": '{"a": 1}'}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (write(delta(content="Fo"), end=""), "finish_reason null"),
        (write(delta(content="Fo"), {"error": {"message": "out of memory"}}), "out of memory"),
        (b'data: {"choices": [{"del', "not JSON"),
        (b"data: [DONE]\n", "not JSON"),
    ],
)
def test_a_stream_that_breaks_off_is_no_answer(content: bytes, problem: str) -> None:
    outcome = read_answer(join_stream(content))
    assert isinstance(outcome, FailedExchange) and problem in outcome.problem


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda x: (
        st.lists(x, max_size=3)
        | st.dictionaries(st.sampled_from(["choices", "delta", "index", "content", "tool_calls"]), x)
    ),
)


@given(st.lists(JSON), st.binary())
def test_whatever_is_streamed_is_read(events: list[Any], rest: bytes) -> None:
    outcome = read_answer(join_stream(write(*events) + rest))
    # without a finished answer there is none, and what is found is said
    assert not isinstance(outcome, FailedExchange) or outcome.problem
    assert not isinstance(outcome, str | bytes | None)


@pytest.mark.parametrize("stream", [False, True])
def test_the_engine_reads_a_stream_whether_it_asked_for_one_or_not(stream: bool) -> None:
    asked: list[Asked] = []

    def script(request: Asked) -> Act:
        asked.append(request)
        return Act(WHOLE, headers={"Content-Type": "text/event-stream"}, answers=True)

    with FaultyServer(script) as server:
        declared = OpenAI(engine="openai", model="finch", url=server.url, stream=stream)
        with closing(OpenAIEngine(declared)) as engine:
            (reply,) = engine.answer([REQUEST])
    assert isinstance(reply, Completion)
    assert (reply.text, reply.thinking, reply.tokens, reply.estimated) == ("Four.", "2 + 2?", 9, False)
    assert asked[0].body["stream"] is stream and ("stream_options" in asked[0].body) is stream
