"""Worker processes for what cannot be decided exactly: killed at a limit of time, bounded in memory, replaced.

Safe from threads: each comparison has a worker of its own while it lasts.
"""

from __future__ import annotations

import atexit
import os
import queue
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from tasks.verify.memo import PASSING, VerdictCache, hash_key
from tasks.worker_process import WorkerEnded, WorkerProcess, WorkerSilent

SECONDS = 8
"""Of the processor's time that a pair may take: so no verdict depends on what else the machine does."""
PATIENCE = 60
"""Seconds of the clock that a pair may take on a busy machine."""
MEBIBYTES = 1536
FIRST = 60
"""Seconds more for the first reply, which waits for the import of sympy."""
_SCRIPT = Path(__file__).with_name("worker.py")


class ComparisonWorker:
    """One process that compares one pair at a time."""

    def __init__(self, seconds: int = SECONDS, mebibytes: int = MEBIBYTES) -> None:
        self.seconds = seconds
        environment = {key: os.environ[key] for key in ("PATH", "LANG", "LD_LIBRARY_PATH") if key in os.environ}
        self.process = WorkerProcess([sys.executable, "-I", str(_SCRIPT), str(seconds), str(mebibytes)], environment)
        # the first comparison pays for the import of sympy, which is no fault of the pair
        self.ready = False

    def compare(self, gold: str, answer: str) -> str:
        """The worker's reply; "timed out" or "died" where there is none, and the worker is then of no more use."""
        try:
            self.process.send([gold, answer])
            reply = str(self._receive() if self.ready else self.process.receive(self.seconds + FIRST))
        except WorkerEnded as ended:
            self.process.kill()
            return "timed out" if isinstance(ended, WorkerSilent) else "died"
        self.ready = True
        return reply

    def _receive(self) -> object:
        """The next reply; `WorkerSilent` where it does not come within the limits."""
        began, until = self.process.read_processor_time(), time.monotonic() + PATIENCE
        wait = float(self.seconds)
        while True:
            try:
                return self.process.receive(wait)
            except WorkerSilent:
                now = self.process.read_processor_time()
                if began is None or now is None or time.monotonic() >= until or now - began >= self.seconds:
                    raise
                wait = max(0.1, self.seconds - (now - began))


class ComparisonPool:
    """Up to as many workers as there are processors, made when first needed."""

    def __init__(self, most: int, seconds: int = SECONDS) -> None:
        self.seconds = seconds
        self._idle: queue.LifoQueue[ComparisonWorker | None] = queue.LifoQueue()
        for _ in range(most):
            self._idle.put(None)

    def compare(self, gold: str, answer: str) -> str:
        """A worker's reply; waits until one is free."""
        worker = self._idle.get()
        try:
            if worker is None or not worker.process.alive:
                worker = ComparisonWorker(self.seconds)
                worker.compare("1", "1")
            reply = worker.compare(gold, answer)
            if reply == "died":  # killed from outside, maybe: only what a pair does twice is the pair's
                worker = ComparisonWorker(self.seconds)
                worker.compare("1", "1")
                reply = worker.compare(gold, answer)
            return reply
        except BaseException:  # interrupted: its reply would be taken for that of the next pair
            if worker is not None:
                worker.process.kill()
            raise
        finally:
            self._idle.put(worker if worker is not None and worker.process.alive else None)

    def close(self) -> None:
        """End the idle workers."""
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                return
            if worker is not None:
                worker.process.kill()


_SHARED = ComparisonPool(os.cpu_count() or 1)  # none is started before the first comparison
atexit.register(_SHARED.close)


class CachedComparison:
    """The workers' verdicts on pairs: each is compared once."""

    def __init__(self, ask: Callable[[str, str], str], memory: VerdictCache) -> None:
        self.ask = ask
        self.memory = memory

    def __call__(self, gold: str, answer: str) -> str:
        """The cached verdict on a pair, or a worker's."""
        key = hash_key(gold, answer)
        reply = self.memory.get(key)
        if reply is None:
            reply = self.ask(gold, answer)
            self.memory.add(key, reply, lasting=reply not in PASSING)
        return reply


compared = CachedComparison(_SHARED.compare, VerdictCache("opinions", f"math-verify {version('math-verify')}"))
"""The verdict of math-verify on a pair, in a worker: `equal`, `different`, or why it is neither."""
