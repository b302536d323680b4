"""Units of work in processes of their own: Python's threads take turns, so that in one process one processor is busy.

A process is given a unit as a reference, tells how far it is, and hands back
the receipt; the rows stay in the store. It ends with the process that began it,
however that ends, because the pipe that it reads from is closed then. Small
builds stay in one process: to begin another takes seconds.
"""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import IO, Any

from catalog.storage import Store
from catalog.tables import PartitionCommit
from flows.planning.plan import TableJob
from flows.running import kinds
from flows.running.partitions import Advance, Partition
from schemas.errors import ApplicationError

ROOT = Path(__file__).parents[2]
MOST = 8
"""Processes at most: each takes up to some 700 MiB."""
ROWS = 20_000
"""Rows from which on more processes are worth their beginning."""
BYTES_OF_A_ROW = 500
"""Of a file, packed or not: what is known of it before it is read."""


class ProcessError(ApplicationError):
    """A process ended without a word."""


class WorkerProcess:
    """A process of its own that runs one partition at a time."""

    def __init__(self, threads: int) -> None:
        # what else can be imported here comes last: Prefect, which loads flows by their files, puts their folder in front
        # of all, and there a module has the name of one of Python's own
        others = [os.path.abspath(path) for path in sys.path]
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._words = tempfile.TemporaryFile()  # noqa: SIM115  # as long as the process
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", f"import sys; sys.path += {others!r}; from flows.running.process_pool import serve_partitions; serve_partitions()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._words,
            start_new_session=True,  # a Ctrl-C is for who began it
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "POLARS_MAX_THREADS": str(threads)},
        )  # fmt: skip

    def run(self, work: TableJob, unit: Partition, advance: Advance) -> PartitionCommit:
        """Do a unit as `kinds.do` does; what is raised there is raised here, and `ProcessError` where the process ended."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None and stdout is not None
        try:
            pickle.dump((work, unit), stdin)
            stdin.flush()
            while True:
                told, value = pickle.load(stdout)  # noqa: S301  # of a process of ours
                if told == "done":
                    receipt: PartitionCommit = value
                    return receipt
                if told == "failed":
                    error, cause = value
                    raise error from cause
                advance(*value)
        except (EOFError, BrokenPipeError, pickle.UnpicklingError):
            raise ProcessError(self._last_words(work, unit)) from None

    def _last_words(self, work: TableJob, unit: Partition) -> str:
        try:
            self._process.wait(1)  # its own end says more than ours
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._process.wait()
        self._words.seek(0)
        lines = self._words.read().decode("utf-8", "replace").split("\n")
        word = next((line.strip()[:200] for line in reversed(lines) if line.strip()), "")
        code = self._process.returncode
        how = f"signal {-code}, for want of memory maybe" if code == -9 else f"exit code {code}"
        return (
            f"{work.name}, unit {unit.name}: the process at work on it ended ({how}){word and ': ' + word}; build again"
        )

    @property
    def alive(self) -> bool:
        """Whether it can be given a unit."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End it; a unit at work is cut off, which harms nothing, and who waits for it is told."""
        self._process.kill()

    def close(self) -> None:
        """End it and forget it."""
        self._process.kill()
        self._process.wait()
        for file in (self._process.stdin, self._process.stdout, self._words):
            try:
                file and file.close()
            except BrokenPipeError:  # what it was not told any more
                pass


class ProcessPool:
    """Worker processes, as many as there are processors, begun when they are first needed; safe from threads."""

    def __init__(self) -> None:
        self.count = min(
            len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1, MOST
        )
        self._begun: list[WorkerProcess] = []
        self._closing = False
        self._idle: queue.LifoQueue[WorkerProcess | None] = queue.LifoQueue()
        for _ in range(self.count):
            self._idle.put(None)

    def run(self, work: TableJob, unit: Partition, advance: Advance) -> PartitionCommit:
        """Do a unit in a process; waits until one is free."""
        process = self._idle.get()
        try:
            if self._closing:
                raise ProcessError(
                    f"{work.name}, unit {unit.name}: was not begun, because the build has ended; build again"
                )
            if process is None or not process.alive:
                if process is not None:
                    process.close()
                process = WorkerProcess(max(1, (os.cpu_count() or 1) // self.count))
                self._begun.append(process)
            return process.run(work, unit, advance)
        finally:
            if self._closing and process is not None:
                process.close()
            self._idle.put(process)

    @property
    def begun(self) -> bool:
        """Whether any has been begun."""
        return bool(self._begun)

    def close(self) -> None:
        """End them, also those at work: a build that fails does not wait for units that are of no more use."""
        self._closing = True
        late: list[None] = []
        for process in self._begun:
            process.kill()
        for _ in range(self._idle.qsize()):
            with suppress(queue.Empty):  # who waits for one may take it, and is told that the build has ended
                idle = self._idle.get_nowait()
                if idle is not None:
                    idle.close()
                late.append(None)
        for none in late:
            self._idle.put(none)  # nobody who comes late waits for ever


_open: ProcessPool | None = None


@contextmanager
def open_pool() -> Iterator[None]:
    """Have processes as long as a build lasts."""
    global _open
    _open = begun = ProcessPool()
    try:
        yield
    finally:
        _open = None
        begun.close()


def should_offload(work: TableJob, units: Sequence[Partition]) -> bool:
    """Whether units are enough work for processes of their own; a store in memory is in this one only."""
    if _open is None or _open.count == 1 or Store(work.store).in_memory:
        return False
    rows = (kinds.count_rows(work, one) or (one.source.size // BYTES_OF_A_ROW if one.source else 0) for one in units)
    return _open.begun or sum(rows) >= ROWS


def run_partition(work: TableJob, unit: Partition, advance: Advance, beside: bool) -> PartitionCommit:
    """Do a unit, in this process or beside it."""
    begun = _open
    return begun.run(work, unit, advance) if beside and begun else kinds.run_partition(work, unit, advance)


def serve_partitions() -> None:
    """Be such a process: read units from the standard input, until it is closed."""
    asked, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)  # what a library prints is not for the pipe
    todo: queue.SimpleQueue[tuple[TableJob, Partition]] = queue.SimpleQueue()
    Thread(target=_read_tasks, args=(asked, todo), daemon=True).start()
    while True:
        work, unit = todo.get()
        try:
            _send(out, "done", kinds.run_partition(work, unit, lambda *how_far: _send(out, "advance", how_far)))
        except BrokenPipeError:
            os._exit(0)
        except Exception as error:
            _send(out, "failed", _make_portable(error))


def _read_tasks(asked: IO[bytes], todo: queue.SimpleQueue[tuple[TableJob, Partition]]) -> None:
    """Pass on what is asked; end the process at once when nobody can ask any more."""
    try:
        while True:
            todo.put(pickle.load(asked))  # noqa: S301  # of the process that began this one
    finally:
        os._exit(0)


def _send(out: IO[bytes], told: str, value: Any) -> None:
    out.write(pickle.dumps((told, value)))
    out.flush()


def _make_portable(error: Exception) -> tuple[Exception, BaseException | None]:
    """An error and its cause as they can be raised in another process, where they were raised noted."""
    error.add_note("".join(traceback.format_exception(error)).rstrip())
    try:
        pickle.loads(pickle.dumps((error, error.__cause__)))  # noqa: S301
    except Exception:
        return RuntimeError(f"{type(error).__name__}: {error}"), None
    return error, error.__cause__
