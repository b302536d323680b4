"""The engine `vllm`: a checkpoint run by vLLM, offline, in a process group of its own that can be killed.

Within a process vLLM does not give a GPU's memory back; the kill does, so that
one model after the other has the whole of it.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from schemas.recipe.models import VLLM
from schemas.request import Completion, EngineError, Failure, Reply, Request
from tasks.worker_process import WorkerEnded, WorkerProcess

WORKER = Path(__file__).with_name("worker.py")
INSIDE = 2
"""Requests inside vLLM, in batches: one worked on, one waiting, so that a place that gets free is taken at once."""
LAST_WORDS = 15
_ADVICE = (
    (
        r"No module named '?vllm'?\b",
        "vLLM is missing there: install it (`pip install vllm`; without a GPU see infra/vllm/), "
        "or name by `python:` a Python that has it",
    ),
    (
        r"torchvision|torchaudio|torchcodec",
        "beside the CPU build of vLLM these break the import: `pip uninstall -y torchvision torchaudio torchcodec`",
    ),
    (
        r"(?i)No available memory for the cache blocks|KV cache is needed|larger than the available KV cache",
        "lower `context`, raise `memory`, or let more GPUs share the weights (`tensor_parallel`)",
    ),
    (
        r"(?i)less than desired GPU memory utilization",
        "something else holds the GPU's memory: end it, lower `memory`, or choose other `gpus`",
    ),
    (
        r"(?i)out of memory|OutOfMemory|SIGKILL",
        "if memory ran out: lower `memory`, `context` or `batch`, or let more GPUs share the weights "
        "(`tensor_parallel`)",
    ),
    (r"(?i)chat template", "choose a model that was trained on conversations, or a folder whose tokenizer has one"),
    (
        r"(?i)not a valid model identifier|Repository Not Found|Revision Not Found|RevisionNotFound|LocalEntryNotFound"
        r"|OfflineMode|couldn't connect|can't load the configuration",
        "check `model` and `revision`; without a network it must be a folder, or in the Hub's cache already",
    ),
)


class VLLMEngine:
    """Answers requests by a model that vLLM holds; the model is loaded when first asked, and again after `close`.

    Safe from threads for `close`; answers are asked for one call at a time.
    """

    def __init__(
        self, model: VLLM, *, worker: Path = WORKER, starting: float = 1800, silence: float = 600, grace: float = 10
    ) -> None:
        """Seconds without a sign of life: while the model is loaded, while it answers, while work is dropped."""
        self.model = model
        self.name = "vllm"  # with its version once it runs
        self._worker, self._starting, self._silence, self._grace = worker, starting, silence, grace
        self._process: WorkerProcess | None = None
        self._answering = False

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Give one reply for each request, in the order in which they end.

        Where a prompt and its completion meet the end of the context, the
        completion is cut there, before its own limit.

        Args:
            requests: Requests to this model.

        Yields:
            The replies.

        Raises:
            EngineError: vLLM cannot go on.
            RuntimeError: An earlier answer of this engine is not finished.

        """
        if self._answering:
            raise RuntimeError("an earlier answer of this engine is not finished: exhaust it or close it")
        if not requests:
            return
        self._answering = True
        try:
            process = self._process or self._start()
            yield from self._answers(process, requests)
        except WorkerEnded as ended:
            raise self._failed(str(ended)) from None
        except GeneratorExit:
            self._drop()
            raise
        except BaseException:  # interrupted: nobody knows what is inside
            self.close()
            raise
        finally:
            self._answering = False

    def _answers(self, process: WorkerProcess, requests: Sequence[Request]) -> Iterator[Reply]:
        # those that begin alike come together, so that what they share is read once
        order = sorted(range(len(requests)), key=lambda number: _beginning(requests[number]))
        waiting = iter(order)
        for number in islice(waiting, INSIDE * self.model.batch):
            process.send(_ask(number, requests[number]))
        left = len(requests)
        while left:
            message = process.receive(self._silence)
            if message["is"] == "alive":
                continue
            if message["is"] == "fatal":
                raise WorkerEnded(message["error"])
            left -= 1
            for number in islice(waiting, 1):
                process.send(_ask(number, requests[number]))
            yield self._reply(requests[message["number"]], message)

    def _reply(self, request: Request, message: Mapping[str, Any]) -> Reply:
        if message["is"] == "failure":
            return Failure(request.id, message["reason"], message["detail"])
        price, counts = self.model.price, (message["prompt_tokens"], message["tokens"])
        return Completion(
            request.id, message["text"], message["finish"], request.sampling.max_tokens, *counts,
            message["logprob"], self.name, time.time(), price.of(*counts) if price else None,
        )  # fmt: skip

    def _start(self) -> WorkerProcess:
        """Load the model."""
        command = [self.model.python or sys.executable, "-E", str(self._worker)]
        try:
            self._process = process = WorkerProcess(command, _environment(self.model))
        except OSError as error:
            problem = f"`python: {command[0]}` cannot be run ({error.strerror}): name a Python that has vLLM"
            raise EngineError(f"model {self.model.model!r} (vllm): {problem}") from None
        process.send({"options": _options(self.model)})
        message = process.receive(self._starting, log_counts=True)
        if message["is"] == "fatal":
            raise WorkerEnded(message["error"])
        self.name = f"vllm {message['version']}"
        return process

    def _drop(self) -> None:
        """End what is under way and keep the model; close where that takes too long."""
        try:
            if self._process:
                self._process.send({"drop": True})
                until = time.monotonic() + self._grace
                while self._process.receive(until - time.monotonic())["is"] != "dropped":
                    pass
        except WorkerEnded:
            self.close()

    def _failed(self, problem: str) -> EngineError:
        """End what is left of the process and say what happened, and what to do."""
        log = self._process.tail_log(LAST_WORDS) if self._process else []
        self.close()
        output = "\n".join((problem, *log))
        advice = next((text for pattern, text in _ADVICE if re.search(pattern, output)), "see the last lines above")
        words = "".join(f"\n  | {line}" for line in log)
        python = self.model.python or sys.executable
        return EngineError(f"model {self.model.model!r} (vllm, {python}): {problem}{words}\nWhat to do: {advice}.")

    def close(self) -> None:
        """Kill the process group; GPUs' memory is free when this returns."""
        process, self._process = self._process, None
        if process:
            process.kill()


def _beginning(request: Request) -> tuple[object, ...]:
    messages = tuple((message.role, message.content) for message in request.messages)
    return messages, request.prefix, request.sample


def _ask(number: int, request: Request) -> dict[str, object]:
    sampling = request.sampling
    return {
        "ask": number,
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "prefix": request.prefix,
        "sampling": {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop),
            "seed": request.seed,
        },
        "schema": sampling.schema,
    }


def _options(model: VLLM) -> dict[str, object]:
    """The arguments of vLLM's `LLM`, as far as the declaration knows them."""
    return {
        "model": model.model,
        "revision": model.revision or None,
        "tokenizer_revision": model.revision or None,
        "tensor_parallel_size": model.tensor_parallel,
        "gpu_memory_utilization": model.memory,
        "max_model_len": model.context,
        "max_num_seqs": model.batch,
        "dtype": model.dtype,
    }


def _environment(model: VLLM) -> dict[str, str]:
    # one process where one is enough: errors keep their names, and the schedule is the same each time
    environment = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_WORKER_MULTIPROC_METHOD": "spawn", **os.environ}
    if model.gpus:
        gpus = ",".join(str(number) for number in model.gpus)
        environment |= {"CUDA_VISIBLE_DEVICES": gpus, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}  # nvidia-smi's numbers
    return environment
