"""Replicas of Abacus: the same answers as in one process, whatever is asked and whoever dies."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from flows.planning.engines import count_replicas
from schemas.recipe.models import Abacus
from schemas.request import Completion, EngineError, Failure, Message, Reply, Request, Sampling
from tasks.engines.abacus.engine import AbacusEngine
from tasks.engines.abacus.replicas import AbacusReplicas
from tests.tasks.engines.abacus.tiny_checkpoint import SHAPE, write
from tests.tasks.engines.vllm.opening import lives


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Abacus:
    folder = write(tmp_path_factory.mktemp("checkpoint"), SHAPE)
    return Abacus(engine="abacus", checkpoint=str(folder), replicas=2)


@pytest.fixture(scope="module")
def engine(model: Abacus) -> Iterator[AbacusReplicas]:
    engine = AbacusReplicas(model)
    yield engine
    engine.close()


def ask(text: str, sample: int = 0, tokens: int = 12, **sampling: float) -> Request:
    return Request("abacus", "", (Message("user", text),), Sampling(tokens, **sampling), sample)  # type: ignore[arg-type]


def strip(reply: Reply) -> Reply:
    return replace(reply, at=0.0)


REQUESTS = [
    *(ask(f"{number} + 2 =", sample) for number in range(25) for sample in range(3)),
    *(ask(f"{number} + 3 =", temperature=0.0) for number in range(10)),
    replace(ask("1 + 1 ="), statistics=("self_certainty", "token_logprobs")),
    ask(" 7" * 100_000),
]


def test_the_answers_are_those_of_one_process(model: Abacus, engine: AbacusReplicas) -> None:
    alone = AbacusEngine(model)
    expected = {reply.request: strip(reply) for reply in alone.answer(REQUESTS)}
    replies = list(engine.answer(REQUESTS))
    assert len(replies) == len(REQUESTS)
    assert {reply.request: strip(reply) for reply in replies} == expected
    assert isinstance(expected[REQUESTS[-1].id], Failure)
    assert engine.name == alone.name


def test_one_request_with_two_limits_is_answered_within_each(engine: AbacusReplicas) -> None:
    replies = [reply for reply in engine.answer([ask("9 ="), ask("9 =", tokens=3)]) if isinstance(reply, Completion)]
    assert Counter(reply.limit for reply in replies) == {12: 1, 3: 1}


def test_a_replica_that_is_killed_costs_no_answer_and_gives_none_twice(model: Abacus) -> None:
    engine = AbacusReplicas(model)
    try:
        requests = [ask(f"{number} =", tokens=60) for number in range(400)]
        replies = engine.answer(requests)
        came = [next(replies) for _ in range(20)]
        victim = engine.replicas[0].process
        assert victim
        os.kill(victim.pid, signal.SIGKILL)
        came += replies
        assert Counter(reply.request for reply in came) == Counter(request.id for request in requests)
    finally:
        engine.close()
    assert not any(replica.process and lives(replica.process.pid) for replica in engine.replicas)


def test_who_stops_asking_is_forgotten_and_a_closed_engine_says_so(model: Abacus) -> None:
    engine = AbacusReplicas(model)
    replies = engine.answer([ask(f"{number} =", tokens=60) for number in range(500)])
    next(replies)
    replies.close()  # type: ignore[attr-defined]
    assert engine._queue.is_empty
    assert len(list(engine.answer([ask("1 =")]))) == 1
    engine.close()
    with pytest.raises(EngineError, match=r"\(abacus\): the engine was closed"):
        list(engine.answer([ask("1 =")]))


def test_replicas_are_counted_by_the_processors() -> None:
    assert count_replicas(Abacus(engine="abacus")) == 1
    assert count_replicas(Abacus(engine="abacus", replicas="auto")) == len(os.sched_getaffinity(0))
    assert count_replicas(Abacus(engine="abacus", replicas=3)) == 3


def test_a_checkpoint_that_is_gone_is_an_error_with_the_last_words(tmp_path: Path) -> None:
    engine = AbacusReplicas(Abacus(engine="abacus", checkpoint=str(tmp_path / "none"), replicas=2))
    with pytest.raises(
        EngineError, match=r"model 'abacus' \(abacus\): its process ended with exit code 1\n(.|\n)*none"
    ):
        engine.load()
    engine.close()
