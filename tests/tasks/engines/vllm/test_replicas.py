"""Replicas of the engine `vllm`: GPUs of their own, what goes to which, and what happens when one dies."""

from __future__ import annotations

import json
import logging
import os
import signal
import stat
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from flows.planning.engines import count_replicas, measure_room
from schemas.recipe.models import VLLM
from schemas.request import Completion, EngineError
from tasks.engines.vllm import gpus
from tests.tasks.engines.vllm.opening import Open, ask, lives, pid_of, wait_until_dead


def declare(**given: object) -> VLLM:
    return VLLM.model_validate({"engine": "vllm", "model": "fake", **given})


@pytest.mark.parametrize(
    ("visible", "given", "groups"),
    [
        ("", {}, [None]),
        ("0", {}, [None]),
        ("4,5,6,7", {}, ["4", "5", "6", "7"]),
        ("4,5,6,7", {"tensor_parallel": 2}, ["4,5", "6,7"]),
        ("4,5,6,7", {"replicas": 3}, ["4", "5", "6"]),
        ("4,5,6,7", {"replicas": 1}, [None]),
        ("GPU-a,GPU-b,-1,GPU-c", {}, ["GPU-a", "GPU-b"]),
        ("0,1,2", {"gpus": [2, 5], "tensor_parallel": 2}, ["2,5"]),
        ("0", {"gpus": [2, 5]}, ["2", "5"]),
        ("", {"replicas": 3}, [None, None, None]),
        ("0,1,2,3,4", {"engine_args": {"pipeline_parallel_size": 2}}, ["0,1", "2,3"]),
    ],
)
def test_gpus_are_shared_out(
    monkeypatch: pytest.MonkeyPatch, visible: str, given: dict[str, object], groups: list[str | None]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    model = declare(**given)
    assert gpus.list_gpu_groups(model) == groups and count_replicas(model) == len(groups)


def test_more_replicas_than_there_are_gpus_for_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    with pytest.raises(
        EngineError,
        match=r"`replicas` 2 of 2 GPUs each need 4, and there are 3; lower `replicas`, or .*`replicas: auto`",
    ):
        gpus.list_gpu_groups(declare(replicas=2, tensor_parallel=2))
    with pytest.raises(ValidationError):
        declare(replicas=0)


def test_gpus_are_counted_by_nvidia_s_own_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(
        "#!/bin/sh\necho 'GPU 0: H100 (UUID: GPU-1)'\necho '  MIG 1g'\necho 'GPU 1: H100 (UUID: GPU-2)'\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    gpus._count_gpus.cache_clear()
    assert gpus.list_gpus() == ["0", "1"]
    monkeypatch.setenv("PATH", "")
    gpus._count_gpus.cache_clear()
    assert gpus.list_gpus() == []
    gpus._count_gpus.cache_clear()


def test_replicas_take_the_room_of_all_their_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    assert measure_room(declare()) == {f"gpu {number}": 0.9 for number in range(4)}
    assert measure_room(declare(replicas=1)) == {"gpu 0": 0.9}
    assert measure_room(declare(replicas=2, gpus=[3, 1])) == {"gpu 3": 0.9, "gpu 1": 0.9}


def test_each_replica_sees_its_own_gpu_and_samples_of_a_prompt_go_to_one(
    opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "6,7")
    monkeypatch.setenv("FAKE_VLLM_LOG", str(tmp_path / "log"))
    engine = opened(context=2000, batch=64)
    assert len(engine.replicas) == 2
    asked = [ask(f"problem {number}", sample) for number in range(12) for sample in range(4)]
    replies = list(engine.answer(asked))
    assert Counter(reply.request for reply in replies) == Counter(request.id for request in asked)
    problems = {str(request.seed): request.messages[0].content for request in asked}
    replicas: dict[str, set[str]] = defaultdict(set)
    for line in (tmp_path / "log").read_text().splitlines():
        pid, seed = line.split()
        replicas[problems[seed]].add(pid)
    assert all(len(pids) == 1 for pids in replicas.values())
    assert {pid for pids in replicas.values() for pid in pids} == {str(pid_of(engine, number)) for number in (0, 1)}
    options = [ask("options", 0, " " * number, 2000) for number in range(40)]
    texts = [reply.text for reply in engine.answer(options) if isinstance(reply, Completion)]
    assert {json.loads(text)["CUDA_VISIBLE_DEVICES"] for text in texts} <= {"6", "7"}


def test_a_replica_that_dies_is_started_again_and_the_others_go_on_meanwhile(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = opened(batch=2, context=400, replicas=2)
    engine.load()
    pids = [pid_of(engine, number) for number in (0, 1)]
    requests = [ask(f"die once {tmp_path / 'flag'}"), *(ask(f"hi {number}") for number in range(60))]
    with caplog.at_level(logging.WARNING):
        replies = list(engine.answer(requests))
    assert Counter(reply.request for reply in replies) == Counter(request.id for request in requests)
    assert all(isinstance(reply, Completion) for reply in replies)
    assert "was killed by SIGKILL" in caplog.text and "It is started again." in caplog.text
    until = time.monotonic() + 60
    while not all(replica.ready for replica in engine.replicas):
        assert time.monotonic() < until
        time.sleep(0.05)
    assert len({*pids, *(pid_of(engine, number) for number in (0, 1))}) == 3, "one is another process"


def test_what_kills_two_replicas_ends_the_asking(opened: Open) -> None:
    engine = opened(batch=2, replicas=3)
    with pytest.raises(EngineError, match="was killed by SIGKILL"):
        list(engine.answer([ask("die"), *(ask(f"slow {number}") for number in range(6))]))


def test_a_replica_that_died_idle_is_started_when_it_is_needed(opened: Open) -> None:
    engine = opened(replicas=2)
    engine.load()
    victim = pid_of(engine, 1)
    os.kill(victim, signal.SIGKILL)
    wait_until_dead(victim)
    until = time.monotonic() + 60
    # that it ended may be told to the engine later than to us
    while not engine.replicas[1].ready or pid_of(engine, 1) == victim:
        assert time.monotonic() < until, "the dead replica was not replaced"
        assert len(list(engine.answer([ask(f"hi {number}") for number in range(9)]))) == 9
        time.sleep(0.1)


def test_calls_on_several_threads_share_the_replicas_and_all_end_with_the_engine(opened: Open) -> None:
    engine = opened(batch=2, replicas=3)
    calls = [[ask(f"{call} {number}") for number in range(30)] for call in range(4)]
    with ThreadPoolExecutor(4) as threads:
        replies = list(threads.map(lambda call: list(engine.answer(call)), calls))
    assert [{reply.request for reply in some} for some in replies] == [
        {request.id for request in call} for call in calls
    ]
    pids = [pid_of(engine, number) for number in range(3)]
    engine.close()
    assert not any(map(lives, pids))
