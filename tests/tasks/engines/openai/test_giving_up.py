"""A request that always fails is given up and the others are answered; an endpoint that fails is given up itself."""

from __future__ import annotations

from contextlib import closing
from itertools import count
from typing import Any

import pytest

from schemas.recipe.models import OpenAI
from schemas.request import BudgetError, Completion, EngineError, Failure, Message, Reply, Request, Sampling
from tasks.engines.openai.engine import OpenAIEngine
from tasks.engines.openai.giving_up import FUTILE, MANY
from tests.faulty_server import Act, Asked, FaultyServer, Script, completion, problem


def requests(many: int) -> list[Request]:
    return [Request("finch", "", (Message("user", f"question {number}"),), Sampling(16)) for number in range(many)]


def ask(
    script: Script, many: int, has_answered: bool = False, **settings: Any
) -> tuple[list[Reply], EngineError | None]:
    """The replies to so many requests, and the error that ended the asking, if any."""
    with FaultyServer(script) as server:
        declared: dict[str, Any] = {"engine": "openai", "model": "finch", "url": server.url, "attempts": 2} | settings
        engine = OpenAIEngine(OpenAI(**declared), has_answered=lambda: has_answered, _backoff=0.001)
        with closing(engine):
            return take(engine, requests(many))


def take(engine: OpenAIEngine, asked: list[Request]) -> tuple[list[Reply], EngineError | None]:
    """What came, and the error behind it."""
    replies: list[Reply] = []
    try:
        for reply in engine.answer(asked):
            replies.append(reply)
    except EngineError as error:
        return replies, error
    return replies, None


def spoil(*numbers: int, act: Act) -> Script:
    """A server that does this for some questions, each time they come, and answers all others."""
    questions = {f"question {number}" for number in numbers}
    return lambda asked: act if asked.text in questions else completion("four")


@pytest.mark.parametrize(
    ("act", "reason", "detail"),
    [
        (problem(500, "broke"), "no answer", "asked 2 times, and the last time found 500 Internal Server Error: broke"),
        (completion("four", None), "no answer", "asked 2 times, and the last time found finish_reason null"),
        (Act(b"\xff\xfe\x00"), "no answer", "bytes that are not JSON"),
        (Act(completion("four").content[:-9]), "no answer", "bytes that are not JSON"),
        (Act(how="reset"), "no answer", "asked 2 times, and the last time found Re"),
        (completion("four", "content_filter"), "content filter", "finish_reason is content_filter"),
        (completion("x" * 1_000_001), "overlong answer", "1,000,001 characters, at most 1,000,000 are taken"),
        (
            problem(400, "maximum context length is 20 tokens"),
            "longer than the context",
            "maximum context length is 20",
        ),
    ],
)
def test_what_always_fails_is_given_up_with_its_reason(act: Act, reason: str, detail: str) -> None:
    replies, error = ask(spoil(3, 7, act=act), 20)
    assert error is None and len(replies) == len({reply.request for reply in replies}) == 20
    failures = [reply for reply in replies if isinstance(reply, Failure)]
    assert {reply.request for reply in failures} == {requests(20)[3].id, requests(20)[7].id}
    assert {(reply.reason, reply.limit, reply.engine) for reply in failures} == {(reason, 16, "openai 1")}
    assert all(detail in reply.detail for reply in failures)


def test_what_is_paid_for_a_refused_answer_counts() -> None:
    (reply,), _ = ask(lambda _: completion("", "content_filter"), 1, price={"prompt": 1.0, "completion": 2.0})
    assert isinstance(reply, Failure) and (reply.prompt_tokens, reply.tokens) == (10, 5)
    assert reply.price == pytest.approx(20 / 1_000_000)


@pytest.mark.parametrize("concurrency", [1, 4, 16])
def test_an_endpoint_that_breaks_is_no_fault_of_the_requests(concurrency: int) -> None:
    number = count()  # one step even among threads

    def script(_: Asked) -> Act:
        return completion("four") if next(number) < 10 else problem(503, "restarting")

    replies, error = ask(script, 60, concurrency=concurrency)
    assert "asked 2 times, and the last time found 503" in str(error)
    assert len(replies) == 10 and all(isinstance(reply, Completion) for reply in replies)


@pytest.mark.parametrize("many", [FUTILE + 3, MANY + 10])
def test_many_that_always_fail_are_given_up_though_nothing_else_is_left(many: int) -> None:
    replies, error = ask(lambda _: problem(500, "broke"), many, has_answered=True)
    assert error is None and len(replies) == many and all(isinstance(reply, Failure) for reply in replies)


@pytest.mark.parametrize("many", [1, FUTILE - 1, 40])
def test_where_nothing_is_answered_nothing_is_rejected(many: int) -> None:
    replies, error = ask(lambda _: problem(500, "no model is loaded"), many)
    assert replies == [] and "no model is loaded" in str(error)


def test_a_last_request_alone_is_given_up_where_the_model_has_answered_before() -> None:
    (reply,), error = ask(lambda _: problem(500), 1, has_answered=True)
    assert isinstance(reply, Failure) and error is None


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_last_request_alone_is_not_given_up_where_the_endpoint_has_no_time(status: int) -> None:
    replies, error = ask(lambda _: problem(status), 1, has_answered=True)
    assert replies == [] and str(status) in str(error)


def test_where_nobody_is_there_nothing_is_given_up_whatever_was_answered_before() -> None:
    declared = OpenAI(engine="openai", model="finch", url="http://127.0.0.1:1/v1", attempts=2)
    engine = OpenAIEngine(declared, has_answered=lambda: True, _backoff=0.001)
    with closing(engine), pytest.raises(EngineError, match="check that the endpoint is up"):
        list(engine.answer(requests(1)))


def test_a_budget_holds_over_restarts_where_the_endpoint_counts_nothing() -> None:
    spent, answered, usage = 0, 0, {"usage": None}
    for _ in range(5):
        with FaultyServer(lambda _: completion("four", **usage)) as server:
            declared = OpenAI(engine="openai", model="finch", url=server.url, budget_tokens=1_000)
            with closing(OpenAIEngine(declared, spent)) as engine:
                replies, error = take(engine, requests(200)[answered:])
        assert isinstance(error, BudgetError)
        completions = [reply for reply in replies if isinstance(reply, Completion)]
        assert all(reply.estimated for reply in completions)
        answered += len(completions)
        spent += sum(reply.prompt_tokens + reply.tokens for reply in completions)  # as the ledger has it
    assert answered > 0 and 850 < spent <= 1_000
