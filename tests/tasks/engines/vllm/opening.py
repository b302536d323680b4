"""What tests of the engine `vllm` share: what they ask, and whether its processes live."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from schemas.request import Completion, Message, Request, Sampling
from tasks.engines.vllm.engine import VLLMEngine

FAKE = Path(__file__).with_name("fake_worker.py")
Open = Callable[..., VLLMEngine]


def ask(text: str, sample: int = 0, prefix: str = "", max_tokens: int = 150) -> Request:
    return Request("fake", "", (Message("user", text),), Sampling(max_tokens), sample, prefix)


def ask_one(engine: VLLMEngine, request: Request) -> Completion:
    (reply,) = engine.answer([request])
    assert isinstance(reply, Completion)
    return reply


def lives(pid: int) -> bool:
    """Whether a process is there and not merely waiting to be buried."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until_dead(pid: int, seconds: float = 120) -> None:
    until = time.monotonic() + seconds
    while lives(pid):
        assert time.monotonic() < until, f"process {pid} lives on"
        time.sleep(0.05)


def pid_of_loaded(engine: VLLMEngine) -> int:
    engine.load()
    return pid_of(engine)


def pid_of(engine: VLLMEngine, replica: int = 0) -> int:
    process = engine.replicas[replica].process
    assert process
    return process.pid
