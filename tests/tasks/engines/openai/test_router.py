"""Servers behind a router, reached by one endpoint: all of them have work, and one that dies costs no answer."""

from __future__ import annotations

import resource
from collections import Counter
from contextlib import closing

import pytest

from schemas.recipe.models import OpenAI
from schemas.request import Completion, EngineError, Message, Request, Sampling
from tasks.engines.openai import endpoint
from tasks.engines.openai.engine import OpenAIEngine
from tests.router import RoutedServers

TOGETHER = 1100
"""Requests under way at once: more than the limit was."""


def ask(count: int) -> list[Request]:
    return [Request("finch", "", (Message("user", f"question {number}"),), Sampling(16)) for number in range(count)]


def declare(url: str, concurrency: int) -> OpenAI:
    return OpenAI(engine="openai", model="finch", url=url, concurrency=concurrency, timeout=60)


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[1] < 6 * TOGETHER, reason="too few files may be open")
def test_a_thousand_requests_and_more_are_under_way_at_once_over_all_servers() -> None:
    with RoutedServers(3, TOGETHER) as servers, closing(OpenAIEngine(declare(servers.url, TOGETHER))) as engine:
        replies = list(engine.answer(ask(TOGETHER)))
    assert servers.most == TOGETHER
    assert {reply.request for reply in replies} == {request.id for request in ask(TOGETHER)}
    assert all(isinstance(reply, Completion) for reply in replies)
    assert min(servers.answered.values()) == TOGETHER // 3 and len(servers.answered) == 3


def test_a_server_that_dies_costs_no_answer_and_none_is_given_twice() -> None:
    with RoutedServers(3) as servers, closing(OpenAIEngine(declare(servers.url, 8), _backoff=0.001)) as engine:
        replies = engine.answer(ask(90))
        came = [next(replies) for _ in range(10)]
        servers.stop(1)
        came += replies
    assert Counter(reply.request for reply in came) == Counter(request.id for request in ask(90))
    assert all(isinstance(reply, Completion) for reply in came)
    assert servers.answered[0] + servers.answered[2] >= 60


def test_the_limit_of_open_files_is_raised_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = (256, 4096)
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: raised.append(limit))
    OpenAIEngine(declare("http://127.0.0.1:1/v1", 2000)).close()
    assert raised == [(2000 + endpoint.OTHER_FILES, 4096)]
    with pytest.raises(
        EngineError, match=r"`concurrency` 4,000 needs .* may have 4,096 files open; lower it, or raise `ulimit -n`"
    ):
        OpenAIEngine(declare("http://127.0.0.1:1/v1", 4000))
