"""Units in processes of their own on this machine: Python's threads take turns, so that in one process one processor is busy.

A process ends with the process that started it, however that ends. Small builds
stay in one process: to start another takes seconds.
"""

from __future__ import annotations

import os
import queue
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import closing, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from threading import Thread
from typing import IO, Any

from catalog.storage import Store
from flows.planning.plan import TableJob
from flows.running import kinds
from flows.running.partitions import Partition, estimate_rows
from flows.running.unit_executor import Message, ProcessError, Unit, UnitExecutor, run_unit
from flows.running.watcher import Watcher
from tasks.worker_process import PICKLE, WorkerEnded, WorkerProcess

ROOT = Path(__file__).parents[2]
_END_WITH_PARENT = str(ROOT / "tasks" / "end_with_parent.py")
MOST = 8
"""Processes at most: each takes up to some 700 MiB."""
ROWS = 20_000
"""Rows from which on more processes are worth their start."""
ROWS_OF_A_RELEASE = 300_000
"""Rows to be looked at by gates, or released, from which on it is worth to load the libraries for that in processes."""


class UnitWorker:
    """A process of its own that runs one unit at a time."""

    def __init__(self, threads: int) -> None:
        # what else can be imported here comes last: Prefect, which loads flows by their files, puts their folder in front
        # of all, and there a module has the name of one of Python's own
        others = [os.path.abspath(path) for path in sys.path]
        code = (
            f"import runpy, sys; runpy.run_path({_END_WITH_PARENT!r})['end_with_parent'](int(sys.argv[1])); sys.path += {others!r}; "
            "from flows.running.process_pool import serve_units; serve_units(*map(int, sys.argv[1:]))"
        )
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": paths, "POLARS_MAX_THREADS": str(threads)}
        self.process = WorkerProcess([sys.executable, "-P", "-c", code], environment, PICKLE)

    def run(self, unit: Unit, watcher: Watcher) -> Any:
        """Run a unit.

        Args:
            unit: What to run.
            watcher: Is notified of how far it is.

        Returns:
            What it returned.

        Raises:
            Exception: Whatever it raised there.
            ProcessError: The process ended.

        """
        try:
            self.process.send(unit)
            while True:
                kind, value = self.process.receive()
                if kind == "done":
                    return value
                if kind == "failed":
                    error, cause = value
                    raise error from cause
                watcher.advance(*value)
        except WorkerEnded as ended:
            code = ended.code
            how = f"signal {-code}, for want of memory maybe" if code == -9 else f"exit code {code}"
            word = next((line.strip()[:200] for line in reversed(self.process.tail_log(9)) if line.strip()), "")
            raise ProcessError(
                f"{unit.name}: the process at work on it ended ({how}){word and ': ' + word}; build again"
            ) from None


class ProcessPool:
    """Worker processes, as many as there are processors, started when they are first needed; safe from threads."""

    takes_all = False
    host = None

    def __init__(self) -> None:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.count = min(processors, MOST)
        self._started: list[UnitWorker] = []
        self._closing = False
        self._idle: queue.LifoQueue[UnitWorker | None] = queue.LifoQueue()
        for _ in range(self.count):
            self._idle.put(None)

    def __enter__(self) -> ProcessPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def started(self) -> bool:
        """Whether any process has been started."""
        return bool(self._started)

    def should_run(self, job: TableJob, partitions: Sequence[Partition]) -> bool:
        """Whether partitions are enough work for processes of their own; a store in memory is in this one only."""
        if self.count == 1 or Store(job.store).in_memory:
            return False
        rows = (estimate_rows(partition, partial(kinds.count_rows, job)) for partition in partitions)
        return self.started or sum(rows) >= ROWS

    def run(self, units: Sequence[Unit], watcher: Watcher) -> list[Any]:
        """Run units, each as soon as a process is free."""
        if len(units) == 1:
            return [self._run(units[0], watcher)]
        threads = ThreadPoolExecutor(min(self.count, len(units)) or 1)
        try:
            futures = [threads.submit(self._run, unit, watcher) for unit in units]
            for future in wait(futures, return_when=FIRST_EXCEPTION).done:
                future.result()
            return [future.result() for future in futures]
        finally:
            # where one failed, others may be at work for long: they end with their processes, when the pool is closed
            threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, unit: Unit, watcher: Watcher) -> Any:
        worker = self._idle.get()
        try:
            if not self._closing and (worker is None or not worker.process.alive):
                if worker is not None:
                    worker.process.kill()
                worker = UnitWorker(max(1, (os.cpu_count() or 1) // self.count))
                self._started.append(worker)
            if self._closing or worker is None:
                raise ProcessError(f"{unit.name}: was not begun, because the build has ended; build again")
            return worker.run(unit, watcher)
        finally:
            if self._closing and worker is not None:
                worker.process.kill()
            self._idle.put(worker)

    def close(self) -> None:
        """End them, also those at work: a build that fails does not wait for partitions that are of no more use."""
        self._closing = True
        for worker in list(self._started):
            worker.process.kill()


@contextmanager
def open_pool(store: Store, rows: int, units: UnitExecutor | None = None) -> Iterator[UnitExecutor | None]:
    """What works in other processes on so many rows of complete tables.

    Args:
        store: Where the tables are.
        rows: How many rows there are.
        units: What does so for the whole build, and is closed with it; a pool of its own unless given.

    Yields:
        The executor; None where that is not worth the start of processes.

    """
    with nullcontext(units) if units else closing(ProcessPool()) as pool:
        yield pool if pool.count > 1 and rows >= ROWS_OF_A_RELEASE and not store.in_memory else None


def serve_units(requests: int, replies: int) -> None:
    """Be such a process.

    Args:
        requests: The descriptor from which units are read, until it is closed.
        replies: The descriptor to which is written what they say.

    """
    for descriptor in (requests, replies):
        os.set_inheritable(descriptor, False)  # else a process that is started here would hold them open
    todo: queue.SimpleQueue[Unit] = queue.SimpleQueue()
    Thread(target=_read_requests, args=(os.fdopen(requests, "rb"), todo), daemon=True).start()
    with os.fdopen(replies, "wb") as out:

        def send(message: Message) -> None:
            out.write(PICKLE.encode(message) + b"\n")
            out.flush()

        while True:
            try:
                run_unit(todo.get(), send)
            except BrokenPipeError:
                os._exit(0)


def _read_requests(requests: IO[bytes], todo: queue.SimpleQueue[Unit]) -> None:
    """Pass on what is asked; end the process at once when nobody can ask any more."""
    try:
        for line in requests:
            todo.put(PICKLE.decode(line))
    finally:
        os._exit(0)
