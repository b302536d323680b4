"""The openai engine when things go wrong: nothing is lost or paid twice, no key is shown, errors say what to do."""

from __future__ import annotations

import logging
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from schemas.recipe.models import OpenAI, Price
from schemas.request import BudgetError, Completion, EngineError, Message, Reply, Request, Sampling
from tasks.engines.openai.engine import OpenAIEngine
from tests import golden
from tests.faulty_server import Act, Asked, FaultyServer, Script, completion, problem

HERE = Path(__file__).parent
KEY = "sk-test-7f3a/91+c0ffee-0123456789"
HTML = b"<html>\n<body><h1>502 Bad Gateway</h1>\x1b[31m nginx</body></html>"
WHOLE = completion("four").content
FAULTS: list[Callable[[str], Act]] = [
    lambda _: problem(429, "slow down"),
    lambda _: problem(429, f"slow down, {KEY}", {"Retry-After": "0.02"}),
    lambda _: problem(429, "", {"Retry-After": "soon"}),
    lambda _: problem(500, f"Bearer {KEY} broke it"),
    lambda _: Act(HTML, 503, {"Retry-After": "0"}),
    lambda _: Act(status=408),
    lambda _: Act(how="reset"),
    lambda text: Act(completion(text).content, how="cut"),
    lambda text: Act(completion(text).content[:-9]),
    lambda _: Act(HTML),
    lambda _: Act(b" " * (2**23 + 1)),
    lambda _: Act(b'{"choices": []}'),
    lambda _: Act(b"[" * 100_000),
    lambda _: Act(b'{"error": {"message": "no model is loaded"}}'),
    lambda text: Act(completion(text, None).content),
]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENDPOINT_KEY", KEY)


def engine_of(url: str, spent_tokens: int = 0, spent_price: float = 0.0, **settings: Any) -> closing[OpenAIEngine]:
    declared = {"engine": "openai", "model": "finch", "url": url, "key": "ENDPOINT_KEY"} | settings
    return closing(OpenAIEngine(OpenAI(**declared), spent_tokens, spent_price, _backoff=0.001))


def requests(count: int, max_tokens: int = 16) -> list[Request]:
    texts = [f"question {number}" for number in range(count)]
    return [Request("finch", "", (Message("user", text),), Sampling(max_tokens)) for text in texts]


def taken(engine: OpenAIEngine, asked: list[Request]) -> tuple[list[Reply], EngineError]:
    """The replies before the error, and that."""
    replies: list[Reply] = []
    with pytest.raises(EngineError) as caught:
        replies.extend(engine.answer(asked))
    return replies, caught.value


