"""The engine `vllm`: a checkpoint run by vLLM, offline, in a process group of its own that can be killed.

Within a process vLLM does not give a GPU's memory back; the kill does, so that
one model after the other has the whole of it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from schemas.recipe.models import VLLM
from schemas.request import Completion, EngineError, Failure, Reply, Request
from tasks.engines.configuration import find_program_path
from tasks.engines.token_statistics import TOP, TokenProbabilities, describe_tokens
from tasks.engines.vllm.call_queue import Call, CallQueue
from tasks.llm.channels import is_thought_opened, is_unfinished_thought, split_channels
from tasks.worker_log import WorkerLog
from tasks.worker_process import BRIEF_WAITS, WorkerEnded, WorkerProcess, WorkerSilent

_LOG = logging.getLogger(__name__)
WORKER = Path(__file__).with_name("worker.py")
INSIDE = 2
"""Requests inside the worker, in batches: one worked on, one made ready, so that a place that gets free is taken at once."""
ROOT = Path(__file__).parents[3]
ENVIRONMENTS = (".venv-gpu", ".venv-vllm")
"""Where `make install-gpu` and `make test-vllm` install vLLM."""
PYTHON = "ERRATA_VLLM_PYTHON"
"""The environment variable that names a Python that has vLLM."""
LAST_WORDS = 15
MOMENT = 1.0
"""Seconds between looks whether a silent worker has been silent too long."""
_ADVICE = (
    (
        r"No module named '?vllm'?\b",
        "vLLM is missing there: `make install-gpu` installs it (without a GPU see infra/vllm/), or name by "
        "ERRATA_VLLM_PYTHON a Python that has it",
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
    (
        r"(?i)not a valid model identifier|Repository Not Found|Revision Not Found|RevisionNotFound|LocalEntryNotFound"
        r"|OfflineMode|couldn't connect|can't load the configuration",
        "check `model` and `revision`; without a network it must be a folder, or in the Hub's cache already",
    ),
)


class VLLMEngine:
    """Answers requests by a model that vLLM holds, loaded at `load` or when first asked, until it is closed.

    Safe from threads: what several ask at once is worked on together. A worker
    that dies is started again, as `CallQueue` has it.
    """

    def __init__(self, model: VLLM, *, worker: Path = WORKER, starting: float = 1800, silence: float = 600) -> None:
        """Seconds without a sign of life: while the model is loaded, and while it answers."""
        self.model = model
        self.name = "vllm"  # with its version once it runs
        self.logs: Path | None = None
        """See `schemas.engine.LoggedEngine`."""
        self._worker, self._starting, self._silence = worker, starting, silence
        self._loading, self._lock = Lock(), Lock()
        self._process: WorkerProcess | None = None
        self._retired: WorkerProcess | None = None
        self._records = False
        """Whether the worker records distributions."""
        self._queue = CallQueue()
        self._most_inside = 0
        self._heard = 0.0
        self._chats = True
        self._closed = False

    @property
    def loaded(self) -> bool:
        """Whether it would answer at once."""
        process = self._process
        return process is not None and process.alive and self._most_inside > 0

    def load(self, requests: Sequence[Request] = ()) -> None:
        """Load the model unless it is loaded; see `schemas.engine.LoadingEngine`.

        Where its distributions are asked for, and it was loaded without what
        records them, it is loaded again: what is never asked for costs nothing.

        Args:
            requests: What it is to answer.

        Raises:
            EngineError: It cannot be loaded, or the engine was closed.

        """
        records = any("self_certainty" in request.statistics for request in requests)
        with self._loading:
            if self._closed:
                raise EngineError(self._describe_closed())
            if records and not self._records:
                self._records = True
                self._retire()
            if not self.loaded:
                process = self._start()
                Thread(target=self._pump, args=[process], name="vllm", daemon=True).start()
                with self._lock:
                    self._feed()

    def _retire(self) -> None:
        """End a worker that is well, so that another takes its place and goes on with its requests."""
        with self._lock:
            self._retired, self._process, self._most_inside = self._process, None, 0
            self._queue.recall_inside()
        if self._retired:
            self._retired.kill()

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Give one reply for each request, in the order in which they end.

        Where a prompt and its completion meet the end of the context, the
        completion is cut there, before its own limit.

        Args:
            requests: Requests to this model.

        Yields:
            The replies.

        Raises:
            EngineError: vLLM cannot go on, or the engine was closed.

        """
        if not requests:
            return
        call = self._begin(sorted(requests, key=_beginning))
        try:
            for _ in requests:
                reply = call.replies.get()
                if isinstance(reply, EngineError):
                    raise reply
                with self._lock:
                    call.untaken -= 1
                    self._feed()
                yield reply
        finally:
            with self._lock:
                if (inside := self._queue.withdraw(call)) and self._process:
                    self._process.send({"drop": inside})
                self._feed()

    def _begin(self, requests: Sequence[Request]) -> Call:
        """A call whose requests are sent. Those that begin alike come together, so that what they share is read once."""
        while True:
            self.load(requests)
            if not self._chats and any(request.options.api == "chat" for request in requests):
                raise EngineError(
                    f"model {self.model.model!r} (vllm): its tokenizer has no chat template, so it cannot be asked as a chat; "
                    "choose one that was trained on conversations, or declare `api: completions`"
                )
            with self._lock:
                if self._process:  # else it died just now, when nobody asked
                    call = self._queue.add(requests)
                    self._feed()
                    return call

    def _feed(self) -> None:
        """Send what there is place for. The lock is held."""
        if not self._queue.has_inside:
            self._heard = time.monotonic()
        if self._process:
            for sent in self._queue.take(self._most_inside):
                self._process.send(_ask(sent.number, sent.request))

    def _pump(self, process: WorkerProcess | None) -> None:
        """Hand out what the worker answers, until the engine is closed or its worker cannot go on."""
        while process:
            try:
                while True:
                    self._take(process)
            except WorkerEnded as ended:
                process = self._restart(process, ended)

    def _take(self, process: WorkerProcess) -> None:
        """Take a message of the worker's, if one comes within a moment."""
        try:
            message = process.receive(MOMENT)
        except WorkerSilent:
            with self._lock:
                if self._queue.has_inside and time.monotonic() - self._heard >= self._silence:
                    raise WorkerSilent(f"its process gave no sign of life for {self._silence:.0f} s") from None
            return
        with self._lock:
            self._heard = time.monotonic()
            if message["is"] == "fatal":
                raise WorkerEnded(message["error"])
            sent = self._queue.settle(message["number"]) if "number" in message else None
            if sent:
                sent.call.replies.put(self._reply(sent.request, message))
                self._feed()

    def _reply(self, request: Request, message: Mapping[str, Any]) -> Reply:
        if message["is"] == "failure":
            return Failure(request.id, message["reason"], message["detail"])
        price, counts = self.model.price, (message["prompt_tokens"], message["tokens"])
        opened = is_thought_opened(message.get("prompt_end", "")) or is_unfinished_thought(request.prefix)
        channels = split_channels(message["text"], opened)
        tokens = TokenProbabilities(
            message.get("logprobs"), message.get("means"), message.get("vocabulary", 0), message.get("alternatives", ())
        )
        return Completion(
            request.id, channels.text, message["finish"], request.sampling.max_tokens, *counts,
            message["logprob"], self.name, time.time(), price.of(*counts) if price else None,
            channels.thinking, message.get("thinking_tokens"), channels.is_finished,
            **describe_tokens(request, message["text"], tokens),
        )  # fmt: skip

    def _start(self) -> WorkerProcess:
        """Start a worker and have it load the model."""
        command = [find_python(), "-E", str(self._worker)]
        try:
            process = WorkerProcess(command, _environment(self.model, self._records), log=WorkerLog(self.logs, "vllm"))
        except OSError as error:
            problem = f"{command[0]} cannot be run ({error.strerror}): name by {PYTHON} a Python that has vLLM"
            raise EngineError(f"model {self.model.model!r} (vllm): {problem}") from None
        with self._lock:
            self._process, self._most_inside = process, 0
            if self._closed:
                process.kill()
        try:
            process.send({"options": _options(self.model) | ({"records": True} if self._records else {})})
            message = process.receive(self._starting, log_counts=True)
            if message["is"] == "fatal":
                raise WorkerEnded(message["error"])
        except WorkerEnded as ended:
            problem = self._describe(process, ended)
            self._end(process)
            raise EngineError(problem) from None
        with self._lock:
            self.name = f"vllm {message['version']}"
            self._most_inside, self._chats = INSIDE * message["batch"], message["chats"]
        return process

    def _restart(self, process: WorkerProcess, ended: WorkerEnded) -> WorkerProcess | None:
        """Another worker in place of one that ended, if anything is left to answer and none of it is what ends them."""
        with self._loading:
            if process is self._retired:
                return None
            problem = self._describe(process, ended)
            self._end(process)
            with self._lock:
                if self._queue.is_empty:
                    return None
                if self._closed or not self._queue.return_inside():
                    self._queue.fail(problem)
                    return None
            _LOG.warning("%s\nIt is started again.", problem)
            try:
                again = self._start()
            except EngineError as error:
                with self._lock:
                    self._queue.fail(str(error))
                return None
            with self._lock:
                self._feed()
            return again

    def _describe(self, process: WorkerProcess, ended: WorkerEnded) -> str:
        """How a worker ended, its last words, and what to do."""
        if self._closed:
            return self._describe_closed()
        log = process.tail_log(LAST_WORDS)
        output = "\n".join((str(ended), *log))
        advice = next((text for pattern, text in _ADVICE if re.search(pattern, output)), "see the last lines above")
        words = "".join(f"\n  | {line}" for line in log)
        whole = f"\nIts whole log: {process.log.path}" if process.log.path else ""
        return f"model {self.model.model!r} (vllm, {find_python()}): {ended}{words}{whole}\nWhat to do: {advice}."

    def _describe_closed(self) -> str:
        return f"model {self.model.model!r} (vllm): the engine was closed, because the build has ended; build again"

    def _end(self, process: WorkerProcess) -> None:
        """Kill a worker's process group; GPUs' memory is free when this returns."""
        with self._lock:
            self._process, self._most_inside = None, 0
        process.kill()

    def close(self) -> None:
        """Kill the worker for good; GPUs' memory is free when this returns."""
        with self._lock:
            self._closed = True
            process = self._process
            self._queue.fail(self._describe_closed())
        if process:
            process.kill()


