"""Replicas on other machines: how many there will be, with which GPUs, and that what starts one can be sent there."""

from __future__ import annotations

import pickle
import sys
from dataclasses import dataclass, field

import pytest

from flows.planning.engines import count_replicas, measure_room, open_engine
from schemas.recipe.models import VLLM, Abacus
from schemas.request import Completion, EngineError
from tasks.engines.abacus.engine import AbacusEngine
from tasks.engines.abacus.replicas import AbacusReplicas
from tasks.engines.replicas.host import Launch
from tasks.engines.vllm.engine import VLLMEngine
from tasks.worker_process import WorkerHandle
from tests.tasks.engines.abacus.tiny_checkpoint import write
from tests.tasks.engines.vllm.opening import FAKE, ask


@dataclass
class HostHere:
    """Machines with so many GPUs and processors, all of which are this one."""

    gpus: tuple[int, ...] = ()
    processors: int = 2
    name: str = "ray://head:6379"
    started: list[int] = field(default_factory=list)
    """The GPUs of each process."""

    def count_gpus(self) -> int:
        return sum(self.gpus)

    def count_places(self, gpus: int) -> int:
        return sum(count // gpus for count in self.gpus) if gpus else self.processors

    def start(self, launch: Launch, gpus: int) -> WorkerHandle:
        self.started.append(gpus)
        sent: Launch = pickle.loads(pickle.dumps(launch))
        return sent()


def declare(**given: object) -> VLLM:
    return VLLM.model_validate({"engine": "vllm", "model": "fake", "context": 200, **given})


@pytest.mark.parametrize(
    ("gpus", "given", "replicas"),
    [
        ((), {}, 1),
        ((), {"replicas": 3}, 3),
        ((4, 4), {}, 8),
        ((4, 4), {"tensor_parallel": 2}, 4),
        ((3, 3), {"tensor_parallel": 2}, 2),
        ((4, 4), {"engine_args": {"pipeline_parallel_size": 2}, "tensor_parallel": 2}, 2),
        ((4, 4), {"replicas": 5}, 5),
    ],
)
def test_a_replica_has_its_gpus_on_one_machine(gpus: tuple[int, ...], given: dict[str, object], replicas: int) -> None:
    host, model = HostHere(gpus), declare(**given)
    assert count_replicas(model, host) == replicas
    if gpus:
        whole = {f"gpu {number}": 1.0 for number in range(replicas * model.count_gpus_of_replica())}
        assert measure_room(model, host) == whole


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"replicas": 3, "tensor_parallel": 2}, r"3 replicas of 2 GPUs on one machine each have no place on ray://head:6379, whose 6 GPUs are enough for 2;"),
        ({"tensor_parallel": 4}, "1 replica of 4 GPUs on one machine each have no place .* enough for 0;"),
        ({"gpus": [0, 1]}, "`gpus` are numbers of one machine, and its replicas run on ray://head:6379"),
    ],
)  # fmt: skip
def test_what_has_no_place_is_refused(given: dict[str, object], problem: str) -> None:
    with pytest.raises(EngineError, match=problem):
        count_replicas(declare(**given), HostHere((3, 3)))


def test_abacus_answers_alike_wherever_its_replicas_are(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = write(tmp_path_factory.mktemp("checkpoint"))
    model, host = Abacus(engine="abacus", checkpoint=str(folder), replicas="auto"), HostHere()
    asked = [ask(f"{number} =", max_tokens=9) for number in range(20)]
    engine = open_engine(model, lambda: (0, 0.0), host)
    assert isinstance(engine, AbacusReplicas)
    try:
        texts = {reply.request: reply.text for reply in engine.answer(asked) if isinstance(reply, Completion)}
    finally:
        engine.close()
    alone = AbacusEngine(model).answer(asked)
    assert texts == {reply.request: reply.text for reply in alone if isinstance(reply, Completion)}
    assert host.started == [0, 0] and len(texts) == 20


def test_processes_of_vllm_are_started_with_their_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRATA_VLLM_PYTHON", sys.executable)
    host = HostHere((2, 2))
    engine = VLLMEngine(declare(tensor_parallel=2), worker=FAKE, host=host)
    try:
        asked = [ask(f"hi {number}") for number in range(9)]
        assert {reply.request for reply in engine.answer(asked)} == {request.id for request in asked}
    finally:
        engine.close()
    assert host.started == [2, 2]
