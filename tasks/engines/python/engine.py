"""The engine `python`: a request is a program and what is wanted of it, the answer what became of it in the sandbox."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Semaphore

from pydantic import ValidationError

from schemas.programs import ProgramJob
from schemas.recipe.models import Python
from schemas.request import Completion, EngineError, Failure, Reply, Request
from tasks.engines.python.sandbox import SOURCES, Limits, SandboxError, find_fault, run_program

NO_SANDBOX = "the sandbox did not begin"
"""Why a request failed whose program was never run."""


def describe_revision(model: Python) -> str:
    """All that an answer depends on beside the program: the interpreter, the limits, and how a program is run."""
    sources = hashlib.blake2b(SOURCES.encode(), digest_size=4).hexdigest()
    return f"{platform.python_version()},{model.seconds}s,{model.memory}MB,{model.output}kB,{sources}"


class PythonEngine:
    """Runs programs side by side, one on each processor. Whatever one does, the others and this process go on."""

    name = f"python {platform.python_version()}"

    def __init__(self, model: Python) -> None:
        if fault := find_fault():
            raise SandboxError(fault)
        self._limits = Limits(model.seconds, model.memory, model.output)
        self._processors = len(os.sched_getaffinity(0))
        self._places = Semaphore(self._processors)
        self._closed = False

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """The reply to each request, as soon as its program has ended."""
        with ThreadPoolExecutor(self._processors) as pool:
            running = [pool.submit(self._run, request) for request in requests]
            try:
                for future in as_completed(running):
                    yield future.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Begin no further program; those that run end within their time."""
        self._closed = True

    def _run(self, request: Request) -> Reply:
        if self._closed:
            raise EngineError("model 'python': was closed while it was asked; build again")
        try:
            job = ProgramJob.model_validate_json(request.messages[-1].content)
            with self._places:  # also beside the programs of other calls each has a processor for its seconds
                result = run_program(job, self._limits)
        except ValidationError as error:
            return self._fail(
                request, "no program", f"{error.error_count()} faults, the first: {error.errors()[0]['msg']}"
            )
        except SandboxError as error:
            return self._fail(request, NO_SANDBOX, str(error))
        text = json.dumps(result.model_dump(), ensure_ascii=False)
        limit = request.sampling.max_tokens
        return Completion(request.id, text, "stop", limit, 0, 0, None, self.name, time.time())

    def _fail(self, request: Request, reason: str, detail: str) -> Failure:
        return Failure(request.id, reason, detail, request.sampling.max_tokens, engine=self.name, at=time.time())
