"""The engine `openai` against vLLM's own server: its answers are those of vLLM offline."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.recipe.models import OpenAI
from schemas.request import Failure
from tasks.engines.openai.engine import OpenAIEngine
from tasks.engines.vllm.engine import VLLMEngine
from tests.vllm.asking import ask, one, texts
from tests.vllm.conftest import CONTEXT

pytestmark = pytest.mark.external

STARTING = 900


def free_port() -> int:
    with socket.socket() as result:
        result.bind(("127.0.0.1", 0))
        return int(result.getsockname()[1])


@pytest.fixture(scope="module")
def url(python: str, checkpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server on loopback, up to /v1."""
    port, log = free_port(), tmp_path_factory.mktemp("server") / "log"
    command = [
        python, "-m", "vllm.entrypoints.openai.api_server", "--host", "127.0.0.1", "--port", str(port),
        "--model", checkpoint, "--served-model-name", "abacus", "--dtype", "float32",
        "--max-model-len", str(CONTEXT), "--max-num-seqs", "16",
        "--no-enable-chunked-prefill", "--max-num-batched-tokens", "4096",
    ]  # fmt: skip
    environment = {**os.environ, "VLLM_CPU_KVCACHE_SPACE": "1"}
    with open(log, "wb") as stream:
        server = subprocess.Popen(command, env=environment, stdout=stream, stderr=stream, start_new_session=True)
    try:
        wait(f"http://127.0.0.1:{port}", server, log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def wait(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + STARTING
    while True:
        try:
            with urllib.request.urlopen(f"{address}/health", timeout=5):
                return
        except OSError:
            assert server.poll() is None and time.monotonic() < until, log.read_text()[-4000:]
            time.sleep(0.5)


@pytest.fixture(scope="module")
def served(url: str) -> Iterator[OpenAIEngine]:
    engine = OpenAIEngine(OpenAI(engine="openai", model="abacus", url=url, concurrency=16))
    yield engine
    engine.close()


def test_greedy_answers_are_those_of_vllm_offline(served: OpenAIEngine, engine: VLLMEngine) -> None:
    requests = [ask(apples) for apples in range(20)]
    assert texts(served, requests) == texts(engine, requests)
    over, offline = one(served, ask(logprobs=True)), one(engine, ask(logprobs=True))
    assert (over.prompt_tokens, over.finish) == (offline.prompt_tokens, offline.finish)
    assert over.tokens == offline.tokens + (over.finish == "stop"), "endpoints count the end mark, which is paid for"
    assert over.logprob == pytest.approx(offline.logprob, abs=0.01)


def test_a_prefix_is_gone_on_with(served: OpenAIEngine, engine: VLLMEngine) -> None:
    begun = one(engine, ask(max_tokens=3)).text
    assert begun + one(served, ask(prefix=begun, max_tokens=37)).text == one(served, ask()).text


def test_a_stop_text_ends_it(served: OpenAIEngine) -> None:
    whole = one(served, ask()).text
    stop = whole[len(whole) // 2 :][:4]
    result = one(served, ask(stop=(stop,)))
    assert (result.text, result.finish) == (whole[: whole.index(stop)], "stop")


def test_many_samples_differ_and_their_seeds_bring_them_back(served: OpenAIEngine) -> None:
    requests = [ask(sample=sample, temperature=2.0, max_tokens=20) for sample in range(100)]
    first = texts(served, requests)
    assert len(set(first.values())) > 50
    assert texts(served, requests[::-5]) == {request.id: first[request.id] for request in requests[::-5]}


def test_a_prompt_longer_than_the_context_fails_alone(served: OpenAIEngine) -> None:
    long = ask(prefix=" apples" * CONTEXT)
    replies = {reply.request: reply for reply in served.answer([long, ask()])}
    assert isinstance(replies[long.id], Failure) and not isinstance(replies[ask().id], Failure)
