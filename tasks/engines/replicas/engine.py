"""Engines whose model is held by processes: replicas, each with a whole copy of it, that share the requests of all calls."""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any

from schemas.request import EngineError, Message, Reply, Request
from tasks.engines.replicas.call_queue import Call, CallQueue
from tasks.engines.replicas.host import Launch, ReplicaHost
from tasks.worker_process import WorkerEnded, WorkerHandle, WorkerSilent

_LOG = logging.getLogger(__name__)
LAST_WORDS = 15
MOMENT = 1.0
"""Seconds between looks whether a silent replica has been silent too long."""


@dataclass(eq=False)
class Replica:
    """One copy of the model, in a process of its own."""

    number: int
    process: WorkerHandle | None = None
    places: int = 0
    """Requests that may be inside; 0 until it is loaded."""
    heard: float = 0.0
    """When it last gave a sign of life, or had nothing to do."""
    is_lost: bool = False
    """Whether it could not be loaded, and the others go on without it."""

    @property
    def ready(self) -> bool:
        """Whether it would answer at once."""
        return self.process is not None and self.process.alive and self.places > 0


class ReplicatedEngine(ABC):
    """Answers requests by replicas, loaded at `load` or when first asked, until it is closed.

    Safe from threads: what several ask at once is worked on together. A
    replica that dies is started again, and what was inside it goes to others,
    as `CallQueue` has it; one that cannot be started again is done without, as
    long as there is another.
    """

    name: str
    kind: str
    """The engine's name in recipes."""

    def __init__(
        self, model: str, replicas: int, starting: float, silence: float, host: ReplicaHost | None = None, gpus: int = 0
    ) -> None:  # fmt: skip
        """Seconds without a sign of life: while it is loaded, while it answers; then machines to run on, and GPUs of each replica there."""
        self.logs: Path | None = None
        """See `schemas.engine.LoggedEngine`."""
        self.replicas = [Replica(number) for number in range(replicas)]
        self._model_name, self._starting, self._silence = model, starting, silence
        self._loading, self._lock = Lock(), Lock()
        self._queue = CallQueue(replicas)
        self._closed = False
        self._host, self._gpus = host, gpus

    @abstractmethod
    def _plan_launch(self, number: int) -> Launch:
        """What starts the process of a replica, on whatever machine."""

    @abstractmethod
    def _write_options(self) -> object:
        """The first message to a replica: what it is to load."""

    @abstractmethod
    def _learn(self, message: Mapping[str, Any]) -> int:
        """Take the first message of a replica that is loaded; how many requests may be inside it."""

    @abstractmethod
    def _write(self, number: int, request: Request) -> object:
        """A request as a message."""

    @abstractmethod
    def _read(self, request: Request, message: Mapping[str, Any]) -> Reply:
        """The reply that is in a message."""

    def _advise(self, output: str) -> str:
        """What to do, of the last words of a process."""
        return "see the last lines above"

    def _needs_reload(self, requests: Sequence[Request]) -> bool:
        """Whether the model is to be loaded otherwise for some requests."""
        return False

    def _find_fault(self, requests: Sequence[Request]) -> str | None:
        """Why the model, which is loaded, cannot be asked some requests."""
        return None

    @property
    def _program(self) -> str:
        """What is run, for messages."""
        return self.kind

    @property
    def loaded(self) -> bool:
        """Whether it would answer at once."""
        return any(replica.ready for replica in self.replicas)

    def load(self, requests: Sequence[Request] = ()) -> None:
        """Load all replicas unless they are loaded; see `schemas.engine.LoadingEngine`.

        Args:
            requests: What it is to answer.

        Raises:
            EngineError: None can be loaded, or the engine was closed.

        """
        with self._loading:
            if self._closed:
                raise EngineError(self._describe_closed())
            if self._needs_reload(requests):
                self._retire()
            missing = [replica for replica in self.replicas if not replica.ready]
            if self.loaded:
                missing = [replica for replica in missing if not replica.is_lost]
            if not missing:
                return
            with ThreadPoolExecutor(len(missing)) as threads:
                errors = [error for error in threads.map(self._start_first, missing) if error]
            if errors and not self.loaded:
                raise errors[0]
            with self._lock:
                self._feed()

    def _start_first(self, replica: Replica) -> EngineError | None:
        """Start a replica, and hand out what it answers from now on; what hindered that."""
        try:
            process = self._start(replica)
        except EngineError as error:
            replica.is_lost = True
            if len(self.replicas) > 1:
                _LOG.warning("%s\nThe other replicas go on without it.", error)
            return error
        Thread(target=self._pump, args=[replica, process], name=self.kind, daemon=True).start()
        return None

    def _retire(self) -> None:
        """End replicas that are well, so that others take their place and go on with their requests."""
        retired = []
        with self._lock:
            for replica in self.replicas:
                retired.append(replica.process)
                replica.process, replica.places = None, 0
                self._queue.recall_inside(replica.number)
        for process in retired:
            if process:
                process.kill()

    def answer(self, requests: Sequence[Request]) -> Iterator[Reply]:
        """Give one reply for each request, in the order in which they end.

        Where a prompt and its completion meet the end of the context, the
        completion is cut there, before its own limit.

        Args:
            requests: Requests to this model.

        Yields:
            The replies.

        Raises:
            EngineError: No replica can go on, or the engine was closed.

        """
        if not requests:
            return
        call = self._begin(sort_by_beginning(requests))
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
                for number, inside in self._queue.withdraw(call).items():
                    if process := self.replicas[number].process:
                        process.send({"drop": inside})
                self._feed()

    def _begin(self, requests: Sequence[Request]) -> Call:
        """A call whose requests are sent."""
        while True:
            if not self.loaded or self._needs_reload(requests):
                self.load(requests)
            elif any(replica.process is None and not replica.is_lost for replica in self.replicas):
                Thread(target=self._revive, name=self.kind, daemon=True).start()
            if fault := self._find_fault(requests):
                raise EngineError(fault)
            with self._lock:
                if self.loaded:  # else the last one died just now, when nobody asked
                    call = self._queue.add(requests)
                    self._feed()
                    return call

    def _revive(self) -> None:
        """Load replicas that died when nobody asked."""
        with suppress(EngineError):
            self.load()

    def _feed(self) -> None:
        """Send what there is place for. The lock is held."""
        ready = [replica for replica in self.replicas if replica.process and replica.places]
        for replica in ready:
            if not self._queue.has_inside(replica.number):
                replica.heard = time.monotonic()
        for number, sent in self._queue.take({replica.number: replica.places for replica in ready}):
            process = self.replicas[number].process
            assert process
            process.send(self._write(sent.number, sent.request))

    def _pump(self, replica: Replica, process: WorkerHandle | None) -> None:
        """Hand out what a replica answers, until the engine is closed or the replica cannot go on."""
        while process:
            try:
                while True:
                    self._take(replica, process)
            except WorkerEnded as ended:
                process = self._restart(replica, process, ended)

    def _take(self, replica: Replica, process: WorkerHandle) -> None:
        """Take a message of a replica, if one comes within a moment."""
        try:
            message = process.receive(MOMENT)
        except WorkerSilent:
            with self._lock:
                silent = time.monotonic() - replica.heard >= self._silence
                if self._queue.has_inside(replica.number) and silent:
                    raise WorkerSilent(f"its process gave no sign of life for {self._silence:.0f} s") from None
            return
        with self._lock:
            if replica.process is not process:  # it was retired, and others are asked what was inside it
                return
            replica.heard = time.monotonic()
            if message["is"] == "fatal":
                raise WorkerEnded(message["error"])
            sent = self._queue.settle(message["number"]) if "number" in message else None
            if sent:
                sent.call.replies.put(self._read(sent.request, message))
                self._feed()

    def _start(self, replica: Replica) -> WorkerHandle:
        """Start the process of a replica and have it load the model."""
        launch = self._plan_launch(replica.number)
        process = self._host.start(launch, self._gpus) if self._host else launch()
        with self._lock:
            replica.process, replica.places, replica.is_lost = process, 0, False
            if self._closed:
                process.kill()
        try:
            process.send(self._write_options())
            message = process.receive(self._starting, log_counts=True)
            if message["is"] == "fatal":
                raise WorkerEnded(message["error"])
        except WorkerEnded as ended:
            problem = self._describe(process, ended)
            with self._lock:
                replica.process = None
            process.kill()
            raise EngineError(problem) from None
        with self._lock:
            replica.places, replica.heard = self._learn(message), time.monotonic()
            self._feed()
        return process

    def _restart(self, replica: Replica, process: WorkerHandle, ended: WorkerEnded) -> WorkerHandle | None:
        """Another process in place of one that ended, if there is anything left to answer and none of it is what ends them."""
        problem = self._describe(process, ended)
        with self._lock:
            if replica.process is not process:
                return None
            replica.process, replica.places = None, 0
            may_go_on = self._queue.return_inside(replica.number) and not self._closed
            if not may_go_on:
                self._queue.fail(problem)
            is_idle = self._queue.is_empty
        process.kill()
        if is_idle:
            return None
        _LOG.warning("%s\nIt is started again.", problem)
        with self._lock:
            self._feed()  # others go on with what was inside it
        with self._loading:
            if replica.process is not None:
                return None
            try:
                return self._start(replica)
            except EngineError as error:
                with self._lock:
                    replica.is_lost = True
                    if not self.loaded:
                        self._queue.fail(str(error))
                _LOG.warning("%s\nIt is not started any more.", error)
                return None

    def _describe(self, process: WorkerHandle, ended: WorkerEnded) -> str:
        """How a process ended, its last words, and what to do."""
        if self._closed:
            return self._describe_closed()
        log = process.tail_log(LAST_WORDS)
        advice = self._advise("\n".join((str(ended), *log)))
        words = "".join(f"\n  | {line}" for line in log)
        whole = f"\nIts whole log: {process.log_path}" if process.log_path else ""
        return f"model {self._model_name!r} ({self._program}): {ended}{words}{whole}\nWhat to do: {advice}."

    def _describe_closed(self) -> str:
        return (
            f"model {self._model_name!r} ({self.kind}): the engine was closed, because the build has ended; build again"
        )

    def close(self) -> None:
        """Kill the processes for good; GPUs' memory is free when this returns."""
        with self._lock:
            self._closed = True
            processes = [replica.process for replica in self.replicas]
            self._queue.fail(self._describe_closed())
        for process in processes:
            if process:
                process.kill()


def sort_by_beginning(requests: Sequence[Request]) -> list[Request]:
    """Requests that begin alike together, so that what they share is read once; else in their order, which is that of the parts."""
    first: dict[tuple[Message, ...], int] = {}
    for request in requests:
        first.setdefault(request.messages, len(first))
    return sorted(requests, key=lambda request: (first[request.messages], request.prefix, request.sample))
