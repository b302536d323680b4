"""The asking of models: the ledger first, then the engine; nothing asked twice, every reply kept."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from math import nan
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from catalog.ledger import Ledger, leases
from catalog.ledger.leases import Leases
from catalog.storage import Store
from flows.planning import engines
from flows.planning import plan as planning
from flows.planning.plan import Plan, TableJob
from flows.running import forecast
from flows.running.engine_pool import EnginePool
from flows.running.inference import Dispatcher
from flows.running.kinds import asking, find_kind, from_seed
from flows.running.losses import NothingLeft
from flows.running.run_plan import materialize
from schemas.recipe.models import Model
from schemas.request import Completion, EngineError, Message, Reply, Request, Sampling
from tests.endpoints import allow_keys
from tests.flows.running.test_table import read

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  one: {{engine: openai, model: big, price: {{prompt: 1.0, completion: 2.0}}}}
  two: {{engine: vllm, model: small}}
tables:
  problems: {{task: world, count: {count}, level: 1}}
  solutions:
    task: generate
    from: problems
    models: {models}
    sampling: [{{temperature: 1, samples: {samples}}}]
    max_tokens: {max_tokens}
  steps: {{task: split, from: solutions}}
  release: {{task: release, from: steps, splits: {{all: 1}}}}
"""
Answer = Callable[[Request], Reply]


def text_of(request: Request) -> Reply:
    """What a fake model answers: 20 tokens long, or cut off where fewer are allowed."""
    limit = request.sampling.max_tokens
    finish: Any = "stop" if limit >= 20 else "length"
    return Completion(request.id, f"#### {request.sample}", finish, limit, 10, min(20, limit), None, "fake 1", 1.0)


class FakeEngine:
    """Answers at once, in no order, and remembers what it was asked."""

    name = "fake 1"

    def __init__(self, house: House, model: Model) -> None:
        self.house, self.model = house, model

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        for request in sorted(requests, key=lambda request: request.id):
            self.house.asked.append(request)
            yield self.house.say(request)

    def close(self) -> None:
        self.house.open.remove(self.model.engine)


class House:
    """Opens fake engines and watches which are open."""

    def __init__(self) -> None:
        self.asked: list[Request] = []
        self.open: list[str] = []
        self.opened: list[str] = []
        self.say: Answer = text_of

    def __call__(self, model: Model, spent: Any) -> FakeEngine:
        self.open.append(model.engine)
        self.opened.append(model.engine)
        return FakeEngine(self, model)


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> House:
    result = House()
    monkeypatch.setattr(engines, "open_engine", result)
    return result


def make(
    folder: Path, store: str, count: int = 30, models: str = "[one]", samples: int = 2, max_tokens: int = 50
) -> Plan:
    recipe = folder / "r.yaml"
    recipe.write_text(RECIPE.format(count=count, models=models, samples=samples, max_tokens=max_tokens))
    return planning.make_plan(str(recipe), None, store)


def build(plan: Plan) -> TableJob:
    return materialize(plan).jobs[1]


@pytest.fixture
def store() -> str:
    return f"memory://{uuid.uuid4().hex}"


def test_all_are_asked_once_and_kept_with_who_asked_and_what_it_cost(tmp_path: Path, house: House, store: str) -> None:
    work = build(make(tmp_path, store))
    assert len(house.asked) == len({request.id for request in house.asked}) == 60
    assert read(work).height == 60
    (spent,) = Ledger(Store(store)).spent()
    assert (spent.corpus, spent.model, spent.requests, spent.tokens, spent.prompt_tokens) == ("t", "big", 60, 1200, 600)
    assert spent.price == pytest.approx(60 * (10 * 1.0 + 20 * 2.0) / 1_000_000)
    assert house.open == []


def test_more_samples_ask_only_the_new_and_more_tokens_only_the_truncated(
    tmp_path: Path, house: House, store: str
) -> None:
    build(make(tmp_path, store, samples=2))
    house.asked.clear()
    build(make(tmp_path, store, samples=5))
    assert sorted({request.sample for request in house.asked}) == [2, 3, 4]
    assert len(house.asked) == 30 * 3
    house.asked.clear()
    build(make(tmp_path, store, samples=5, max_tokens=70))
    assert house.asked == []
    short = make(tmp_path, store, samples=5, max_tokens=19)  # too few for what is known, so asked again
    with pytest.raises(NothingLeft):
        build(short)
    assert len(house.asked) == 150
    assert read(short.jobs[1], "rejected")["reason"].to_list() == ["truncated completion"] * 150
    house.asked.clear()
    build(make(tmp_path, store, samples=5, max_tokens=60))
    assert house.asked == []


