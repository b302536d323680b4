"""Replicas of models on a Ray cluster: each is an actor on the node that has place for it, which holds the replica's process there.

The end of an actor or of its node is the end of the process for whoever asks
it: what is done then is the engine's own business, as on one machine. Actors
end with the build, however that ends, and their processes with them.
"""

from __future__ import annotations

import pickle
from contextlib import suppress
from itertools import count
from threading import Event, Thread
from typing import Any

from flows.running.process_pool import ROOT
from flows.running.ray_connection import list_nodes
from tasks.engines.replicas.host import Launch
from tasks.worker_process import WorkerEnded, WorkerHandle, WorkerProcess

GROUPS = {"send": 1, "receive": 1}
"""Threads of an actor beside its first: what is sent keeps its order, and does not wait for what is received."""
SECONDS = 30.0
"""Within which a process on another node is killed, or says its last words."""


class RayReplicas:
    """Starts the processes of replicas on the nodes of a cluster.

    A replica with GPUs has them for itself. One without asks for a processor
    to be placed, as Ray's actors do, and does not keep it: units would wait
    for it until the end of the build.

    Args:
        ray: The module, connected.
        name: The cluster, as messages call it.
        code: What nodes must run (`ray_node.describe_code`).

    """

    def __init__(self, ray: Any, name: str, code: dict[str, str]) -> None:
        self.name = name
        self._ray, self._code = ray, code
        self._turns = count()

    def count_gpus(self) -> int:
        """The GPUs of all nodes."""
        return self.count_places(1)

    def count_places(self, gpus: int) -> int:
        """How many replicas have place beside each other, with so many GPUs of one node each; with a processor each for 0."""
        resource, share = ("GPU", gpus) if gpus else ("CPU", 1)
        return sum(int(node["Resources"].get(resource, 0)) // share for node in list_nodes(self._ray))

    def start(self, launch: Launch, gpus: int) -> WorkerHandle:
        """Start the process of a replica on a node that has place for it; returns at once."""
        options = {"num_gpus": gpus} if gpus else {"scheduling_strategy": self._choose_node()}
        actor = self._ray.remote(max_restarts=0, concurrency_groups=GROUPS, **options)(_on_node())
        paths = [str(ROOT), str(ROOT / "catalog")]
        return RayWorker(self._ray, actor.remote(), paths, pickle.dumps((self._code, pickle.dumps(launch))))

    def _choose_node(self) -> Any:
        """The nodes in turn, each as often as it has processors; another one where it is gone."""
        nodes = [node for node in list_nodes(self._ray) for _ in range(max(1, int(node["Resources"].get("CPU", 0))))]
        affinity = self._ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy
        return affinity(nodes[next(self._turns) % len(nodes)]["NodeID"], soft=True)


class RayWorker(WorkerHandle):
    """A process of a replica on some node, by the actor that holds it."""

    def __init__(self, ray: Any, actor: Any, paths: list[str], message: bytes) -> None:
        super().__init__()
        self._ray, self._actor = ray, actor
        self.pid = 0  # as long as it has no place
        self.node = ""
        """The address of its node."""
        self._path = ""
        self._ended: WorkerEnded | None = None
        self._started = Event()
        Thread(target=self._relay, args=[paths, message], daemon=True).start()

    def _relay(self, paths: list[str], message: bytes) -> None:
        """Take what it sends, until it ends."""
        try:
            self.node, self.pid, self._path, fault = self._ray.get(self._actor.start.remote(paths, message))
            self._started.set()
            ended = (fault, None) if fault else None
            while ended is None:
                receive = self._actor.receive.options(concurrency_group="receive")
                messages, age, ended = self._ray.get(receive.remote())
                self._logged += max(0.0, self.log_age - age)
                for sent in messages:
                    self._inbox.put(sent)
            self._ended = WorkerEnded(f"on node {self.node}: {ended[0]}")
            self._ended.code = ended[1]
        except self._ray.exceptions.RayError as error:
            where = f"on node {self.node}: " if self.node else ""
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            self._ended = WorkerEnded(f"{where}its actor ended ({reason})")
        finally:
            self._inbox.put(None)

    def send(self, message: object) -> None:
        """Hand it a message; returns at once."""
        with suppress(self._ray.exceptions.RayError):
            self._actor.send.options(concurrency_group="send").remote(message)

    def _describe_end(self) -> WorkerEnded:
        return self._ended or WorkerEnded("what relays its messages ended")

    @property
    def log_path(self) -> str | None:
        """The file on its node that has its whole log."""
        return f"{self.node}:{self._path}" if self._path else None

    def tail_log(self, lines: int) -> list[str]:
        """The last lines of its log; none where its actor is gone."""
        if not self._started.is_set():
            return []
        try:
            return list(self._ray.get(self._actor.tail_log.remote(lines), timeout=SECONDS))
        except self._ray.exceptions.RayError:
            return []

    @property
    def alive(self) -> bool:
        """Whether it can be sent anything."""
        return self._ended is None

    def kill(self) -> None:
        """Kill it on its node, and the actor; an actor that has no place yet gets none."""
        with suppress(self._ray.exceptions.RayError):
            if self._started.is_set():
                self._ray.get(self._actor.kill.remote(), timeout=SECONDS)
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(self._actor)


def _on_node() -> type:
    """What Ray sends to nodes, whole, as in `ray_executor`."""

    class Replica:
        def __init__(self) -> None:
            from threading import Event

            self.process: WorkerProcess | None = None
            self.started = Event()

        def start(self, paths: list[str], message: bytes) -> tuple[str, int, str, str | None]:
            """Start the process; the node, the number and the log of the process, and why it could not be started."""
            import sys

            sys.path += [path for path in paths if path not in sys.path]
            from flows.running.ray_node import start_replica

            node, self.process, fault = start_replica(message)
            pid, path = (self.process.pid, self.process.log_path) if self.process else (0, None)
            self.started.set()
            return node, pid, path or "", fault

        def send(self, message: object) -> None:
            self.started.wait()  # what is sent comes by another thread
            if self.process:
                self.process.send(message)

        def receive(self) -> tuple[list[Any], float, tuple[str, int | None] | None]:
            from flows.running.ray_node import take_messages

            assert self.process
            return take_messages(self.process)

        def tail_log(self, lines: int) -> list[str]:
            return self.process.tail_log(lines) if self.process else []

        def kill(self) -> None:
            if self.process:
                self.process.kill()

    return Replica
