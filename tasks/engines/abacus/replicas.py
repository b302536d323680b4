"""Abacus in several processes: what one process of Python computes, another need not wait for."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from schemas.recipe.models import Abacus
from schemas.request import Reply, Request
from tasks.engines.abacus.scheduler import ROWS
from tasks.engines.replicas.engine import ReplicatedEngine
from tasks.engines.replicas.host import Launch, ReplicaHost
from tasks.worker_log import WorkerLog
from tasks.worker_process import PICKLE, WorkerProcess

ROOT = Path(__file__).parents[3]
WORKER = "tasks.engines.abacus.worker"
INSIDE = 2
"""Requests inside a replica, in batches."""


def count_replicas(model: Abacus, host: ReplicaHost | None = None) -> int:
    """How many replicas of a model there will be, on this machine or on others."""
    if model.replicas != "auto":
        return model.replicas
    if host is not None:
        return max(1, host.count_places(0))
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def start_worker(worker: str, logs: Path | None, name: str) -> WorkerProcess:
    """Start the process of a replica on this machine.

    Args:
        worker: The module that it is.
        logs: The folder of its log; None keeps the last lines only.
        name: Whose log it is.

    Returns:
        The process.

    """
    others = [os.path.abspath(path) for path in sys.path]
    code = f"import sys; sys.path += {others!r}; from {worker} import serve; serve(*map(int, sys.argv[1:]))"
    paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": paths}
    return WorkerProcess([sys.executable, "-P", "-c", code], environment, PICKLE, WorkerLog(logs, name))


class AbacusReplicas(ReplicatedEngine):
    """Answers requests by one checkpoint in several processes, each request as `AbacusEngine` would."""

    kind = "abacus"

    def __init__(
        self, model: Abacus, worker: str = WORKER, *, starting: float = 300, silence: float = 600, host: ReplicaHost | None = None
    ) -> None:  # fmt: skip
        super().__init__("abacus", count_replicas(model, host), starting, silence, host)
        self.model, self.name = model, "abacus"  # with its version once it runs
        self._worker = worker

    def _plan_launch(self, number: int) -> Launch:
        return partial(start_worker, self._worker, self.logs, f"abacus-{number}")

    def _write_options(self) -> Abacus:
        return self.model

    def _learn(self, message: Mapping[str, Any]) -> int:
        self.name = message["name"]
        return INSIDE * ROWS

    def _write(self, number: int, request: Request) -> dict[str, object]:
        return {"ask": number, "request": request}

    def _read(self, request: Request, message: Mapping[str, Any]) -> Reply:
        reply: Reply = message["reply"]
        return reply
