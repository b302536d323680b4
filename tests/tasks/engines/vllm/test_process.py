"""The process of the engine `vllm`: what happens when it dies, stalls, is not wanted, or loses its parent."""

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from schemas.request import Completion, EngineError
from tests.tasks.engines.vllm.opening import FAKE, Open, ask, ask_one, lives, pid_of, pid_of_loaded, wait_until_dead

ROOT = Path(__file__).parents[4]


def test_a_process_that_dies_is_started_again_and_what_was_inside_is_asked_again(
    opened: Open, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = opened(batch=2, context=400)
    worker = pid_of_loaded(engine)
    requests = [*(ask("hi", sample) for sample in range(9)), ask(f"die once {tmp_path / 'flag'}", max_tokens=5)]
    replies = list(engine.answer(requests))
    assert sorted(reply.request for reply in replies) == sorted(request.id for request in requests)
    assert all(isinstance(reply, Completion) for reply in replies)
    assert pid_of(engine) != worker and not lives(worker)
    assert "was killed by SIGKILL" in caplog.text and "started again" in caplog.text
    flag = ask(f"die once {tmp_path / 'other'}", max_tokens=5)
    assert ask_one(engine, flag).finish == "length", "what was inside is answered, so it may die once more"


def test_a_process_that_dies_again_of_the_same_requests_is_an_error_and_takes_its_group_along(
    opened: Open, caplog: pytest.LogCaptureFixture
) -> None:
    engine = opened()
    child = int(ask_one(engine, ask("child")).text)
    worker = pid_of(engine)
    with pytest.raises(EngineError) as caught:
        list(engine.answer([ask("die"), ask("hi")]))
    message = str(caught.value)
    assert message.startswith(f"model 'fake' (vllm, {sys.executable}): its process was killed by SIGKILL\n  | ")
    assert "  | a step" in message and "lower `memory`, `context` or `batch`" in message
    assert not any(secret in message for secret in ("abcdefgh", "me:word")), message
    wait_until_dead(child)
    assert not lives(worker)
    assert len(caplog.records) == 1, "it was started again, once"
    assert ask_one(engine, ask("hi")).text == "<user>hi<assistant>", "asked again, it begins anew"


def test_a_process_that_dies_while_nobody_asks_is_replaced_when_somebody_does(opened: Open) -> None:
    engine = opened()
    worker = pid_of_loaded(engine)
    os.kill(worker, signal.SIGKILL)
    wait_until_dead(worker)
    assert ask_one(engine, ask("hi")).finish == "stop"
    assert pid_of(engine) != worker


def test_an_error_inside_is_told(opened: Open) -> None:
    with pytest.raises(EngineError, match=r"(?s)RuntimeError: the cache is torn\n.*Traceback.*last lines above"):
        list(opened().answer([ask("break")]))


@pytest.mark.parametrize(
    ("model", "advice"),
    [("missing", "`make install-gpu`"), ("large", "CUDA out of memory.*lower `memory`, `context` or `batch`")],
)
def test_a_model_that_cannot_be_loaded_says_what_to_do(opened: Open, model: str, advice: str) -> None:
    engine = opened(model=model)
    with pytest.raises(EngineError, match=f"(?s)^model '{model}' .*{advice}"):
        list(engine.answer([ask("hi")]))
    assert engine.replicas[0].process is None


def test_a_python_that_is_none(opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERRATA_VLLM_PYTHON", str(tmp_path / "no-python"))
    with pytest.raises(
        EngineError, match=r"no-python cannot be run \(No such file or directory\): name by ERRATA_VLLM_PYTHON a Python"
    ):
        list(opened().answer([ask("hi")]))


def test_a_stall_is_an_error(opened: Open) -> None:
    engine = opened(silence=1.5)
    with pytest.raises(EngineError, match="its process gave no sign of life for 2 s"):
        list(engine.answer([ask("stall")]))
    assert engine.replicas[0].process is None


@pytest.mark.slow
def test_slow_is_not_silent(opened: Open) -> None:
    assert ask_one(opened(silence=6), ask("slow")).tokens * 0.3 > 6


@pytest.mark.slow
def test_a_model_may_take_long_to_load_while_it_says_so(opened: Open) -> None:
    assert ask_one(opened(model="talkative", starting=9), ask("hi")).finish == "stop"
    with pytest.raises(EngineError, match="no sign of life for 2 s"):
        list(opened(model="silent", starting=2).answer([ask("hi")]))


def test_closing_the_iterator_drops_its_work_and_no_other(opened: Open) -> None:
    engine = opened(batch=2)
    answers, others = (engine.answer([ask(text, sample) for sample in range(50)]) for text in ("hi", "ho"))
    next(answers)
    next(others)
    worker = pid_of(engine)
    answers.close()  # type: ignore[attr-defined]
    assert ask_one(engine, ask("hi")).text == "<user>hi<assistant>"
    assert len(list(others)) == 49
    assert pid_of(engine) == worker


def test_close_ends_the_process_and_those_who_wait_for_it(opened: Open) -> None:
    engine = opened()
    child, worker = int(ask_one(engine, ask("child")).text), pid_of(engine)
    with ThreadPoolExecutor(1) as threads:
        stuck = threads.submit(lambda: list(engine.answer([ask("stall")])))
        time.sleep(0.5)
        engine.close()
        with pytest.raises(EngineError, match="the engine was closed"):
            stuck.result(120)
    assert not lives(worker)
    wait_until_dead(child)  # it closed its log, and is buried by somebody else
    engine.close()
    with pytest.raises(EngineError, match="the engine was closed"):
        list(engine.answer([ask("hi")]))


def test_close_ends_a_load(opened: Open) -> None:
    engine = opened(model="silent")
    with ThreadPoolExecutor(1) as threads:
        loading = threads.submit(engine.load)
        time.sleep(0.5)
        engine.close()
        with pytest.raises(EngineError, match="the engine was closed"):
            loading.result(120)
    assert not engine.loaded


BUILD = """
import sys
from schemas.recipe.models import VLLM
from schemas.request import Message, Request, Sampling
from tasks.engines.vllm.engine import VLLMEngine
from pathlib import Path
engine = VLLMEngine(VLLM(engine="vllm", model="fake", context=200), worker=Path(sys.argv[1]))
def ask(text): return Request("fake", "", (Message("user", text),), Sampling(100))
(child,) = engine.answer([ask("child")])
print(engine.replicas[0].process.pid, child.text, flush=True)
list(engine.answer([ask(sys.argv[2])]))
"""


@pytest.mark.parametrize("at", ["stall", "slow"])
@pytest.mark.kill
def test_nothing_outlives_a_killed_build(at: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ERRATA_VLLM_PYTHON": sys.executable}
    command = [sys.executable, "-c", BUILD, str(FAKE), at]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as build:
        assert build.stdout
        worker, child = map(int, build.stdout.readline().split())
        assert lives(worker) and lives(child)
        build.send_signal(signal.SIGKILL)
    wait_until_dead(worker)
    wait_until_dead(child)


LOADING = """
import sys
from threading import Thread
from schemas.recipe.models import VLLM
from tasks.engines.vllm.engine import VLLMEngine
from pathlib import Path
engine = VLLMEngine(VLLM(engine="vllm", model="silent", context=400), worker=Path(sys.argv[1]))
loading = Thread(target=engine.load)
loading.start()
while engine.replicas[0].process is None:
    pass
print(engine.replicas[0].process.pid, flush=True)
loading.join()
"""


@pytest.mark.kill
def test_nothing_outlives_a_build_that_is_killed_while_a_model_is_loaded() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ERRATA_VLLM_PYTHON": sys.executable}
    command = [sys.executable, "-c", LOADING, str(FAKE)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as build:
        assert build.stdout
        worker = int(build.stdout.readline())
        time.sleep(0.5)  # one that fails at once would have ended by now
        assert lives(worker)
        build.send_signal(signal.SIGKILL)
    wait_until_dead(worker)
