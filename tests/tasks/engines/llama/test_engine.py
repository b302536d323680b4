"""The engine `llama`: what it asks a server and reports, and what it does when that dies, stalls or is not wanted."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest

from schemas.engine import LoadingEngine
from schemas.recipe.models import LlamaCpp, Price
from schemas.request import Completion, EngineError, Failure, Message, Options, Reply, Request, Sampling
from tasks.engines.llama import server as llama_server
from tasks.engines.llama.engine import LlamaEngine
from tests.tasks.engines.llama.fake_server import LOGPROB
from tests.tasks.engines.llama.gguf_file import write_gguf

FAKE = Path(__file__).with_name("fake_server.py")
ROOT = Path(__file__).parents[4]
TEXT = Options(api="completions")
Open = Callable[..., LlamaEngine]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program of that name, which the environment names."""
    path = tmp_path / "llama-server"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -I {FAKE} "$@"\n')
    path.chmod(0o755)
    monkeypatch.setenv("ERRATA_LLAMA_SERVER", str(path))
    monkeypatch.setenv("FAKE_LOG", str(tmp_path / "bodies"))
    return path


@pytest.fixture
def opened(program: Path, tmp_path: Path) -> Iterator[Open]:
    """Opens an engine of a declaration."""
    engines = []

    def open_engine(*, loading: float = 60, **declared: Any) -> LlamaEngine:
        model = str(write_gguf(tmp_path / "tiny.gguf"))
        engines.append(LlamaEngine(LlamaCpp(engine="llama", **{"model": model, **declared}), loading=loading))
        return engines[-1]

    yield open_engine
    for engine in engines:
        engine.close()


def ask(text: str, sample: int = 0, prefix: str = "", max_tokens: int = 150, **sampling: Any) -> Request:
    return Request("tiny", "", (Message("user", text),), Sampling(max_tokens, **sampling), sample, prefix)


def complete(engine: LlamaEngine, request: Request) -> Completion:
    (reply,) = engine.answer([request])
    assert isinstance(reply, Completion), reply
    return reply


def bodies(program: Path) -> list[dict[str, Any]]:
    """What the server was asked so far."""
    return [json.loads(line) for line in program.with_name("bodies").read_text().splitlines()]


def pid_of(engine: LlamaEngine) -> int:
    """The server's own process: the child of its supervisor."""
    assert engine._server
    return find_child(engine._server._process.pid)