def test_log_probabilities_are_asked_for_once_by_who_needs_them_though_a_model_gives_none(
    tmp_path: Path, house: House, store: str
) -> None:
    def without(request: Request) -> Reply:
        reply = text_of(request)
        assert isinstance(reply, Completion)
        return replace(reply, logprob=nan if request.logprobs else None)

    house.say = without
    build(make(tmp_path, store))
    recipe = tmp_path / "r.yaml"
    recipe.write_text(recipe.read_text().replace("max_tokens:", "logprobs: true\n    max_tokens:"))
    for asked in (60, 0):
        house.asked.clear()
        work = build(planning.make_plan(str(recipe), None, store))
        assert len(house.asked) == asked
    assert read(work)["logprob"].to_list() == [None] * 60
    recipe.write_text(recipe.read_text().replace("max_tokens: 50", "max_tokens: 60"))
    build(planning.make_plan(str(recipe), None, store))
    assert house.asked == [], "another table finds in the ledger that they were asked for"


def test_models_that_compute_here_are_open_one_at_a_time_and_closed_at_the_end(
    tmp_path: Path, house: House, store: str
) -> None:
    work = build(make(tmp_path, store, models="[one, two]"))
    assert sorted(house.opened) == ["openai", "vllm"]
    assert house.open == []
    assert read(work).height == 120


def test_what_came_before_an_engine_broke_is_kept_and_not_asked_again(tmp_path: Path, house: House, store: str) -> None:
    def breaks(request: Request) -> Reply:
        if len(house.asked) == 25:
            raise EngineError("model big: gone")
        return text_of(request)

    house.say = breaks
    plan = make(tmp_path, store)
    with pytest.raises(EngineError, match="gone"):
        build(plan)
    assert house.open == []
    first = {request.id for request in house.asked[:24]}
    house.asked.clear()
    house.say = text_of
    build(make(tmp_path, store))
    assert not first & {request.id for request in house.asked}
    assert len(house.asked) == 36


def test_an_engine_that_leaves_requests_out_or_makes_some_up_is_found_out(
    tmp_path: Path, house: House, store: str
) -> None:
    house.say = lambda r: Completion("f" * 32, "2", "stop", 50, 1, 1, None, "fake 1", 1.0)
    with pytest.raises(EngineError, match=r"model 'one': a reply came to f{32}, which was not asked"):
        build(make(tmp_path, store))


def test_parts_are_carried_on_side_by_side_within_a_window(
    tmp_path: Path, house: House, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_seed, "ROWS_OF_A_PARTITION", 7)
    monkeypatch.setattr(asking, "WINDOW", 20)
    work = build(make(tmp_path, store))
    assert len(find_kind(work).partitions) == 5
    assert read(work).height == 60
    assert house.opened == ["openai"]


def test_a_reply_that_is_long_in_coming_holds_up_no_other_part(
    tmp_path: Path, house: House, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_seed, "ROWS_OF_A_PARTITION", 7)
    monkeypatch.setattr(asking, "WINDOW", 20)
    later, late = Event(), list[bool]()

    def answer(engine: FakeEngine, requests: Sequence[Request]) -> Iterator[Reply]:
        if house.asked:
            later.set()
        house.asked += requests
        yield from map(text_of, requests[1:])
        late.append(later.wait(60))
        yield text_of(requests[0])

    monkeypatch.setattr(FakeEngine, "answer", answer)
    work = build(make(tmp_path, store))
    assert late[0], "while the first part waited for one reply, parts behind the window were asked"
    assert read(work).height == len({request.id for request in house.asked}) == len(house.asked) == 60


def test_the_first_of_several_errors_is_raised_and_what_came_is_kept(
    tmp_path: Path, house: House, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_seed, "ROWS_OF_A_PARTITION", 7)
    monkeypatch.setattr(asking, "WINDOW", 20)
    second = Event()

    def answer(engine: FakeEngine, requests: Sequence[Request]) -> Iterator[Reply]:
        if house.asked:
            house.asked += requests[:1]
            yield text_of(requests[0])
            raise EngineError("model big: gone")
        house.asked += requests
        yield from map(text_of, requests[1:])
        assert second.wait(60)
        yield text_of(requests[0])

    def note_failure(dispatcher: Dispatcher, error: BaseException | None) -> None:
        give_up(dispatcher, error)
        second.set()

    give_up = Dispatcher.give_up
    monkeypatch.setattr(Dispatcher, "give_up", note_failure)
    monkeypatch.setattr(FakeEngine, "answer", answer)
    with pytest.raises(EngineError, match="gone"):
        build(make(tmp_path, store))
    (spent,) = Ledger(Store(store)).spent()
    assert spent.requests == len(house.asked) == 29, "also what came after the error"


