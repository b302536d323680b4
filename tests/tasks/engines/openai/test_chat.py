"""What endpoints send back is read without trust: whatever it is, it is an answer, a refusal or a fault."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.request import Message, Request, Sampling
from tasks.engines.openai.body import make_body
from tasks.engines.openai.budget import price_at_most
from tasks.engines.openai.chat import Answer, FailedExchange, Refusal, Usage, read_answer
from tasks.engines.openai.http_errors import classify_status, retry_after
from tasks.engines.openai.rate_limit import LONGEST_REST, choose_backoff

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
JSON = st.recursive(SCALARS, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3))
FIELDS = {
    "choices": st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "message": st.fixed_dictionaries({}, optional={"content": JSON}) | JSON,
                "finish_reason": st.sampled_from(["stop", "length", "content_filter"]) | JSON,
                "logprobs": st.fixed_dictionaries({"content": st.lists(st.fixed_dictionaries({"logprob": JSON}))})
                | JSON,
            },
        )
        | JSON,
        max_size=2,
    )
    | JSON,
    "usage": st.fixed_dictionaries({"prompt_tokens": JSON, "completion_tokens": JSON}) | JSON,
    "error": st.fixed_dictionaries({}, optional={"message": JSON, "param": JSON, "detail": JSON}) | JSON,
    "detail": JSON,
}
BODIES = st.fixed_dictionaries({}, optional=FIELDS).map(lambda value: json.dumps(value).encode()) | st.binary()


def said(content: Any, finish: Any = "stop", **more: Any) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": finish} | more]}).encode()


@given(BODIES)
@example(b"[" * 100_000)
@example(b"9" * 5_000)
@example(said("\ud800 half a pair"))
def test_whatever_a_200_holds_it_is_read(content: bytes) -> None:
    outcome = read_answer(content)
    assert isinstance(outcome, Answer | Refusal | FailedExchange)
    if isinstance(outcome, Answer):
        outcome.text.encode()
        assert all(math.isfinite(logprob) and logprob <= 0 for logprob in outcome.logprobs or ())
        assert outcome.usage is None or min(outcome.usage.prompt_tokens, outcome.usage.tokens) >= 0


@given(st.integers(201, 999), st.dictionaries(st.sampled_from(["retry-after", "location"]), st.text()), BODIES)
def test_whatever_another_status_holds_it_is_no_answer(status: int, headers: dict[str, str], content: bytes) -> None:
    outcome = classify_status(status, headers, content, None)
    assert isinstance(outcome, Refusal) or (isinstance(outcome, FailedExchange) and outcome.problem and outcome.advice)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("four", "four"),
        ("\ud83d\ude00 \ud800", "😀 \N{REPLACEMENT CHARACTER}"),
        ([{"type": "text", "text": "fo"}, {"type": "image", "text": "?"}, {"type": "text", "text": "ur"}], "four"),
        (None, ""),
    ],
)
def test_texts(content: Any, text: str) -> None:
    outcome = read_answer(said(content))
    assert isinstance(outcome, Answer) and outcome.text == text


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": "2 + 2?"},
        {"reasoning": "2 + 2?"},
        {"reasoning": "2 + 2?", "reasoning_content": "2 + 2?"},
        {"reasoning_content": None, "reasoning": "2 + 2?"},
        {"thinking": "2 + 2?"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "2 +"}, {"type": "reasoning.text", "text": " 2?"}]},
        {
            "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "2 + 2?"}]},
                {"type": "text", "text": "four"},
            ]
        },
    ],
)
def test_thoughts_beside_the_content(fields: dict[str, Any]) -> None:
    message = {"content": "four", "tool_calls": [{"id": "1"}], **fields}
    outcome = read_answer(json.dumps({"choices": [{"message": message, "finish_reason": "stop"}]}).encode())
    assert isinstance(outcome, Answer)
    assert (outcome.text, outcome.thinking, outcome.tool_calls) == ("four", "2 + 2?", '[{"id": "1"}]')


@pytest.mark.parametrize(
    ("tokens", "logprobs"),
    [
        ([{"logprob": -0.5}, {"logprob": -2}], (-0.5, -2.0)),
        ([{"logprob": 1e-9}], (0.0,)),
        ([{"logprob": -0.5}, {"token": "?"}], None),
        ([{"logprob": -0.5}, {"logprob": float("-inf")}], None),
        ([{"logprob": float("nan")}], None),
        ([{"logprob": 0.5}], None),
        ([{"logprob": True}], None),
        ([{"logprob": "-1"}], None),
        ([{"logprob": 10**400}], None),
        ([], None),
    ],
)
def test_log_probabilities_are_of_all_tokens_or_unknown(tokens: Any, logprobs: Any) -> None:
    outcome = read_answer(said("four", logprobs={"content": tokens}))
    assert isinstance(outcome, Answer) and outcome.logprobs == logprobs


def test_first_tokens_that_might_have_been_are_read_and_odd_ones_left_out() -> None:
    listed = [
        {"token": "A", "logprob": -0.25},
        {"token": 7, "logprob": -1},
        {"token": "B", "logprob": "?"},
        {"token": "C", "logprob": 10**400},
        "C",
        {"token": " B", "logprob": -2},
    ]
    outcome = read_answer(said("A", logprobs={"content": [{"token": "A", "logprob": -0.25, "top_logprobs": listed}]}))
    assert isinstance(outcome, Answer) and outcome.alternatives == (("A", -0.25), (" B", -2.0))
    assert isinstance(odd := read_answer(said("A", logprobs={"content": [{"logprob": -1, "top_logprobs": 3}]})), Answer)
    assert odd.alternatives == ()


@pytest.mark.parametrize(
    ("usage", "known"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 0}, Usage(3, 0)),
        (
            {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": {"reasoning_tokens": 4}},
            Usage(3, 9, 4),
        ),
        ({"prompt_tokens": 3, "completion_tokens": 9, "reasoning_tokens": 4}, Usage(3, 9, 4)),
        ({"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": None}, Usage(3, 9)),
        ({"prompt_tokens": 3}, None),
        ({"prompt_tokens": -3, "completion_tokens": 1}, None),
        ({"prompt_tokens": 3.0, "completion_tokens": 1}, None),
        ({"prompt_tokens": 10**30, "completion_tokens": 1}, None),
        ({"prompt_tokens": True, "completion_tokens": 1}, None),
    ],
)
def test_usage_is_known_or_not(usage: Any, known: Usage | None) -> None:
    outcome = read_answer(said("four")[:-1] + b', "usage": ' + json.dumps(usage).encode() + b"}")
    assert isinstance(outcome, Answer) and outcome.usage == known


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3.0),
        (" 0.25 ", 0.25),
        ("0", 0.0),
        (format_datetime(NOW + timedelta(seconds=90), usegmt=True), 90.0),
        (format_datetime(NOW - timedelta(seconds=90), usegmt=True), 0.0),
        ("Sat, 21 Nov 2026 12:00:05 -0000", 5.0),
        ("Sat, 21 Nov 2026 13:00:05 +0100", 5.0),
        ("-3", None),
        ("", None),
        ("soon", None),
        ("1e9", None),
        ("٣", None),
        ("Sat, 99 Nov 2026 12:00:05 GMT", None),
    ],
)
def test_how_long_an_endpoint_wants_to_be_left_alone(value: str, seconds: float | None) -> None:
    assert retry_after(value, NOW) == seconds


@given(st.text(), st.text(), st.integers(1, 10_000))
def test_a_request_is_never_dearer_than_what_is_set_aside(text: str, prefix: str, most: int) -> None:
    request = Request("finch", "", (Message("user", text),), Sampling(most), prefix=prefix)
    assert price_at_most(None, request).tokens >= len((text + prefix).encode("utf-8", "surrogatepass")) + most
    json.loads(make_body(request, frozenset()).decode("ascii"))


@given(st.integers(1, 10_000), st.floats(0.001, 10))
def test_rests_grow_and_stay_bounded(attempt: int, base: float) -> None:
    longest = min(LONGEST_REST, base * 2.0 ** min(attempt - 1, 100))
    assert longest / 2 <= choose_backoff(attempt, base) <= longest