def find_child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def wait_until_dead(pid: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while True:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text():
                return
        except (FileNotFoundError, ProcessLookupError):
            return
        assert time.monotonic() < until, f"process {pid} lives on"
        time.sleep(0.05)


def test_a_completion_says_all_that_the_ledger_keeps(opened: Open) -> None:
    engine = opened(price=Price(prompt=1.0, completion=10.0))
    request, before = ask("hi", prefix="Well"), time.time()
    reply = complete(engine, request)
    text = '<user>hi""<assistant>Well'
    assert (reply.request, reply.text, reply.finish, reply.limit) == (request.id, text, "stop", 150)
    assert (reply.prompt_tokens, reply.tokens) == (len(text), len(text)), "the end mark is no token of the text"
    assert reply.engine == engine.name == "llama.cpp b1234-fake"
    assert before <= reply.at <= time.time() and reply.price == pytest.approx(11 * len(text) / 1e6)
    assert isinstance(engine, LoadingEngine) and engine.loaded


def test_the_prefix_stands_right_behind_the_template_and_nothing_is_left_to_the_server(
    opened: Open, program: Path
) -> None:
    request = ask("hi", prefix="  Step 1: ", temperature=0.7, top_p=0.9, stop=("END",), repetition_penalty=1.1)
    complete(opened(), request)
    (body,) = bodies(program)
    assert body["prompt"] == '<user>hi""<assistant>  Step 1: '
    assert (body["seed"], body["temperature"], body["top_p"], body["stop"]) == (request.seed, 0.7, 0.9, ["END"])
    assert (body["top_k"], body["min_p"], body["typical_p"], body["repeat_penalty"]) == (0, 0.0, 1.0, 1.1)
    assert body["cache_prompt"] is False and body["n_probs"] == 0 and "json_schema" not in body


def test_threads_spin_briefly_unless_the_environment_says_otherwise(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_WAIT_POLICY", "active")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    engine = opened()
    engine.load()
    environment = Path(f"/proc/{pid_of(engine)}/environ").read_text("utf-8").split("\0")
    assert {"OMP_WAIT_POLICY=active", "GOMP_SPINCOUNT=300"} <= {*environment}


def test_log_probabilities_and_schemas_are_asked_where_they_are_needed(opened: Open, program: Path) -> None:
    schema = {"type": "object", "properties": {"step": {"enum": ["1", "none"]}}}
    request = Request("tiny", "", (Message("user", "hi"),), Sampling(99, schema=json.dumps(schema)), logprobs=True)
    reply = complete(opened(), request)
    assert reply.logprob == pytest.approx(LOGPROB * reply.tokens), "that of the end mark is not counted"
    (body,) = bodies(program)
    assert body["json_schema"] == {**schema, "x-guidance": {"whitespace_flexible": False}} and body["n_probs"] == 1


def test_numbers_of_tokens_and_choices_are_given_where_they_are_asked_for(opened: Open, program: Path) -> None:
    plain = Request("tiny", "", (Message("user", "hi"),), Sampling(99))
    asked = replace(plain, statistics=("min_k20", "token_logprobs"), choices=("A", "B"))
    reply = complete(opened(), asked)
    assert reply.answers(asked) and reply.logprob == pytest.approx(LOGPROB * reply.tokens)
    assert (reply.min_k20, reply.token_logprobs) == (LOGPROB, (LOGPROB,) * reply.tokens)
    assert reply.choice_logprobs == pytest.approx((LOGPROB, 4 * LOGPROB))
    assert complete(opened(), plain).token_logprobs is None
    assert [body["n_probs"] for body in bodies(program)] == [20, 0]


def test_arguments_of_the_template_are_sent_and_base_models_are_sent_text(opened: Open, tmp_path: Path) -> None:
    engine = opened()
    messages = (Message("system", "Be brief."), Message("user", "hi"))
    chat = Request("tiny", "", messages, Sampling(200), options=Options(template='{"enable_thinking": false}'))
    text = Request("tiny", "", messages, Sampling(200), prefix=" A:", options=Options(api="completions"))
    assert complete(engine, chat).text == '<system>Be brief.<user>hi{"enable_thinking": false}<assistant>'
    assert complete(engine, text).text == "Be brief.\n\nhi A:"
    base = opened(model=str(write_gguf(tmp_path / "base.gguf", template="")))
    assert complete(base, text).text == "Be brief.\n\nhi A:"
    with pytest.raises(EngineError, match="has no chat template, so it is no model for conversations"):
        list(base.answer([chat]))


def test_a_completion_that_reaches_its_limit_is_cut_there(opened: Open) -> None:
    reply = complete(opened(), ask("hi", max_tokens=3))
    assert (reply.text, reply.finish, reply.tokens) == ("<us", "length", 3)


def test_thoughts_are_apart_from_the_text(opened: Open) -> None:
    text = Request("tiny", "", (Message("user", ""),), Sampling(99), prefix="<think>2 + 3</think>5", options=TEXT)
    reply = complete(opened(), text)
    assert (reply.thinking, reply.text, reply.thinking_finished) == ("2 + 3", "5", True)
    cut = complete(opened(), replace(text, sampling=Sampling(9)))
    assert (cut.text, cut.thinking_finished, cut.finish) == ("", False, "length")


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("too long", "longer than the context", "request (9 tokens) exceeds"),
        ("refuse", "refused by the chat template", "roles must alternate"),
        ("odd", "refused by llama.cpp", "an answer without `content`"),
    ],
)
def test_what_cannot_be_answered_fails_alone(opened: Open, text: str, reason: str, detail: str) -> None:
    replies = {reply.request: reply for reply in opened().answer([ask("before"), ask(text), ask("after")])}
    failure = replies.pop(ask(text).id)
    assert isinstance(failure, Failure) and failure.reason == reason and detail in failure.detail
    assert all(isinstance(reply, Completion) for reply in replies.values()) and len(replies) == 2


def test_one_request_asked_twice_is_answered_twice(opened: Open) -> None:
    assert len(list(opened().answer([ask("hi"), ask("hi")]))) == 2


