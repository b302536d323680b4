"""Partitions in processes of their own: Python's threads take turns, so that in one process one processor is busy.

A process is given a partition as a reference, reports how far it is, and commits
it; the rows stay in the store. It ends with the process that
started it, however that ends. Small builds stay in one process: to start
another takes seconds.
"""

from __future__ import annotations

import os
import pickle
import queue
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from threading import Thread
from typing import IO, Any

from catalog.storage import Store
from flows.planning.plan import TableJob
from flows.running import kinds
from flows.running.partitions import Partition
from flows.running.watcher import Watcher
from schemas.errors import ApplicationError
from tasks.worker_process import PICKLE, WorkerEnded, WorkerProcess

ROOT = Path(__file__).parents[2]
MOST = 8
"""Processes at most: each takes up to some 700 MiB."""
ROWS = 20_000
"""Rows from which on more processes are worth their start."""
BYTES_OF_A_ROW = 500
"""Of a file, packed or not: what is known of it before it is read."""


class ProcessError(ApplicationError):
    """A process ended in the midst of a partition, or was not started because the build has ended."""


class PartitionWorker:
    """A process of its own that runs one partition at a time."""

    def __init__(self, threads: int) -> None:
        # what else can be imported here comes last: Prefect, which loads flows by their files, puts their folder in front
        # of all, and there a module has the name of one of Python's own
        others = [os.path.abspath(path) for path in sys.path]
        code = f"import sys; sys.path += {others!r}; from flows.running.process_pool import serve_partitions; serve_partitions(*map(int, sys.argv[1:]))"
        paths = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": paths, "POLARS_MAX_THREADS": str(threads)}
        self.process = WorkerProcess([sys.executable, "-P", "-c", code], environment, PICKLE)

    def run(self, job: TableJob, partition: Partition, watcher: Watcher) -> None:
        """Run a partition as `kinds.run_partition` does.

        Args:
            job: The table it is of.
            partition: What to run.
            watcher: Is notified of how far it is.

        Raises:
            Exception: Whatever it raised there.
            ProcessError: The process ended.

        """
        try:
            self.process.send((job, partition))
            while True:
                kind, value = self.process.receive()
                if kind == "done":
                    return
                if kind == "failed":
                    error, cause = value
                    raise error from cause
                watcher.advance(*value)
        except WorkerEnded as ended:
            code = ended.code
            how = f"signal {-code}, for want of memory maybe" if code == -9 else f"exit code {code}"
            word = next((line.strip()[:200] for line in reversed(self.process.tail_log(9)) if line.strip()), "")
            raise ProcessError(
                f"{job.name}, unit {partition.name}: the process at work on it ended ({how})"
                f"{word and ': ' + word}; build again"
            ) from None


class ProcessPool:
    """Worker processes, as many as there are processors, started when they are first needed; safe from threads."""

    def __init__(self) -> None:
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self.count = min(processors, MOST)
        self._started: list[PartitionWorker] = []
        self._closing = False
        self._idle: queue.LifoQueue[PartitionWorker | None] = queue.LifoQueue()
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
        sizes = (
            (partition, partition.source.size // BYTES_OF_A_ROW if partition.source else 0) for partition in partitions
        )
        return self.started or sum(kinds.count_rows(job, partition) or size for partition, size in sizes) >= ROWS

    def run(self, job: TableJob, partition: Partition, watcher: Watcher) -> None:
        """Run a partition in a process, as `PartitionWorker.run` does; waits until one is free."""
        worker = self._idle.get()
        try:
            if not self._closing and (worker is None or not worker.process.alive):
                if worker is not None:
                    worker.process.kill()
                worker = PartitionWorker(max(1, (os.cpu_count() or 1) // self.count))
                self._started.append(worker)
            if self._closing or worker is None:
                raise ProcessError(
                    f"{job.name}, unit {partition.name}: was not begun, because the build has ended; build again"
                )
            worker.run(job, partition, watcher)
        finally:
            if self._closing and worker is not None:
                worker.process.kill()
            self._idle.put(worker)

    def close(self) -> None:
        """End them, also those at work: a build that fails does not wait for partitions that are of no more use."""
        self._closing = True
        for worker in list(self._started):
            worker.process.kill()


class _Reporter(Watcher):
    """Reports how far a partition is to the process that asked for it."""

    def __init__(self, out: IO[bytes]) -> None:
        self.out = out

    def advance(self, table: str, rows: int, share: float | None) -> None:
        _send(self.out, "advance", (table, rows, share))


def serve_partitions(requests: int, replies: int) -> None:
    """Be such a process.

    Args:
        requests: The descriptor from which partitions are read, until it is closed.
        replies: The descriptor to which is written what became of them.

    """
    for descriptor in (requests, replies):
        os.set_inheritable(descriptor, False)  # else a process that is started here would hold them open
    todo: queue.SimpleQueue[tuple[TableJob, Partition]] = queue.SimpleQueue()
    Thread(target=_read_requests, args=(os.fdopen(requests, "rb"), todo), daemon=True).start()
    with os.fdopen(replies, "wb") as out:
        while True:
            job, partition = todo.get()
            try:
                kinds.run_partition(job, partition, _Reporter(out))
                _send(out, "done", None)
            except BrokenPipeError:
                os._exit(0)
            except Exception as error:
                _send(out, "failed", _make_portable(error))


def _read_requests(requests: IO[bytes], todo: queue.SimpleQueue[tuple[TableJob, Partition]]) -> None:
    """Pass on what is asked; end the process at once when nobody can ask any more."""
    try:
        for line in requests:
            todo.put(PICKLE.decode(line))
    finally:
        os._exit(0)


def _send(out: IO[bytes], kind: str, value: Any) -> None:
    out.write(PICKLE.encode((kind, value)) + b"\n")
    out.flush()


def _make_portable(error: Exception) -> tuple[Exception, BaseException | None]:
    """An error and its cause as they can be raised in another process, where they were raised noted."""
    error.add_note("".join(traceback.format_exception(error)).rstrip())
    try:
        pickle.loads(pickle.dumps((error, error.__cause__)))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}"), None
    return error, error.__cause__
