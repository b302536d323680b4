"""The recorded engine: what is there is given, what is missing or bad is named."""

from __future__ import annotations

import json
from contextlib import closing
from math import isnan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.recipe.models import Price, Recorded
from schemas.request import Completion, EngineError, Message, Request, Sampling
from tasks.engines.recorded import LONGEST_LINE, RecordedEngine
from tasks.llm.channels import find_thoughts
from tests import golden

HERE = Path(__file__).parent
TEXTS = st.text(st.characters(codec="utf-8"))


def declared(file: Path | str | None = None, **settings: Any) -> Recorded:
    path = None if file is None else str(file)
    return Recorded(**{"engine": "recorded", "model": "finch", "file": path} | settings)


def request(text: str = "2 + 2?", max_tokens: int = 16, **more: Any) -> Request:
    return Request("finch", "", (Message("user", text),), Sampling(max_tokens), **more)


def replies(lines: list[Any], requests: list[Request], **settings: Any) -> list[Completion]:
    with closing(RecordedEngine(declared(**settings), [json.dumps(line) for line in lines])) as engine:
        results = list(engine.answer(requests))
    assert all(isinstance(result, Completion) for result in results)
    return [result for result in results if isinstance(result, Completion)]


def test_a_line_is_found_by_the_id_of_its_request() -> None:
    result = request()
    line = {"request": result.id, "text": "four", "finish": "length", "tokens": 2, "prompt_tokens": 9, "logprob": -1.5}
    (reply,) = replies([line], [result], price=Price(prompt=1e6, completion=2e6))
    expected = Completion(result.id, "four", "length", 16, 9, 2, -1.5, "recorded 1", reply.at, 13.0)
    assert reply == expected
    assert reply.answers(result)


def test_a_line_is_found_by_the_content_of_its_request_whatever_the_sampling() -> None:
    chat = (Message("system", "Be short."), Message("user", "2 + 2?"))
    asked = [
        request(),
        request(sample=1),
        request(prefix="It is"),
        Request("finch", "r", chat, Sampling(8, temperature=0.3)),
    ]
    turns = [{"role": "system", "content": "Be short."}, {"role": "user", "content": "2 + 2?"}]
    lines = [
        {"messages": turns, "text": "d"},
        {"prompt": "2 + 2?", "prefix": "It is", "text": "c"},
        {"prompt": "2 + 2?", "sample": 1, "text": "b"},
        {"messages": turns[1:], "sample": 0, "text": "a"},
    ]
    result = replies(lines, asked)
    assert [(item.request, item.text) for item in result] == list(zip((item.id for item in asked), "abcd", strict=True))
    assert {(item.tokens, item.prompt_tokens, item.logprob, item.price) for item in result} == {(0, 0, None, None)}


def test_what_lines_say_of_tokens_is_given_where_it_is_asked_for() -> None:
    lines = [
        {"prompt": "a", "text": "four", "tokens": 2, "token_logprobs": [-0.5, -1.5], "self_certainty": 7.0},
        {"prompt": "b", "text": "four", "tokens": 2},
    ]
    asked = [request(name, statistics=("self_certainty", "token_logprobs"), logprobs=True) for name in "ab"]
    full, bare = replies(lines, asked)
    assert (full.logprob, full.self_certainty, full.min_k20, full.token_logprobs) == (-2.0, 7.0, -1.5, (-0.5, -1.5))
    assert bare.logprob is not None and isnan(bare.logprob) and bare.token_logprobs == ()
    assert [reply.answers(each) for reply, each in zip((full, bare), asked)] == [True, True], (
        "what is not there is known"
    )
    with pytest.raises(EngineError, match=r"\(one that was asked without their tokens' probabilities is none\)"):
        replies([], [request("a", statistics=("min_k20",))])
    plain, _ = replies(lines, [request("a"), request("b")])
    assert (plain.self_certainty, plain.token_logprobs) == (None, None)


def test_an_id_goes_before_the_content() -> None:
    lines = [{"prompt": "2 + 2?", "text": "by content"}, {"request": request().id, "text": "by id"}]
    assert replies(lines, [request()])[0].text == "by id"


def test_thoughts_are_parted_from_the_text_and_may_have_a_field_of_their_own() -> None:
    lines = [
        {"prompt": "a", "text": "<think>2 + 2?</think>\n\nFour."},
        {"prompt": "b", "text": "Four.", "thinking": "2 + 2?", "thinking_tokens": 3},
        {"prompt": "c", "text": "<think>2 +", "finish": "length"},
    ]
    result = replies(lines, [request(prompt) for prompt in "abc"])
    assert [(item.text, item.thinking, item.thinking_tokens, item.thinking_finished) for item in result] == [
        ("Four.", "2 + 2?", None, True), ("Four.", "2 + 2?", 3, True), ("", "2 +", None, False),
    ]  # fmt: skip
    (reply,) = replies(
        [{"prompt": "a", "prefix": "<think>2", "text": " + 2?</think>Four."}], [request("a", prefix="<think>2")]
    )
    assert (reply.text, reply.thinking) == ("Four.", " + 2?")


