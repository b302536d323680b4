"""Units on a Ray cluster: each is a task that streams what it says.

Ray begins a unit again, on another node maybe, where its process or its node is
killed. Its units end with the process of the build, however that ends.
"""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flows.planning.plan import TableJob
from flows.running.partitions import Partition
from flows.running.process_pool import ROOT
from flows.running.ray_connection import ClusterError, list_nodes
from flows.running.ray_replicas import RayReplicas
from flows.running.unit_executor import Message, ProcessError, Unit
from flows.running.watcher import Watcher

MEMORY = 700 * 2**20
"""Bytes that a unit takes, about: a node has no more of them than fit."""
RETRIES = 3
"""How often a unit is begun again whose process or node was killed."""
AHEAD = 2
"""Units that are sent for each that can run at a time: a processor that is done has the next one there."""
SECONDS = 1.0
"""Between two looks at whether the build has ended."""


class RayExecutor:
    """Runs units on the nodes of a cluster.

    Args:
        ray: The module, connected.
        name: The cluster, as messages call it.
        code: What nodes must run (`ray_node.describe_code`).

    """

    takes_all = True

    def __init__(self, ray: Any, name: str, code: dict[str, str]) -> None:
        self._ray = ray
        self.host = RayReplicas(ray, name, code)
        self.count = int(sum(node["Resources"].get("CPU", 0) for node in list_nodes(ray)))
        if not self.count:
            raise ClusterError("ray: no node of the cluster has a processor for units; start nodes with `--num-cpus`")
        self._task = ray.remote(num_cpus=1, memory=MEMORY, max_retries=RETRIES, num_returns="streaming")(_on_node())
        self._paths, self._code = [str(ROOT), str(ROOT / "catalog")], code
        self._closing = False

    def should_run(self, job: TableJob, partitions: Sequence[Partition]) -> bool:
        """All of them."""
        return bool(partitions)

    def run(self, units: Sequence[Unit], watcher: Watcher) -> list[Any]:
        """Run units, a few more at a time than there are processors."""
        waiting, running = deque(enumerate(units)), dict[Any, int]()
        results: list[Any] = [None] * len(units)
        try:
            while waiting or running:
                while waiting and len(running) < self.count * AHEAD:
                    number, unit = waiting.popleft()
                    running[self._task.remote(self._paths, self._code, unit.name, pickle.dumps(unit))] = number
                if self._closing:
                    name = units[next(iter(running.values()))].name
                    raise ProcessError(f"{name}: was not ended, because the build has ended; build again")
                for stream in self._wait(list(running)):
                    number = running[stream]
                    for kind, value in self._receive(stream, units[number]):
                        if kind == "advance":
                            watcher.advance(*value)
                            continue
                        del running[stream]
                        if kind == "failed":
                            error, cause = value
                            raise error from cause
                        results[number] = value
            return results
        finally:
            for stream in running:  # where one failed
                self._ray.cancel(stream, force=True)

    def _wait(self, streams: list[Any]) -> list[Any]:
        """Those of some streams that have something to say, as soon as one has."""
        if not self._ray.wait(streams, timeout=SECONDS, fetch_local=False)[0]:
            return []
        ready: list[Any] = self._ray.wait(streams, num_returns=len(streams), timeout=0, fetch_local=False)[0]
        return ready

    def _receive(self, stream: Any, unit: Unit) -> list[Message]:
        """The next messages of a unit."""
        try:
            said: list[Message] = self._ray.get(next(stream))
        except self._ray.exceptions.RayTaskError as error:  # before it could say so itself
            cause = " ".join(f"{type(error.cause).__name__}: {error.cause}".split())[:200]
            raise ProcessError(
                f"{unit.name}: could not be begun on the cluster ({cause}); install the same commit and lock on its nodes"
            ) from error
        except self._ray.exceptions.RayError as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
            raise ProcessError(
                f"{unit.name}: was begun {RETRIES + 1} times on the cluster and ended each time without a word ({reason}); "
                "look at the memory of its nodes, and build again"
            ) from error
        return said

    def close(self) -> None:
        """Have what waits for units stop, which ends them."""
        self._closing = True


def _on_node() -> Callable[[list[str], dict[str, str], str, bytes], Iterator[list[Message]]]:
    """What Ray sends to nodes. As an inner function it is sent whole: a node may not have Errata where it looks for modules yet."""

    def run(paths: list[str], code: dict[str, str], name: str, unit: bytes) -> Iterator[list[Message]]:
        import os
        import pickle
        import sys

        os.environ.setdefault("POLARS_MAX_THREADS", "1")  # its processor; read when Polars is imported
        sys.path += [path for path in paths if path not in sys.path]
        from flows.running.ray_connection import ClusterError
        from flows.running.ray_node import find_code_fault, stream_unit

        fault = find_code_fault(code)
        if fault:  # a node that came later
            yield [("failed", (ClusterError(f"{name}: a node of the cluster {fault}"), None))]
        else:  # other code might not even read it
            yield from stream_unit(pickle.loads(unit))  # noqa: S301

    return run
