"""The engine `vllm`: a checkpoint run by vLLM, offline, in process groups of their own that can be killed.

Within a process vLLM does not give a GPU's memory back; the kill does, so that
one model after the other has the whole of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from schemas.recipe.models import VLLM
from schemas.request import Completion, EngineError, Failure, Reply, Request
from tasks.engines.configuration import find_program_path
from tasks.engines.replicas.engine import ReplicatedEngine
from tasks.engines.replicas.host import Launch, ReplicaHost
from tasks.engines.token_statistics import TOP, TokenProbabilities, describe_tokens
from tasks.engines.vllm.gpus import list_gpu_groups
from tasks.llm.channels import is_thought_opened, is_unfinished_thought, split_channels
from tasks.worker_log import WorkerLog
from tasks.worker_process import BRIEF_WAITS, WorkerProcess

WORKER = Path(__file__).with_name("worker.py")
INSIDE = 2
"""Requests inside the worker, in batches: one worked on, one made ready, so that a place that gets free is taken at once."""
ROOT = Path(__file__).parents[3]
ENVIRONMENTS = (".venv-gpu", ".venv-vllm")
"""Where `make install-gpu` and `make test-vllm` install vLLM."""
PYTHON = "ERRATA_VLLM_PYTHON"
"""The environment variable that names a Python that has vLLM."""
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


class VLLMEngine(ReplicatedEngine):
    """Answers requests by a model that vLLM holds: once, or by replicas that have GPUs of their own."""

    kind = "vllm"

    def __init__(
        self, model: VLLM, *, worker: Path = WORKER, starting: float = 1800, silence: float = 600, host: ReplicaHost | None = None
    ) -> None:  # fmt: skip
        """Seconds without a sign of life: while the model is loaded, and while it answers."""
        groups = list_gpu_groups(model, host)
        gpus = model.count_gpus_of_replica() if host and host.count_gpus() else 0
        super().__init__(model.model, len(groups), starting, silence, host, gpus)
        self.model = model
        self.name = "vllm"  # with its version once it runs
        self._groups = groups
        self._worker = worker
        self._records = False
        """Whether the workers record distributions."""
        self._chats = True

    @property
    def _program(self) -> str:
        return f"vllm, {find_python()}"

    def _needs_reload(self, requests: Sequence[Request]) -> bool:
        """Where distributions are asked for, and it was loaded without what records them: what is never asked for costs nothing."""
        return not self._records and any("self_certainty" in request.statistics for request in requests)

    def _retire(self) -> None:
        self._records = True
        super()._retire()

    def _find_fault(self, requests: Sequence[Request]) -> str | None:
        if self._chats or all(request.options.api != "chat" for request in requests):
            return None
        return (
            f"model {self.model.model!r} (vllm): its tokenizer has no chat template, so it cannot be asked as a chat; "
            "choose one that was trained on conversations, or declare `api: completions`"
        )

    def _plan_launch(self, number: int) -> Launch:
        worker = None if self._worker == WORKER else self._worker
        return partial(start_worker, self.model, self._groups[number], self._records, self.logs, worker)

    def _write_options(self) -> dict[str, object]:
        return {"options": _options(self.model) | ({"records": True} if self._records else {})}

    def _learn(self, message: Mapping[str, Any]) -> int:
        self.name, self._chats = f"vllm {message['version']}", message["chats"]
        return INSIDE * int(message["batch"])

    def _write(self, number: int, request: Request) -> dict[str, object]:
        return _ask(number, request)

    def _read(self, request: Request, message: Mapping[str, Any]) -> Reply:
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

    def _advise(self, output: str) -> str:
        return next((text for pattern, text in _ADVICE if re.search(pattern, output)), super()._advise(output))


def start_worker(
    model: VLLM, gpus: str | None, records: bool, logs: Path | None, worker: Path | None = None
) -> WorkerProcess:  # fmt: skip
    """Start the process of a replica on this machine, by the Python that has vLLM here.

    Args:
        model: The declaration.
        gpus: The GPUs that it has, as CUDA_VISIBLE_DEVICES names them; None leaves it to vLLM.
        records: Whether it records distributions.
        logs: The folder of its log; None keeps the last lines only.
        worker: The program; that of this folder unless given.

    Returns:
        The process.

    Raises:
        EngineError: That Python cannot be run.

    """
    command = [find_python(), "-E", str(worker or WORKER)]
    try:
        return WorkerProcess(command, _environment(model, gpus, records), log=WorkerLog(logs, "vllm"))
    except OSError as error:
        problem = f"{command[0]} cannot be run ({error.strerror}): name by {PYTHON} a Python that has vLLM"
        raise EngineError(f"model {model.model!r} (vllm): {problem}") from None


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


def _environment(model: VLLM, gpus: str | None = None, records: bool = False) -> dict[str, str]:
    # one process where one is enough: errors keep their names, and the schedule is the same each time
    vllm = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
    environment = {**BRIEF_WAITS, **vllm, **os.environ}
    if records:  # the other runner knows no logits processors of this interface
        environment |= {"VLLM_USE_V2_MODEL_RUNNER": "0"}
    if gpus is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpus
    if model.gpus:
        environment["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"  # nvidia-smi's numbers
    return environment