def chain(error: BaseException | None) -> str:
    """All that an error holds, and those behind it."""
    texts = []
    while error is not None:
        texts.append(f"{error!s} {error!r} {error.args} {vars(error)}")
        if isinstance(error, httpx.RequestError):
            texts.append(str(error.request.headers.raw))
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def test_of_many_requests_none_is_lost_and_none_is_answered_twice(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    asked_for = requests(320)
    seen: Counter[str] = Counter()

    def script(asked: Asked) -> Act:
        chance = random.Random(f"{asked.text} {asked.attempt}")
        if asked.attempt < 4 and chance.random() < 0.5:
            fault = chance.randrange(len(FAULTS))
            seen[str(fault)] += 1
            return FAULTS[fault](asked.text)
        finish = "length" if chance.random() < 0.1 else "stop"
        return completion(f"re: {asked.text}, {KEY}" if chance.random() < 0.9 else "", finish)

    with FaultyServer(script) as server, engine_of(server.url, concurrency=12, attempts=12) as engine:
        replies = list(engine.answer(asked_for))
    assert sorted(reply.request for reply in replies) == sorted(request.id for request in asked_for)
    assert all(isinstance(reply, Completion) for reply in replies)
    assert server.served == Counter({f"question {number}": 1 for number in range(320)})
    assert len(seen) == len(FAULTS)
    by_id = {request.id: request.messages[0].content for request in asked_for}
    assert {reply.text for reply in replies if isinstance(reply, Completion)} >= {""}
    for reply in replies:
        assert isinstance(reply, Completion) and reply.text in ("", f"re: {by_id[reply.request]}, …")
    assert KEY not in repr(replies) + caplog.text + repr(vars(engine))


def test_who_stalls_is_asked_again() -> None:
    def script(asked: Asked) -> Act:
        return Act(how="stall") if asked.attempt == 0 else completion("four")

    # of an answer that is late, more are asked for on a busy machine
    with FaultyServer(script) as server, engine_of(server.url, timeout=0.5, attempts=1000) as engine:
        (reply,) = engine.answer(requests(1))
    assert isinstance(reply, Completion) and reply.text == "four" and len(server.asked) > 1


def single(act: Act | Script, **settings: Any) -> Callable[[], EngineError]:
    def error() -> EngineError:
        script = act if callable(act) else lambda _: act
        with FaultyServer(script) as server, engine_of(server.url, **{"attempts": 2} | settings) as engine:
            replies, error = taken(engine, requests(1))
        assert replies == []
        return error

    return error


def refused(url: str, **settings: Any) -> Callable[[], EngineError]:
    def error() -> EngineError:
        with pytest.raises(EngineError) as caught, engine_of(url, **settings) as engine:
            list(engine.answer(requests(1)))
        return caught.value

    return error


LEAK = f'{{"error": {{"message": "bad key {KEY}, sk-te***************6789"}}}}'.encode()
ERRORS: dict[str, Callable[[], EngineError]] = {
    "401": single(Act(LEAK, 401)),
    "401 without a key": single(problem(401, "who are you?"), key=None),
    "403": single(Act(LEAK, 403)),
    "404": single(problem(404, "The model `finch` does not exist", code="model_not_found")),
    "402": single(problem(402, "no credit")),
    "redirect": single(Act(status=307, headers={"Location": f"https://me:secret@elsewhere.org/{KEY}?key={KEY}"})),
    "odd redirect": single(Act(status=307, headers={"Location": f"https://me:{KEY}@elsewhere.org/v1"})),
    "proxy's own status": single(Act(b"", 407)),
    "setting refused": single(problem(400, "Only 1 is supported", param="temperature")),
    "no chat template": single(
        problem(400, "default chat template is no longer allowed, so you must provide a chat template")
    ),
    "no chat template, inside": single(
        problem(500, "Cannot use chat template functions: tokenizer.chat_template is not set")
    ),
    "model refused": single(problem(400, "Invalid model", param="model")),
    "another model's name": single(completion("four", model="models/sparrow-2b.gguf")),
    "quota": single(problem(429, "You exceeded your current quota", code="insufficient_quota")),
    "429": single(problem(429, "Too many")),
    "429 for a day": single(problem(429, "Daily limit", {"Retry-After": "86400"})),
    "500 with the key": single(problem(500, f"in header Authorization: Bearer {KEY}")),
    "500 with the key, quoted": single(problem(500, f"in {httpx.QueryParams({'k': KEY})}")),
    "500 with the key, around the cut": single(problem(500, "x" * 285 + KEY)),
    "500 with a key in half a megabyte": single(Act((KEY.encode() + b"\n") * 15_000, 500)),
    "reset": single(Act(how="reset")),
    "cut": single(Act(WHOLE, how="cut")),
    "stall": single(Act(how="stall"), timeout=0.1),
    "drip": single(Act(WHOLE, how="drip"), timeout=0.3),
    "truncated JSON": single(Act(WHOLE[:-9])),
    "HTML": single(Act(HTML)),
    "HTML of a 502": single(Act(HTML, 502)),
    "huge": single(Act(b" " * (2**23 + 1))),
    "compressed": single(Act(b"\x1f\x8b", headers={"Content-Encoding": "gzip"})),
    "no choices": single(Act(b'{"object": "list", "data": []}')),
    "an error in a 200": single(Act(b'{"error": {"message": "no model is loaded"}}')),
    "no finish": single(completion("four", None)),
    "content of no kind": single(completion("", choices=[{"message": {"content": 4}, "finish_reason": "stop"}])),
    "nobody there": refused("http://127.0.0.1:1/v1", attempts=1),
    "no host": refused("http:///v1"),
    "no address": refused("http://[::1/v1"),
    "password in the URL": refused(f"https://me:{KEY}@api.example.org/v1"),
    "key in the URL": refused(f"https://api.example.org/v1?api_key={KEY}"),
    "no key": refused("http://127.0.0.1:1/v1", key="ENDPOINT_KEY_THAT_IS_NOT"),
    "budget without price": refused("http://127.0.0.1:1/v1", budget_price=1.0),
}


def test_errors_say_where_what_was_found_and_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    texts = []
    for name, of in ERRORS.items():
        error = of()
        result = chain(error)
        assert (
            KEY not in result
            and KEY[:12] not in result
            and httpx.QueryParams({"": KEY[:14]}).__str__()[1:] not in result
        )
        texts.append(f"{name}: {re.sub(r'127.0.0.1:[0-9]{2,}', '127.0.0.1:PORT', str(error))}\n")
    assert "receive_response_headers" in caplog.text and KEY not in caplog.text
    golden.check(HERE / "openai-errors.txt", "".join(texts))


def test_a_key_of_odd_characters_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    for odd in ("sécret-0123456789", "two words-0123456789", "line\nbreak-0123456789"):
        monkeypatch.setenv("ENDPOINT_KEY", odd)
        error = refused("http://127.0.0.1:1/v1")()
        assert "ENDPOINT_KEY holds characters that no API key has" in str(error)
        assert odd not in chain(error) and "0123456789" not in chain(error)


def test_a_proxy_that_cannot_be_used_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "gopher://me:hunter2@proxy.example.org:1")
    error = refused("https://api.example.org/v1")()
    assert "check HTTPS_PROXY" in str(error)
    assert "hunter2" not in chain(error)


def test_a_redirect_takes_the_key_nowhere() -> None:
    with FaultyServer(lambda _: completion("caught")) as other:
        away = Act(status=308, headers={"Location": f"{other.url}/chat/completions"})
        assert "redirects are not followed" in str(single(away)())
    assert other.asked == []


