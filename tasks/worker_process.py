"""A process that is sent messages and sends messages back: a group of its own, a log with its last words, a kill that reaches all.

Each message is a line. The worker's last two arguments are the descriptors of
its requests and of its replies; what it prints is its log. It may run under any
Python: this module is the side of who starts it.
"""

from __future__ import annotations

import base64
import json
import os
import pickle
import queue
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import IO, Any

from tasks.orphans import mark_owner
from tasks.worker_log import WorkerLog

LOG_SECONDS = 0.5
"""For lines that a living worker wrote before its last message: they come by another pipe."""
LINE_BYTES = 2000

BRIEF_WAITS = {"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "300"}
"""How the threads of a program that computes wait for each other, where the environment says nothing itself: they spin for some
microseconds and then sleep. Where they sleep at once, a small model's hundreds of waits a token halve its speed on idle
processors; where they spin for long, two of them on two busy processors are ten to fifty times slower."""


class WorkerEnded(Exception):
    """The worker died, or is of no more use; the message says how."""

    code: int | None = None
    """Its exit code; below zero the number of the signal that killed it."""


class WorkerSilent(WorkerEnded):
    """The worker said nothing for as long as was waited."""


@dataclass(frozen=True)
class Codec:
    """How messages become lines."""

    encode: Callable[[Any], bytes]
    """A message in bytes without a line feed."""
    decode: Callable[[bytes], Any]
    """The message of such bytes."""


JSON = Codec(lambda message: json.dumps(message).encode(), json.loads)
PICKLE = Codec(
    lambda message: base64.b64encode(pickle.dumps(message)),
    lambda line: pickle.loads(base64.b64decode(line)),  # noqa: S301  # of a process of ours
)


class WorkerHandle(ABC):
    """A worker as who started it has it, on whatever machine it runs: sends it messages and receives its own; safe from threads, one of which receives."""

    pid: int
    """The number of its process, on its machine."""

    def __init__(self) -> None:
        self._logged = time.monotonic()
        """When it last wrote a line of its log."""
        self._inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
        """What it sent, and None when nothing more can come."""

    @abstractmethod
    def send(self, message: object) -> None:
        """Hand it a message; returns at once."""

    def receive(self, seconds: float | None = None, *, log_counts: bool = False) -> Any:
        """Wait for its next message.

        Args:
            seconds: How long to wait; for ever unless given.
            log_counts: Whether a line of its log is a sign of life from which the wait begins anew.

        Returns:
            The message.

        Raises:
            WorkerEnded: It died, or closed its replies.
            WorkerSilent: It said nothing for so long.

        """
        since = time.monotonic()
        while True:
            try:
                item = self._inbox.get(timeout=1.0 if seconds is None else min(1.0, max(0.0, seconds)))
            except queue.Empty:
                heard = max(since, self._logged) if log_counts else since
                if seconds is not None and time.monotonic() - heard >= seconds:
                    raise WorkerSilent(f"its process gave no sign of life for {seconds:.0f} s") from None
                continue
            if item is None:
                self._inbox.put(None)  # who asks again is told again
                raise self._describe_end()
            return self._decode(item)

    @property
    def log_age(self) -> float:
        """Seconds since it last wrote a line of its log, or was started."""
        return time.monotonic() - self._logged

    def _decode(self, item: Any) -> Any:
        """The message that something in the inbox is."""
        return item

    @abstractmethod
    def _describe_end(self) -> WorkerEnded:
        """How it died."""

    @property
    @abstractmethod
    def log_path(self) -> str | None:
        """The file that has its whole log."""

    @abstractmethod
    def tail_log(self, lines: int) -> list[str]:
        """The last lines of its log, secrets masked; a moment is given to what it wrote just now."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it can be sent anything."""

    @abstractmethod
    def kill(self) -> None:
        """Kill it, and wait until it is gone, 30 seconds at most; who waits for a message is told."""


class WorkerProcess(WorkerHandle):
    """A worker that is a process of this machine.

    The end of its requests tells it that whoever started it is gone, however
    that ended. (A death signal would be that of the thread that started it.)
    """

    def __init__(
        self, command: Sequence[str], environment: Mapping[str, str], codec: Codec = JSON, log: WorkerLog | None = None
    ) -> None:
        """Start it; OSError where the command is no program."""
        super().__init__()
        self._codec = codec
        self.log = log or WorkerLog()
        """What it prints."""
        from_us, to_it = os.pipe()
        from_it, to_us = os.pipe()
        self._requests, self._replies = os.fdopen(to_it, "wb"), os.fdopen(from_it, "rb")
        try:
            self._process = subprocess.Popen(
                [*command, str(from_us), str(to_us)], pass_fds=(from_us, to_us), env=mark_owner(environment),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                start_new_session=True,  # a Ctrl-C is for who started it
            )  # fmt: skip
        except BaseException:
            self._requests.close()
            self._replies.close()
            self.log.close()
            raise
        finally:
            os.close(from_us)
            os.close(to_us)
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._killing, self._killed = Lock(), False
        self._logging = Thread(target=self._keep_log, args=[self._process.stdout], daemon=True)
        self._threads = [Thread(target=self._write, daemon=True), Thread(target=self._read, daemon=True)]
        for thread in (self._logging, *self._threads):
            thread.start()

    def _keep_log(self, stream: IO[bytes]) -> None:
        with stream, closing(self.log):
            for line in iter(lambda: stream.readline(LINE_BYTES), b""):
                self._logged = time.monotonic()
                text = line.decode(errors="replace").rstrip().rpartition("\r")[2]  # of a progress bar the last state
                if text:
                    self.log.append(text)

    def _write(self) -> None:
        # a worker that is stuck reads nothing: only this thread waits for it
        with suppress(OSError), self._requests:
            while (line := self._outbox.get()) is not None:
                self._requests.write(line)
                self._requests.flush()

    def _read(self) -> None:
        with self._replies:
            for line in self._replies:
                if line.endswith(b"\n"):  # else it died in the midst of it
                    self._inbox.put(line)
        self._inbox.put(None)

    def send(self, message: object) -> None:
        """Hand it a message; returns at once."""
        self._outbox.put(self._codec.encode(message) + b"\n")

    def _decode(self, item: Any) -> Any:
        return self._codec.decode(item)

    def _describe_end(self) -> WorkerEnded:
        """How it died."""
        try:
            code = self._process.wait(20)  # a busy machine buries slowly
        except subprocess.TimeoutExpired:
            return WorkerEnded("its process closed its replies")
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        ended = WorkerEnded(f"its process {how}")
        ended.code = code
        return ended

    @property
    def log_path(self) -> str | None:
        """The file that has its whole log."""
        return str(self.log.path) if self.log.path else None

    def tail_log(self, lines: int) -> list[str]:
        """The last lines of its log, secrets masked: of a worker that died all it wrote, of another what came within a moment."""
        if self.alive:
            self._logging.join(LOG_SECONDS)
        else:
            self.kill()  # what is left of its group holds the log open
        return self.log.tail(lines)

    @property
    def alive(self) -> bool:
        """Whether it can be sent anything."""
        return self._process.poll() is None

    def read_processor_time(self) -> float | None:
        """The processor's time that it took so far, in seconds; None where the system does not tell, or it is gone."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def kill(self) -> None:
        """Kill the whole group and wait until all of it is gone, 30 seconds at most; who waits for a message is told."""
        with self._killing:
            if self._killed:  # the number of its group may be another's by now
                return
            self._killed = True
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            self._outbox.put(None)
            self._logging.join(30)  # each process of the group holds the log open until it is gone
            for thread in self._threads:
                thread.join(5)
