"""A llama.cpp server of our own: one process group on loopback, with a key that nobody else knows.

Which program that is, a recipe never says: the one that the environment or the
user's configuration names,
`llama-server` where it is on the PATH, or the library of the wheel `xllamacpp`.
"""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx

from schemas.recipe.models import LlamaCpp
from schemas.request import EngineError
from tasks.engines.configuration import find_program_path
from tasks.worker_log import WorkerLog
from tasks.worker_process import BRIEF_WAITS, WorkerEnded, WorkerProcess, WorkerSilent

PROGRAM = "ERRATA_LLAMA_SERVER"
"""The environment variable that names the program; `xllamacpp` is the wheel's."""
WHEEL = "xllamacpp"
HOST = "127.0.0.1"
LAST_LINES = 15
_HERE = Path(__file__).parent
_POLL = 0.1
_TAKEN = r"(?i)couldn't bind|address already in use"
_ADVICE = (
    (
        r"chat template parsing error|failed to initialize chat template",
        "its chat template fails, as the lines above say: choose other weights of this model, or have it go on with texts by "
        "`api: completions`, which needs none",
    ),
    (
        r"(?i)unknown (model )?architecture|unsupported|invalid magic|unknown (pre-tokenizer|type)",
        f"this build of llama.cpp does not know such a model: choose another, or put a newer llama-server into {PROGRAM}",
    ),
    (
        r"(?i)out of memory|failed to allocate|bad_alloc|SIGKILL",
        "if memory ran out: lower `context` or `batch`, or choose smaller weights",
    ),
    (_TAKEN, "other programs have taken one port after the other: build again"),
)
_SEE = "see its last lines above"
_ENVIRONMENT = {
    "LLAMA_ARG_CACHE_RAM": "0",  # no prompt is read from a cache: what was asked before changes no answer
    "LLAMA_ARG_JINJA": "1",
    "LLAMA_ARG_OFFLINE": "1",
    "LLAMA_ARG_CONTEXT_SHIFT": "0",  # an answer that meets the end of the context ends there
    "LLAMA_ARG_ENDPOINT_SLOTS": "0",
    "LLAMA_ARG_UI": "0",
}


class PortTakenError(EngineError):
    """Another program took a server's port before it did."""


@dataclass(frozen=True)
class ServerProgram:
    """What serves a model."""

    command: tuple[str, ...]
    wheel: str = ""
    """The wheel and its version; empty where it is a program of its own, which says itself of what build it is."""


def find_program() -> ServerProgram:
    """The program that serves GGUF models on this machine.

    Returns:
        The one that `ERRATA_LLAMA_SERVER` or the user's configuration names, else `llama-server` of the PATH, else that of the wheel.

    Raises:
        EngineError: There is none.

    """
    named = find_program_path("llama_server", PROGRAM) or ""
    path = shutil.which(named or "llama-server") if named != WHEEL else None
    if path:
        return ServerProgram((path,))
    if named and named != WHEEL:
        source = (
            f"the environment variable {PROGRAM}" if os.environ.get(PROGRAM) else "`llama_server` of your configuration"
        )
        raise EngineError(f"{source} names {named!r}, which is no program; unset or mend it")
    if importlib.util.find_spec(WHEEL) is None:
        raise EngineError(
            "there is no llama.cpp here: `make install-llama` installs a build of it for the CPU (the wheel "
            f"`{WHEEL}`); or put its `llama-server` on the PATH, or its path into {PROGRAM}"
        )
    command = (sys.executable, "-I", str(_HERE / "wheel_server.py"))
    return ServerProgram(command, f"{WHEEL} {version(WHEEL)}")


class LlamaServer:
    """A server of one model, loading when this returns. Raises `EngineError` where it cannot be started."""

    def __init__(self, model: LlamaCpp, logs: Path | None = None) -> None:
        self._model = model
        self._program = find_program()
        self._port = find_free_port()
        self._key = secrets.token_urlsafe(32)
        command = [sys.executable, "-I", str(_HERE / "supervisor.py"), *self._program.command, *self._arguments()]
        try:
            self._process = WorkerProcess(
                command, {**BRIEF_WAITS, **os.environ, **_ENVIRONMENT, **self._environment()}, log=WorkerLog(logs, "llama")
            )  # fmt: skip
        except OSError as error:
            raise EngineError(f"{self.describe()}: {sys.executable} cannot be run ({error.strerror})") from None
        self.build = ""
        """What serves: the build of llama.cpp, or the wheel and its version. Known once it is ready."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{HOST}:{self._port}"

    @property
    def headers(self) -> dict[str, str]:
        """What a request to it must bear."""
        return {"Authorization": f"Bearer {self._key}"}

    def describe(self) -> str:
        """The model and its program, as errors name them."""
        return f"model {self._model.model!r} (llama, {self._program.wheel or self._program.command[0]})"

    def _arguments(self) -> list[str]:
        model = self._model
        return [
            "--model", model.model, "--alias", Path(model.model).stem, "--host", HOST, "--port", str(self._port),
            "--ctx-size", str(model.context * model.batch), "--parallel", str(model.batch),
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        untemplated = {"LLAMA_ARG_JINJA": "0"} if self._model.api == "completions" else {}
        return {"LLAMA_API_KEY": self._key} | untemplated

    def wait_until_ready(self, seconds: float) -> None:
        """Wait until the model is loaded, as many seconds at most; raises `EngineError` where it never is."""
        until = time.monotonic() + seconds
        with httpx.Client(base_url=self.url, headers=self.headers, trust_env=False, timeout=10) as client:
            while (properties := _read_properties(client)) is None:
                try:
                    self._process.receive(_POLL)
                except WorkerSilent:
                    if time.monotonic() > until:
                        raise self.make_error(f"its model was not loaded within {seconds:.0f} s") from None
                except WorkerEnded as ended:
                    raise self.make_error(str(ended)) from None
        self.build = self._program.wheel or str(properties.get("build_info", "of an unknown build"))

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process.alive

    def make_error(self, problem: str) -> EngineError:
        """What went wrong, with the last lines of its log and what to do."""
        log = self._process.tail_log(LAST_LINES)
        kind = PortTakenError if any(re.search(_TAKEN, line) for line in log) else EngineError
        lines = "".join(f"\n  | {line}" for line in log)
        advice = next((text for pattern, text in _ADVICE if re.search(pattern, "\n".join((problem, *log)))), _SEE)
        whole = f"\nIts whole log: {self._process.log_path}" if self._process.log_path else ""
        return kind(f"{self.describe()}: {problem}{lines}{whole}\nWhat to do: {advice}.")

    def close(self) -> None:
        """Kill its process group; the memory is free when this returns."""
        self._process.kill()


def find_free_port() -> int:
    """A port of loopback on which nobody listens; whoever takes it before the server does is not answered for want of the key."""
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])


def _read_properties(client: httpx.Client) -> dict[str, Any] | None:
    """What the server says of itself; None while it loads."""
    try:
        response = client.get("/props")
        properties = response.json() if response.status_code == 200 else None
    except (httpx.HTTPError, ValueError):
        return None
    return properties if isinstance(properties, dict) else None