@given(
    st.lists(
        st.tuples(TEXTS, TEXTS.filter(lambda text: not find_thoughts(text).spans)),
        unique_by=lambda pair: pair[0],
        min_size=1,
    )
)
def test_every_text_comes_back_as_it_was(pairs: list[tuple[str, str]]) -> None:
    lines = [{"prompt": prompt, "text": text} for prompt, text in pairs]
    result = replies(lines, [request(prompt) for prompt, _ in reversed(pairs)])
    assert [item.text for item in result] == [text for _, text in reversed(pairs)]


def test_a_file_is_read_as_people_write_it(tmp_path: Path) -> None:
    file = tmp_path / "generations.jsonl"
    lines = [
        json.dumps({"prompt": f"é {number}", "text": f"\u2028 {number}"}, ensure_ascii=False) for number in range(3)
    ]
    file.write_bytes(b"\xef\xbb\xbf" + "\r\n\n".join(lines).encode())
    with closing(RecordedEngine(declared(file))) as engine:
        for _ in range(2):
            results = list(engine.answer([request("é 2"), request("é 0")]))
            assert [result.text for result in results if isinstance(result, Completion)] == ["\u2028 2", "\u2028 0"]
        engine.close()


def test_a_file_that_changes_meanwhile_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "generations.jsonl"
    file.write_text(json.dumps({"prompt": "2 + 2?", "text": "four"}))
    with closing(RecordedEngine(declared(file))) as engine:
        file.write_text("something else")
        with pytest.raises(EngineError, match="changed while it was read"):
            list(engine.answer([request()]))


def missing(lines: list[Any] | None, requests: list[Request]) -> str:
    given = None if lines is None else [json.dumps(line) for line in lines]
    with closing(RecordedEngine(declared(), given)) as engine, pytest.raises(EngineError) as caught:
        next(engine.answer(requests))
    return str(caught.value)


def test_what_is_missing_is_named() -> None:
    known = {"prompt": "2 + 2?", "text": "four", "tokens": 20}
    many = [request(sample=number) for number in range(1200)]
    results = [
        missing([known], [request(max_tokens=20), *[request("3 + 3?\n" * 30, sample=2)] * 3]),
        missing([known], [request(), request("other")]),
        missing([], many),
        missing(None, many[:1]),
    ]
    golden.check(HERE / "recorded-missing.txt", "\n".join(results) + "\n")


FINE = {"prompt": "2 + 2?", "text": "four"}
BAD: list[str | bytes] = [
    "four",
    "3",
    "[1, 2]",
    '{"prompt": "2 + 2?", "text": "fo',
    '{"prompt": "2 + 2?"}',
    '{"text": "four"}',
    json.dumps(FINE | {"request": "0" * 32}),
    json.dumps(FINE | {"tekst": "four"}),
    json.dumps(FINE | {"text": 4}),
    json.dumps(FINE | {"text": None}),
    json.dumps(FINE | {"sample": -1}),
    json.dumps(FINE | {"sample": "1"}),
    json.dumps(FINE | {"finish": "eos"}),
    json.dumps(FINE | {"tokens": 2**40}),
    json.dumps(FINE | {"logprob": 0.5}),
    json.dumps(FINE | {"logprob": float("nan")}),
    json.dumps({"request": "12ab", "text": "four"}),
    json.dumps({"messages": [{"role": "robot", "content": "hi"}], "text": "four"}),
    json.dumps({"messages": [{"role": "user"}], "text": "x" * 500}),
    json.dumps(FINE | {"text": ["x" * 500]}),
    json.dumps(FINE | {"text": "\ud800"}),
    b'{"prompt": "2 + 2?", "text": "\xff"}',
    "[" * 5_000,
    json.dumps(FINE | {"text": "x" * LONGEST_LINE}),
    json.dumps(FINE | {"prompt": "1 + 1?"}),
]


def test_bad_lines_are_named(tmp_path: Path) -> None:
    file, texts = tmp_path / "generations.jsonl", []
    for bad in BAD:
        line = bad.encode() if isinstance(bad, str) else bad
        file.write_bytes(json.dumps(FINE | {"prompt": "1 + 1?"}).encode() + b"\n\n" + line + b"\n")
        with pytest.raises(EngineError) as caught:
            RecordedEngine(declared(file))
        texts.append(str(caught.value).replace(str(tmp_path), "DIR"))
    with pytest.raises(EngineError) as caught:
        RecordedEngine(declared(tmp_path / "nothing.jsonl"))
    texts.append(str(caught.value).replace(str(tmp_path), "DIR"))
    assert all("DIR/generations.jsonl:3: " in text for text in texts[:-1])
    golden.check(HERE / "recorded-bad-lines.txt", "\n".join(texts) + "\n")