def test_two_builds_at_once_pay_once(tmp_path: Path, house: House, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "POLL", 0.01)
    begun = Event()

    def answer_slowly(request: Request) -> Reply:
        begun.set()
        time.sleep(0.01)
        return text_of(request)

    house.say = answer_slowly
    plan = make(tmp_path, store, count=40)
    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(build, plan)
        assert begun.wait(60)
        (tmp_path / "other").mkdir()
        second = threads.submit(build, make(tmp_path / "other", store, count=40, samples=3))
        works = [first.result(120), second.result(120)]
    assert [read(work).height for work in works] == [80, 120]
    asked = [request.id for request in house.asked]
    assert len(asked) == len(set(asked)) == 120
    assert sum(spent.requests for spent in Ledger(Store(store)).spent()) == 120


def test_a_build_that_ends_does_not_wait_for_another(
    tmp_path: Path, house: House, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "POLL", 0.01)
    plan = make(tmp_path, store, count=3)
    job = plan.jobs[1]
    with EnginePool() as engines_of_build, Dispatcher(job, engines_of_build) as dispatcher:
        requests = [Request("big", "", (Message("user", "?"),), Sampling(50))]
        with Leases(Store(store)).take(requests):
            engines_of_build.give_up(dispatcher.use)
            with pytest.raises(EngineError, match="another build is asking the same, and this one has ended"):
                dispatcher.answer(requests)
    assert house.asked == []


def test_a_later_table_changed_asks_nothing(tmp_path: Path, house: House, store: str) -> None:
    build(make(tmp_path, store))
    house.asked.clear()
    text = (tmp_path / "r.yaml").read_text().replace("task: split", "rule: lines, task: split")
    (tmp_path / "r.yaml").write_text(text)
    plan = planning.make_plan(str(tmp_path / "r.yaml"), None, store)
    assert set(plan.done) == {"problems", "solutions"}


def test_the_engine_and_the_model_s_name_in_the_recipe_are_not_part_of_the_table(
    tmp_path: Path, house: House, store: str
) -> None:
    plan = make(tmp_path, store)
    text = (tmp_path / "r.yaml").read_text()
    (tmp_path / "r.yaml").write_text(text.replace("one", "uno").replace("openai", "recorded"))
    again = planning.make_plan(str(tmp_path / "r.yaml"), None, store)
    assert [work.fingerprint for work in plan.jobs] == [work.fingerprint for work in again.jobs]
    (tmp_path / "r.yaml").write_text(text.replace("model: big", "model: bigger"))
    other = planning.make_plan(str(tmp_path / "r.yaml"), None, store)
    assert other.jobs[1].fingerprint != plan.jobs[1].fingerprint


@pytest.mark.parametrize("before", [0, 100])
def test_a_forecast_is_within_a_fifth_of_what_is_then_asked(
    tmp_path: Path, house: House, store: str, before: int
) -> None:
    def long_or_short(request: Request) -> Reply:
        tokens = 10 + int(request.id[:4], 16) % 40
        return Completion(
            request.id, "#### 1", "stop", 50, len(request.messages[0].content), tokens, None, "fake 1", 1.0
        )

    house.say = long_or_short
    if before:
        build(make(tmp_path, store, count=before))
    plan = make(tmp_path, store, count=600)
    (table,) = forecast.forecast_tables(plan, 40)
    house.asked.clear()
    build(plan)
    assert table.requests == 1200
    assert table.known == pytest.approx(1200 - len(house.asked), abs=120)
    spent = [long_or_short(request) for request in house.asked]
    assert table.tokens == pytest.approx(sum(item.tokens for item in spent if isinstance(item, Completion)), rel=0.2)
    assert table.prompt_tokens == pytest.approx(
        sum(item.prompt_tokens for item in spent if isinstance(item, Completion)), rel=0.2
    )
    assert table.cost is not None


def test_without_a_pilot_requests_are_counted_and_tokens_are_unknown(tmp_path: Path, house: House, store: str) -> None:
    (table,) = forecast.forecast_tables(make(tmp_path, store), None)
    assert (table.requests, table.known, table.tokens, table.cost) == (60, 0, None, None)
    assert house.asked == []


def test_no_key_is_in_the_ledger_or_a_table(
    tmp_path: Path, house: House, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    allow_keys(tmp_path, monkeypatch, MY_KEY="127.0.0.1 api.openai.com")
    text = (tmp_path / "r.yaml").write_text if make(tmp_path, store) else None
    assert text is not None
    text(
        RECIPE.format(count=5, models="[one]", samples=1, max_tokens=50).replace(
            "model: big", "model: big, key: MY_KEY"
        )
    )
    build(planning.make_plan(str(tmp_path / "r.yaml"), None, store))
    fs = Store(store).fs
    for path in fs.find(Store(store).full("")):
        assert b"sk-very-secret" not in fs.cat_file(path)