@pytest.mark.parametrize("status", [429, 503])
def test_who_wants_to_be_left_alone_is_left_alone_by_all(status: int) -> None:
    both = threading.Barrier(2)

    def script(asked: Asked) -> Act:
        if asked.number == 0:
            both.wait(60)
            return problem(status, "not now", {"Retry-After": "1"})
        if asked.number == 1:
            both.wait(60)
            while engine._pace._next < asked.at + 0.9:  # until the other one was told
                time.sleep(0.01)
        return completion("four")

    with FaultyServer(script) as server, engine_of(server.url, concurrency=2) as engine:
        assert len(list(engine.answer(requests(6)))) == 6
    _, second, *others = sorted(asked.at for asked in server.asked)
    assert len(others) == 5
    assert min(others) - second >= 0.99


def test_what_is_under_way_when_an_error_comes_is_still_given_and_nothing_is_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    four, failed, work = threading.Barrier(4), threading.Event(), OpenAIEngine._work

    async def note_failure(engine: OpenAIEngine, asking: Any) -> None:
        await work(engine, asking)
        if asking.error:
            failed.set()

    monkeypatch.setattr(OpenAIEngine, "_work", note_failure)

    def script(asked: Asked) -> Act:
        four.wait(60)
        if asked.text == "question 2":
            return problem(404, "gone")
        assert failed.wait(60)
        return problem(500) if asked.text == "question 3" else completion(asked.text)

    with FaultyServer(script) as server, engine_of(server.url, concurrency=4) as engine:
        replies, error = taken(engine, requests(20))
    assert sorted(reply.text for reply in replies if isinstance(reply, Completion)) == ["question 0", "question 1"]
    assert "404" in str(error) and len(server.asked) == 4


def test_after_an_error_it_can_be_asked_again() -> None:
    def script(asked: Asked) -> Act:
        return problem(404, "gone") if asked.number == 0 else completion("four")

    with FaultyServer(script) as server, engine_of(server.url, attempts=2, concurrency=1) as engine:
        assert taken(engine, requests(3))[0] == []
        assert len(list(engine.answer(requests(3)))) == 3


def costly(asked: Asked) -> Act:
    time.sleep(0.005)
    return completion("four", usage={"prompt_tokens": 20, "completion_tokens": 10})


def test_a_budget_of_tokens_is_not_overrun() -> None:
    settings = {"spent_tokens": 100, "budget_tokens": 1000, "concurrency": 8}
    long = requests(200)  # from the hundredth on all are equally long
    with FaultyServer(costly) as server, engine_of(server.url, **settings) as engine:
        replies, error = taken(engine, long[100:])
        again, still = taken(engine, long[100:105])
    assert isinstance(error, BudgetError) and isinstance(still, BudgetError)
    # 30 tokens each; the 26th began at 850, when the 124 that it could have taken still fitted, and the next could not
    assert len(replies) == len(server.asked) == 26
    assert again == []
    texts = [re.sub(r":\d+/", ":PORT/", f"{item}\n") for item in (error, still)]
    golden.check(HERE / "openai-budget.txt", "".join(texts))


def test_a_budget_that_is_spent_asks_nothing() -> None:
    with FaultyServer(costly) as server:
        price = Price(prompt=1.0, completion=1.0)
        with engine_of(server.url, spent_price=3.5, budget_price=3.5, price=price) as engine:
            replies, error = taken(engine, requests(3))
    assert (replies, server.asked) == ([], [])
    assert "3.5 of the 3.5 of `budget_price` is spent" in str(error) and "3 of 3 requests are left" in str(error)


def test_a_budget_of_money_is_not_overrun() -> None:
    price = Price(prompt=10_000.0, completion=40_000.0)
    with FaultyServer(costly) as server, engine_of(server.url, budget_price=20.0, price=price) as engine:
        replies, error = taken(engine, requests(100))
    assert isinstance(error, BudgetError)
    money = sum(reply.price or 0.0 for reply in replies if isinstance(reply, Completion))
    assert money == pytest.approx(0.6 * len(replies))
    assert 18 < money <= 20


def test_a_budget_holds_where_the_endpoint_does_not_count() -> None:
    uncounted = completion("four", usage=None)
    with FaultyServer(lambda _: uncounted) as server, engine_of(server.url, budget_tokens=1000) as engine:
        replies, error = taken(engine, requests(100))
    assert isinstance(error, BudgetError) and 0 < len(replies) <= 1000 // 16


def test_a_budget_that_suffices_is_no_error() -> None:
    with FaultyServer(costly) as server, engine_of(server.url, budget_tokens=1000, concurrency=8) as engine:
        assert len(list(engine.answer(requests(25)))) == 25


def test_retries_count_once_against_the_budget() -> None:
    def script(asked: Asked) -> Act:
        return problem(500) if asked.attempt < 3 else costly(asked)

    with FaultyServer(script) as server, engine_of(server.url, budget_tokens=250, concurrency=8) as engine:
        assert len(list(engine.answer(requests(5)))) == 5