def _beginning(request: Request) -> tuple[object, ...]:
    messages = tuple((message.role, message.content) for message in request.messages)
    return messages, request.prefix, request.sample


def _ask(number: int, request: Request) -> dict[str, object]:
    sampling = request.sampling
    return {
        "ask": number,
        "logprobs": request.needs_logprobs,
        "alternatives": TOP if request.choices else 0,
        "statistics": list(request.statistics),
        "messages": [{"role": message.role, "content": message.content} for message in request.messages],
        "prefix": request.prefix,
        "sampling": {
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "stop": list(sampling.stop),
            "seed": request.seed,
            **sampling.list_further(),
        },
        "schema": sampling.schema,
        "api": request.options.api,
        "template": json.loads(request.options.template or "{}"),
    }


def _options(model: VLLM) -> dict[str, object]:
    """The arguments of vLLM's `LLM`, as far as the declaration knows them; how many sequences at once is vLLM's choice."""
    options: dict[str, object] = {
        "model": model.model,
        "revision": model.revision or None,
        "tokenizer_revision": model.revision or None,
        "tensor_parallel_size": model.tensor_parallel,
        "gpu_memory_utilization": model.memory,
        "max_model_len": model.context,
        "dtype": model.dtype,
        **model.engine_args.model_dump(exclude_none=True),
    }
    own = {"max_num_seqs": model.batch, "lora": model.lora}
    return options | {name: value for name, value in own.items() if value is not None}


def find_python() -> str:
    """The Python that has vLLM: that of the user's configuration, of `make install-gpu` or of `make test-vllm`, or our own."""
    installed = (str(ROOT / name / "bin" / "python") for name in ENVIRONMENTS)
    named = (find_program_path("vllm_python", PYTHON), *filter(os.path.exists, installed))
    return next(filter(None, named), sys.executable)


def _environment(model: VLLM, records: bool = False) -> dict[str, str]:
    # one process where one is enough: errors keep their names, and the schedule is the same each time
    vllm = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
    environment = {**BRIEF_WAITS, **vllm, **os.environ}
    if records:  # the other runner knows no logits processors of this interface
        environment |= {"VLLM_USE_V2_MODEL_RUNNER": "0"}
    if model.gpus:
        gpus = ",".join(str(number) for number in model.gpus)
        environment |= {"CUDA_VISIBLE_DEVICES": gpus, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}  # nvidia-smi's numbers
    return environment
