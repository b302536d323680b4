"""Engines of a build: one for each model, shared by its tables, unloaded where another needs its room, and not in turns."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from catalog.ledger import Ledger
from catalog.storage import Store
from flows.planning import engines, plan
from flows.planning.asked_models import AskedModel
from flows.running import engine_pool
from flows.running.engine_pool import EnginePool, identify_engine, is_short
from flows.running.inference import Dispatcher
from flows.running.run_plan import ThreadExecutor, materialize
from flows.running.watcher import NOBODY, Watcher
from schemas.model_id import ModelId
from schemas.recipe.models import VLLM, Model
from schemas.request import Completion, EngineError, Reply, Request, Sampling

RECIPE = """\
corpus: t
version: 0.1.0
title: T
license: MIT
models:
  one: {{engine: vllm, model: small, memory: {memory}}}
  two: {{engine: vllm, model: large, memory: {memory}}}
tables:
  problems: {{task: world, count: 12, level: 1}}
{tables}
  release: {{task: release, from: first, splits: {{all: 1}}}}
"""
TABLE = (
    "  {name}: {{task: generate, from: problems, models: {models}, max_tokens: {limit}, sampling: [{{samples: 3}}]}}"
)


@dataclass
class Machine:
    """Opens engines that stand for loaded models, and watches what is loaded and asked."""

    loads: list[str] = field(default_factory=list)
    told: list[int] = field(default_factory=list)
    """How many requests each load was told of."""
    loaded: list[str] = field(default_factory=list)
    most: int = 0
    """Models loaded at the same time, at most."""
    asked: list[Request] = field(default_factory=list)
    threads: dict[str, set[int]] = field(default_factory=dict)
    """The threads that a model answered at the same time, the most of them."""
    answering: dict[str, set[int]] = field(default_factory=dict)
    before: Callable[[Request], None] = lambda request: time.sleep(0.002)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __call__(self, model: Model, spent: object) -> StandIn:
        assert isinstance(model, VLLM)
        return StandIn(self, model.model)


class StandIn:
    """An engine with the lifetime of one that loads a model."""

    name = "stand-in 1"

    def __init__(self, machine: Machine, model: str) -> None:
        self.machine, self.model, self.closed = machine, model, False
        self.lock = threading.Lock()

    @property
    def loaded(self) -> bool:
        return self.model in self.machine.loaded

    def load(self, requests: Sequence[Request] = ()) -> None:
        with self.lock:
            if self.loaded:
                return
            time.sleep(0.05)
            with self.machine.lock:
                if self.closed:
                    raise EngineError("the engine was closed")
                self.machine.loads.append(self.model)
                self.machine.told.append(len(requests))
                self.machine.loaded.append(self.model)
                self.machine.most = max(self.machine.most, len(self.machine.loaded))

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        machine, here = self.machine, threading.get_ident()
        with machine.lock:
            now = machine.answering.setdefault(self.model, set())
            now.add(here)
            if len(now) > len(machine.threads.get(self.model, ())):
                machine.threads[self.model] = set(now)
        try:
            for request in requests:
                assert self.loaded and not self.closed, f"{self.model} was asked while it was not loaded"
                machine.before(request)
                with machine.lock:
                    machine.asked.append(request)
                text = f"{self.model} {request.sample}"
                yield Completion(request.id, text, "stop", request.sampling.max_tokens, 1, 1, None, self.name, 1.0)
        finally:
            with machine.lock:
                now.remove(here)

    def close(self) -> None:
        with self.machine.lock:
            self.closed = True
            if self.loaded:
                self.machine.loaded.remove(self.model)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    stands = Machine()
    monkeypatch.setattr(engines, "open_engine", stands)
    return stands


def build(
    folder: Path,
    models: Sequence[str],
    threads: int,
    memory: float = 0.9,
    same: bool = False,
    watcher: Watcher = NOBODY,
) -> plan.Plan:
    """Build a table for each list of models; each asks other requests than the others unless they are the same."""
    names = ["first", "second", "third", "fourth", "fifth"]
    tables = [
        TABLE.format(name=name, models=asked, limit=50 if same else 50 + i)
        for i, (name, asked) in enumerate(zip(names, models))
    ]
    recipe = folder / "r.yaml"
    recipe.write_text(RECIPE.format(memory=memory, tables="\n".join(tables)))
    with ThreadExecutor(threads) as executor:
        return materialize(plan.make_plan(str(recipe), None, str(folder / "store")), executor, watcher=watcher)


def test_tables_that_ask_the_same_model_share_it_at_the_same_moment(tmp_path: Path, machine: Machine) -> None:
    barrier, waits = threading.Barrier(2, timeout=120), iter(range(2))

    def meet(_: Request) -> None:
        if next(waits, None) is not None:
            barrier.wait()

    machine.before = meet
    build(tmp_path, ["[one]", "[one]"], threads=2)
    assert machine.loads == ["small"]
    assert len(machine.threads["small"]) == 2, "both were answered side by side"
    assert machine.loaded == []


def test_a_model_is_loaded_once_for_tables_that_follow_each_other(tmp_path: Path, machine: Machine) -> None:
    build(tmp_path, ["[one]", "[one]", "[one]"], threads=1)
    assert machine.loads == ["small"] and machine.loaded == []
    assert machine.told == [len(machine.asked)], "it is loaded as the requests of the first table need it"


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize(
    "models", [["[one]", "[two]", "[one]", "[two]", "[one]"], ["[two]", "[one]", "[one, two]", "[two]", "[two, one]"]]
)
def test_models_that_do_not_fit_together_are_loaded_one_after_the_other_and_not_in_turns(
    tmp_path: Path, machine: Machine, models: list[str], threads: int
) -> None:
    build(tmp_path, models, threads)
    assert machine.most == 1, "never both"
    both = any("," in asked for asked in models)
    assert len(machine.loads) == 2 or (both and threads < 5 and len(machine.loads) == 3)
    assert machine.loaded == []


def test_models_that_fit_together_stay_loaded_side_by_side(tmp_path: Path, machine: Machine) -> None:
    build(tmp_path, ["[one]", "[two]", "[one, two]"], threads=3, memory=0.5)
    assert sorted(machine.loads) == ["large", "small"] and machine.most == 2


def test_what_two_tables_ask_alike_is_asked_once(tmp_path: Path, machine: Machine) -> None:
    machine.before = lambda request: time.sleep(0.01)
    folder = tmp_path / "store"
    result = build(tmp_path, ["[one]", "[one]"], threads=2, same=True)
    assert len(result.done["first"].receipt.parts) == 1
    assert len(machine.asked) == len({request.id for request in machine.asked}) == 36
    assert len(Ledger(Store(str(folder)))) == 36


def test_what_another_table_was_answered_meanwhile_is_not_asked_again(tmp_path: Path, machine: Machine) -> None:
    recipe = tmp_path / "r.yaml"
    tables = "\n".join(TABLE.format(name=name, models="[one]", limit=50) for name in ("first", "second"))
    recipe.write_text(RECIPE.format(memory=0.9, tables=tables))
    result = plan.make_plan(str(recipe), None, str(tmp_path / "store"))
    requests = [Request("small", "", (), Sampling(10), sample) for sample in range(3)]
    with EnginePool() as pool, Dispatcher(result.jobs[1], pool) as first, Dispatcher(result.jobs[2], pool) as second:
        for dispatcher, count in ((first, 2), (second, 3), (first, 3)):
            assert len(dispatcher.answer(requests[:count])) == count
    assert [request.sample for request in machine.asked] == [0, 1, 2]


def test_where_the_first_table_fails_to_ask_the_second_asks_itself(tmp_path: Path, machine: Machine) -> None:
    pool, asked, failed = EnginePool(), [], threading.Event()

    def ask(fails: bool) -> dict[str, str]:
        requests = [Request("small", "", (), Sampling(10), sample) for sample in range(3)]
        while True:
            with pool.in_flight.claim(requests, "other") as claim:
                if claim.requests:
                    asked.append(fails)
                    if fails:
                        assert failed.wait(60)
                        raise EngineError("gone")
                    return {request.id: "answered" for request in claim.requests}
            (other,) = claim.others
            assert other.wait(requests, lambda: False) == {}

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(ask, True)
        while not asked:
            time.sleep(0.01)
        second = threads.submit(ask, False)
        failed.set()
        with pytest.raises(EngineError, match="gone"):
            first.result(60)
        assert len(second.result(60)) == 3
    assert asked == [True, False]


def test_a_failure_ends_what_waits_for_room_and_closes_all(tmp_path: Path, machine: Machine) -> None:
    def fail(request: Request) -> None:
        time.sleep(0.05)
        if len(machine.asked) == 5:
            raise EngineError("model one: gone")

    machine.before = fail
    with pytest.raises(EngineError, match="gone"):
        build(tmp_path, ["[one, two]", "[two]"], threads=2)
    assert machine.loaded == []


def test_progress_tells_loading_and_waiting_from_answering(
    tmp_path: Path, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    diary: list[tuple[str, str | None]] = []
    waiting = threading.Event()

    class Diary(Watcher):
        def waits(self, table: str, reason: str | None) -> None:
            diary.append((table, reason))
            if reason and reason.endswith("waits for room"):
                waiting.set()

    def answer_when_another_waits(_: Request) -> None:
        assert waiting.wait(60)

    machine.before = answer_when_another_waits
    monkeypatch.setattr(engine_pool, "EXPECTED_SECONDS", 0.2)
    build(tmp_path, ["[one]", "[two]"], threads=2, watcher=Diary())
    model = {"first": "one", "second": "two"}
    (loader, reason), other = diary[0], "second" if diary[0][0] == "first" else "first"
    assert reason == f"{model[loader]} is loading" and (loader, None) in diary
    reasons = list(dict.fromkeys(reason for table, reason in diary if table == other))
    assert reasons == [f"{model[other]} waits for room", f"{model[other]} is loading", None]


@pytest.mark.parametrize(
    ("needed", "taken", "short"),
    [
        ({"gpu 0": 0.9}, [], False),
        ({"gpu 0": 0.5}, [{"gpu 0": 0.5}], False),
        ({"gpu 0": 0.6}, [{"gpu 0": 0.3}, {"gpu 0": 0.2}], True),
        ({"gpu 0": 0.9}, [{"gpu 1": 0.9}], False),
        ({}, [{"gpu 0": 0.9}], False),
    ],
)
def test_room_is_counted_for_each_resource(
    needed: dict[str, float], taken: list[dict[str, float]], short: bool
) -> None:
    assert is_short(needed, taken) is short


def test_names_of_the_same_weights_share_an_engine_whatever_each_asks_of_them() -> None:
    def identify(**declared: Any) -> str:
        return identify_engine(AskedModel("m", ModelId("small", ""), VLLM(engine="vllm", model="small", **declared)))

    assert identify() == identify(system="Think.", seed=7, template={"enable_thinking": False})
    assert len({identify(), identify(dtype="half"), identify(gpus=[1])}) == 3


def test_a_declaration_says_what_room_it_takes() -> None:
    assert VLLM(engine="vllm", model="m").room() == {"gpu 0": 0.9}
    assert VLLM(engine="vllm", model="m", gpus=[2, 3], tensor_parallel=2, memory=0.4).room() == {
        "gpu 2": 0.4,
        "gpu 3": 0.4,
    }