def test_calls_on_several_threads_share_the_server(opened: Open) -> None:
    engine = opened(batch=2)
    replies: dict[int, list[Reply]] = {}

    def call(number: int) -> None:
        replies[number] = list(engine.answer([ask(f"{number} {sample}", sample) for sample in range(8)]))

    threads = [Thread(target=call, args=[number]) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(3):
        assert {reply.request for reply in replies[number]} == {ask(f"{number} {s}", s).id for s in range(8)}
    assert len({pid_of(engine)}) == 1


def test_a_server_that_dies_is_started_again_and_what_is_left_is_asked_again(opened: Open, program: Path) -> None:
    engine = opened()
    engine.load()
    before = pid_of(engine)
    replies = list(engine.answer([ask("first"), ask("die once"), ask("last")]))
    assert len(replies) == 3 and all(isinstance(reply, Completion) for reply in replies)
    assert pid_of(engine) != before
    assert [body["prompt"].count("first") for body in bodies(program)].count(1) == 1, (
        "what was answered is not asked again"
    )


def test_a_server_that_dies_again_of_the_same_request_is_an_error_with_its_last_lines(
    opened: Open, tmp_path: Path
) -> None:
    engine = opened()
    engine.logs = tmp_path / "logs"
    with pytest.raises(EngineError) as error:
        list(engine.answer([ask("die always")]))
    first, second = sorted(engine.logs.iterdir())
    assert f"\nIts whole log: {second}\n" in str(error.value), "that of the server that died last"
    assert "failed to allocate buffer" in second.read_text() and "failed to allocate buffer" in first.read_text()
    assert "| ggml: failed to allocate buffer" in str(error.value)
    assert "What to do: if memory ran out: lower `context` or `batch`" in str(error.value)


@pytest.mark.parametrize(
    ("printed", "advice"),
    [
        ("error loading model: unknown model architecture: 'mamba9'", "this build of llama.cpp does not know such a model"),
        ("init: chat template parsing error: Jinja Exception: No.", "its chat template fails, .* `api: completions`"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_load_says_why_and_what_to_do(
    opened: Open, monkeypatch: pytest.MonkeyPatch, printed: str, advice: str
) -> None:
    monkeypatch.setenv("FAKE_FAILS", printed)
    with pytest.raises(EngineError, match=rf"(?s)exit code 3.*\| {re.escape(printed)}.*{advice}"):
        opened().load()


def test_where_another_has_taken_its_port_the_server_is_started_on_another(
    opened: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_TAKEN", str(tmp_path / "taken"))
    (tmp_path / "taken").touch()
    assert complete(opened(), ask("hi")).finish == "stop"
    assert not (tmp_path / "taken").exists()
    monkeypatch.setenv("FAKE_FAILS", "couldn't bind HTTP server socket")
    with pytest.raises(
        EngineError, match=r"(?s)exit code 3.*other programs have taken one port after the other: build"
    ):
        opened().load()


def test_loading_is_waited_for_but_not_for_ever(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAKE_LOADING", "1.5")
    engine = opened()
    assert not engine.loaded
    engine.load()
    assert engine.loaded
    monkeypatch.setenv("FAKE_LOADING", "600")
    slow = opened(loading=1)
    with pytest.raises(EngineError, match="its model was not loaded within 1 s"):
        slow.load()


def test_close_ends_the_server_and_a_load_and_comes_twice(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = opened()
    engine.load()
    pid = pid_of(engine)
    engine.close()
    engine.close()
    wait_until_dead(pid)
    with pytest.raises(EngineError, match="the engine was closed"):
        list(engine.answer([ask("hi")]))
    monkeypatch.setenv("FAKE_LOADING", "600")
    loading = opened()
    errors: list[Exception] = []

    def load() -> None:
        try:
            loading.load()
        except EngineError as error:
            errors.append(error)

    thread = Thread(target=load)
    thread.start()
    while not loading._server:
        time.sleep(0.05)
    loading.close()
    thread.join()
    assert "the engine was closed" in str(errors[0])


def test_closing_the_iterator_drops_the_work_and_keeps_the_server(opened: Open) -> None:
    engine = opened(batch=2)
    replies = engine.answer([ask("hi"), ask("stall")])
    next(replies)
    replies.close()  # type: ignore[attr-defined]
    assert complete(engine, ask("again")).finish == "stop"


def test_nobody_else_is_answered(opened: Open) -> None:
    engine = opened()
    engine.load()
    assert engine._server
    response = httpx.get(f"{engine._server.url}/props", headers={"Authorization": "Bearer guess"}, trust_env=False)
    assert response.status_code == 401
    arguments = Path(f"/proc/{pid_of(engine)}/cmdline").read_text()
    assert engine._server.headers["Authorization"].split()[1] not in arguments, "what all can see holds no key"


@pytest.mark.parametrize("named", ["llama-server-of-nobody", "/nowhere/llama-server"])
def test_a_program_that_is_none_is_told(program: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("ERRATA_LLAMA_SERVER", named)
    with pytest.raises(EngineError, match=r"ERRATA_LLAMA_SERVER names .* which is no program"):
        llama_server.find_program()


def test_the_path_is_looked_at_before_the_wheel_and_where_neither_is_the_error_says_how(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ERRATA_LLAMA_SERVER")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert llama_server.find_program().command == (str(program),)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(llama_server, "WHEEL", "wheel_of_nobody")
    with pytest.raises(EngineError, match=r"there is no llama\.cpp here: `make install-llama`"):
        llama_server.find_program()


KILLED = """
import sys
from schemas.recipe.models import LlamaCpp
from schemas.request import Message, Request, Sampling
from tasks.engines.llama.engine import LlamaEngine
engine = LlamaEngine(LlamaCpp(engine="llama", model=sys.argv[1]))
engine.load()
print(engine._server._process.pid, flush=True)
list(engine.answer([Request("tiny", "", (Message("user", "stall"),), Sampling(9))]))
"""


@pytest.mark.kill
@pytest.mark.parametrize("victim", ["build", "supervisor"])
def test_nothing_outlives_a_killed_build(program: Path, tmp_path: Path, victim: str) -> None:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'catalog'}{os.pathsep}{ROOT}"}
    build = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(write_gguf(tmp_path / "tiny.gguf"))], env=environment,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert build.stdout
    supervisor = int(build.stdout.readline())
    server = find_child(supervisor)
    os.kill(build.pid if victim == "build" else supervisor, signal.SIGKILL)
    wait_until_dead(server)
    wait_until_dead(supervisor)
    build.kill()
    build.wait()
    build.stdout.close()
