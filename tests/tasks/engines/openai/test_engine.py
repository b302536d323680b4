"""The openai engine against a server of ours: what is asked, what comes back, how fast, and how it ends."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace
from math import exp
from typing import Any

import pytest

from schemas.recipe.models import OpenAI, Price
from schemas.request import Completion, EngineError, Failure, Message, Reply, Request, Sampling
from tasks.engines.openai.engine import OpenAIEngine
from tests.faulty_server import Act, Asked, FaultyServer, Script, completion, problem

KEY = "sk-test-7f3a/91+c0ffee-0123456789"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_KEY", KEY)


def declared(server: FaultyServer, **settings: Any) -> OpenAI:
    return OpenAI(**{"engine": "openai", "model": "finch", "url": server.url, "key": "ENDPOINT_KEY"} | settings)


def opened(server: FaultyServer, **settings: Any) -> closing[OpenAIEngine]:
    return closing(OpenAIEngine(declared(server, **settings), _backoff=0.001))


def request(text: str = "2 + 2?", **more: Any) -> Request:
    return Request("finch", "", (Message("user", text),), **{"sampling": Sampling(max_tokens=16)} | more)


def requests(count: int) -> list[Request]:
    return [request(f"question {number}") for number in range(count)]


def answered(script: Script, asked: list[Request], **settings: Any) -> list[Reply]:
    with FaultyServer(script) as server, opened(server, **settings) as engine:
        return list(engine.answer(asked))


def only(script: Script, value: Request | None = None, **settings: Any) -> Reply:
    (reply,) = answered(script, [value or request()], **settings)
    return reply


def echo(asked: Asked) -> Act:
    return completion(f"re: {asked.text}")


def test_a_completion_holds_what_the_endpoint_said() -> None:
    logprobs = {"content": [{"token": "fo", "logprob": -0.5}, {"token": "ur", "logprob": -1.25}]}
    choice = {"message": {"role": "assistant", "content": "four"}, "finish_reason": "stop", "logprobs": logprobs}
    price = Price(prompt=1e6, completion=2e6)
    reply = only(lambda _: completion(None, choices=[choice]), price=price)
    assert isinstance(reply, Completion)
    assert reply.at == pytest.approx(time.time(), abs=60)
    assert reply == Completion(
        request().id, "four", "stop", 16, 10, 5, -1.75, "openai 1", reply.at, 20.0
    )  # fmt: skip


def test_what_is_asked() -> None:
    sampling = Sampling(max_tokens=7, temperature=0.5, top_p=0.9, stop=("\n\n",))
    result = Request("finch", "", (Message("system", "Be short."), Message("user", "2 + 2?")), sampling, 3, "It is")
    with FaultyServer(echo) as server, opened(server) as engine:
        list(engine.answer([result]))
    (asked,) = server.asked
    assert asked.authorization == f"Bearer {KEY}"
    assert asked.body == {
        "model": "finch",
        "messages": [
            {"role": "system", "content": "Be short."},
            {"role": "user", "content": "2 + 2?"},
            {"role": "assistant", "content": "It is"},
        ],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "stop": ["\n\n"],
        "seed": result.seed,
        "n": 1,
        "stream": False,
        "continue_final_message": True,
        "add_generation_prompt": False,
    }


def test_without_a_prefix_nothing_is_asked_that_only_vllm_knows() -> None:
    with FaultyServer(echo) as server, opened(server, key=None) as engine:
        list(engine.answer([request()]))
    assert server.asked[0].authorization is None
    assert {"stop", "continue_final_message", "add_generation_prompt"}.isdisjoint(server.asked[0].body)


@pytest.mark.parametrize(
    ("act", "text", "finish"),
    [
        (completion("cut off he", "length"), "cut off he", "length"),
        (completion(""), "", "stop"),
        (completion(None), "", "stop"),
        (completion("done", "eos_token"), "done", "stop"),
    ],
)
def test_how_a_completion_ends(act: Act, text: str, finish: str) -> None:
    reply = only(lambda _: act)
    assert isinstance(reply, Completion) and (reply.text, reply.finish) == (text, finish)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (problem(400, "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4984 in "
                 "the messages, 16 in the completion).", code="context_length_exceeded"), "longer than the context"),
        (problem(400, "'max_tokens' or 'max_completion_tokens' is too large: 16. This model's maximum context length "
                 "is 10 tokens"), "longer than the context"),
        (problem(413, "too much"), "longer than the context"),
        (problem(400, "The response was filtered", code="content_filter"), "content filter"),
        (completion("I will", "content_filter"), "content filter"),
        (problem(422, "messages may not be empty"), "refused by the endpoint"),
        (completion("9" * 1_000_001), "overlong answer"),
    ],
)  # fmt: skip
def test_a_request_that_is_never_answered_is_a_failure_and_hinders_no_other(act: Act, reason: str) -> None:
    replies = answered(lambda asked: act if asked.text == "question 1" else echo(asked), requests(3))
    failures = [reply for reply in replies if isinstance(reply, Failure)]
    assert [(failure.request, failure.reason) for failure in failures] == [(requests(3)[1].id, reason)]
    assert failures[0].detail
    assert len(replies) == 3


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ("seed", "Unsupported parameter: seed"),
        ("logprobs", "You are not allowed to request logprobs from this model"),
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
    ],
)
def test_an_optional_field_that_is_refused_is_left_out_from_then_on(field: str, message: str) -> None:
    def script(asked: Asked) -> Act:
        return problem(400, message) if field in asked.body else echo(asked)

    with FaultyServer(script) as server, opened(server, concurrency=1) as engine:
        first, later = ([replace(item, logprobs=True) for item in requests(count)] for count in (3, 2))
        replies = [*engine.answer(first), *engine.answer(later)]
    asked_for = {item.id: item for item in (*first, *later)}
    assert all(isinstance(reply, Completion) and reply.answers(asked_for[reply.request]) for reply in replies)
    assert [field in asked.body for asked in server.asked] == [True] + [False] * 5
    assert ("max_completion_tokens" in server.asked[-1].body) == (field == "max_tokens")


ASKING_MORE: dict[str, Any] = {
    "statistics": {"statistics": ("min_k20",), "logprobs": True}, "choices": {"choices": ("A", "B")},
}  # fmt: skip


@pytest.mark.parametrize("name", ASKING_MORE)
def test_numbers_that_an_endpoint_cannot_give_are_refused_with_what_to_do(name: str) -> None:
    needing = [replace(item, **ASKING_MORE[name]) for item in requests(2)]
    refusing = lambda _: problem(400, "You are not allowed to request logprobs from this model")  # noqa: E731
    for script, found in ((refusing, "takes no `logprobs`"), (echo, "ignores `logprobs`")):
        with (
            FaultyServer(script) as server,
            opened(server, concurrency=1) as engine,
            pytest.raises(
                EngineError, match=f"{found}.*this table's numbers are made of: ask an endpoint that gives them"
            ),
        ):
            list(engine.answer(needing))
        assert len(server.asked) == 1, "nothing more is paid for"


def test_numbers_are_those_of_the_tokens_that_the_endpoint_lists() -> None:
    tokens = [{"token": "A", "logprob": -0.5}, {"token": "?", "logprob": -1.5}]
    tokens[0]["top_logprobs"] = [
        {"token": "A", "logprob": -0.5},
        {"token": " A", "logprob": -3.0},
        {"token": "B", "logprob": -2.0},
    ]
    choice = {"message": {"content": "A?"}, "finish_reason": "stop", "logprobs": {"content": tokens}}
    with FaultyServer(lambda _: completion(None, choices=[choice])) as server, opened(server, concurrency=1) as engine:
        asked = replace(request(), statistics=("min_k20", "token_logprobs"), choices=("A", "B"))
        (reply,) = engine.answer([asked])
        assert (server.asked[0].body["logprobs"], server.asked[0].body["top_logprobs"]) == (True, 5)
    assert isinstance(reply, Completion) and reply.answers(asked) and reply.choice_logprobs
    assert (reply.logprob, reply.min_k20, reply.token_logprobs) == (-2.0, -1.5, (-0.5, -1.5))
    assert [exp(logprob) for logprob in reply.choice_logprobs] == [
        pytest.approx(exp(-0.5) + exp(-3)),
        pytest.approx(exp(-2)),
    ]


SCHEMA = {"type": "object", "properties": {"first_error": {"type": "integer"}}}


def held_to(text: str = "2 + 2?") -> Request:
    return request(text, sampling=Sampling(max_tokens=16, schema=json.dumps(SCHEMA)))


def test_an_answer_is_held_to_its_schema() -> None:
    with FaultyServer(echo) as server, opened(server) as engine:
        list(engine.answer([held_to(), request()]))
    with_it, without = sorted(server.asked, key=lambda asked: "response_format" not in asked.body)
    form = {"name": "answer", "strict": True, "schema": SCHEMA}
    assert with_it.body["response_format"] == {"type": "json_schema", "json_schema": form}
    assert "response_format" not in without.body


@pytest.mark.parametrize(
    "message", ["'response_format' of type json_schema is not supported", "guided decoding is off", "bad request"]
)
def test_an_endpoint_that_takes_no_schema_is_asked_without(message: str) -> None:
    def script(asked: Asked) -> Act:
        return problem(400, message) if "response_format" in asked.body else echo(asked)

    with FaultyServer(script) as server, opened(server, concurrency=1) as engine:
        replies = list(engine.answer([held_to("a"), held_to("b")]))
    assert [reply.text for reply in replies if isinstance(reply, Completion)] == ["re: a", "re: b"]
    assert [asked.body.get("response_format", {}).get("type") for asked in server.asked] == [
        "json_schema", "json_object", None, None,
    ]  # fmt: skip


def test_a_request_with_a_schema_that_is_refused_without_it_too_is_a_failure() -> None:
    with FaultyServer(lambda _: problem(400, "no")) as server, opened(server) as engine:
        (reply,) = engine.answer([held_to()])
    assert isinstance(reply, Failure) and len(server.asked) == 3


def test_one_bad_request_does_not_cost_the_others_their_seed() -> None:
    def script(asked: Asked) -> Act:
        bad = {"detail": [{"loc": ["body", "seed"], "msg": "no"}]}
        return Act(json.dumps(bad).encode(), 422) if asked.text == "question 0" else echo(asked)

    with FaultyServer(script) as server, opened(server, concurrency=1) as engine:
        first, second = engine.answer(requests(2))
    assert isinstance(first, Failure) and isinstance(second, Completion)
    assert ["seed" in asked.body for asked in server.asked] == [True, False, True]


def test_an_endpoint_that_refuses_everything_is_an_error() -> None:
    replies: list[Reply] = []
    text = r"refused the first 8 requests, the last with 400 .*no such thing as n"
    with (
        FaultyServer(lambda _: problem(400, "no such thing as n")) as server,
        opened(server, concurrency=1) as engine,
        pytest.raises(EngineError, match=text),
    ):
        replies.extend(engine.answer(requests(20)))
    assert len(replies) == 7
    assert len(server.asked) == 8


def test_tokens_where_the_endpoint_does_not_count_them() -> None:
    logprobs = {"content": [{"token": "4", "logprob": -0.5}]}
    choice = {"message": {"content": "4"}, "finish_reason": "stop"}
    counted = only(lambda _: completion("", choices=[choice | {"logprobs": logprobs}], usage=None))
    unknown = only(lambda _: completion("4", usage={}), price=Price(prompt=1, completion=1))
    length = only(lambda _: completion("4", "length", usage=None))
    assert isinstance(counted, Completion) and isinstance(unknown, Completion) and isinstance(length, Completion)
    assert (counted.tokens, unknown.tokens, length.tokens) == (1, 1, 16)
    assert counted.estimated and unknown.estimated and length.estimated
    assert unknown.price == (unknown.prompt_tokens + 1) / 1_000_000 and 17 <= unknown.prompt_tokens <= 30


def test_never_more_at_once_than_the_recipe_says() -> None:
    three = threading.Barrier(3)

    def script(asked: Asked) -> Act:
        three.wait(60)  # as many at once they are
        return echo(asked)

    with FaultyServer(script) as server, opened(server, concurrency=3) as engine:
        threads = [threading.Thread(target=lambda: list(engine.answer(requests(15)))) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(server.asked) == 30
    assert server.most == 3


def test_never_faster_than_the_recipe_says() -> None:
    begun = time.monotonic()
    assert len(answered(echo, requests(8), per_minute=1200)) == 8
    assert time.monotonic() - begun >= 7 * 60 / 1200


def test_replies_come_as_they_are_made() -> None:
    gate = threading.Event()

    def script(asked: Asked) -> Act:
        assert asked.text == "question 0" or gate.wait(60)
        return echo(asked)

    with FaultyServer(script) as server, opened(server, concurrency=2) as engine:
        replies = engine.answer(requests(2))
        assert next(replies).request == requests(2)[0].id
        gate.set()
        assert next(replies).request == requests(2)[1].id
        assert next(replies, None) is None


def test_one_who_takes_slowly_is_waited_for() -> None:
    with FaultyServer(echo) as server, opened(server, concurrency=2) as engine:
        replies = engine.answer(requests(40))
        next(replies)
        time.sleep(0.3)
        assert len(server.asked) <= 1 + 2 * 2 + 2
        assert len(list(replies)) == 39


def _generator(replies: Iterator[Reply]) -> Generator[Reply, None, None]:
    assert isinstance(replies, Generator)
    return replies


def test_closing_the_iterator_ends_what_is_under_way() -> None:
    def script(asked: Asked) -> Act:
        return echo(asked) if asked.text == "question 0" else Act(how="stall")

    with FaultyServer(script) as server, opened(server, concurrency=5) as engine:
        replies = _generator(engine.answer(requests(30)))
        next(replies)
        replies.close()
        server.script = echo
        again = [request(f"again {number}") for number in range(20)]
        assert len(list(engine.answer(again))) == 20, "no place is taken by what was under way"
        before = [asked for asked in server.asked if not asked.text.startswith("again")]
        assert len(before) <= 6, "nothing more is begun"


def test_closing_the_engine_ends_what_is_under_way() -> None:
    asked = threading.Event()

    def script(_: Asked) -> Act:
        asked.set()
        return Act(how="stall")

    def close() -> None:
        assert asked.wait(60)
        engine.close()

    with FaultyServer(script) as server, opened(server) as engine:
        closing = threading.Thread(target=close)
        closing.start()
        with pytest.raises(RuntimeError, match="closed while it was asked"):
            list(engine.answer(requests(3)))
        closing.join()
        engine.close()
        with pytest.raises(RuntimeError, match="the engine is closed"):
            list(engine.answer(requests(3)))


def test_nothing_asked_is_nothing_done() -> None:
    assert answered(echo, []) == []


def test_no_proxy_stands_between_us_and_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert isinstance(only(echo, attempts=1), Completion)
