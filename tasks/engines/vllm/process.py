"""A worker in a process group of its own: JSON lines to it and from it, the end of its log, a kill that reaches all."""

from __future__ import annotations

import json
import os
import queue
import re
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from threading import Thread
from typing import IO, Any

LOG_LINES = 60
LINE_BYTES = 2000
# a log may quote what a hub or a proxy was called with
_SECRET = re.compile(r"\b(hf_|sk-)\w{8,}|(?i:bearer)\s+\S+|(?<=://)[^/\s@]+@")


class Ended(Exception):
    """The worker died or went silent; the message says how."""


class Process:
    """A running worker; its last two arguments are the descriptors of its requests and of its replies.

    The end of its requests tells it that the build is gone, however that
    ended. (A death signal would be that of the thread that started it.)
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it; OSError where the command is no program."""
        from_us, to_it = os.pipe()
        from_it, to_us = os.pipe()
        self._requests, self._replies = os.fdopen(to_it, "wb"), os.fdopen(from_it, "rb")
        try:
            self._process = subprocess.Popen(
                [*command, str(from_us), str(to_us)], pass_fds=(from_us, to_us), env=environment,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            self._requests.close()
            self._replies.close()
            raise
        finally:
            os.close(from_us)
            os.close(to_us)
        assert self._process.stdout is not None
        self.pid = self._process.pid
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self._logged = time.monotonic()
        self._outbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._inbox: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._logging = Thread(target=self._keep_log, args=[self._process.stdout], daemon=True)
        self._threads = [Thread(target=self._write, daemon=True), Thread(target=self._read, daemon=True)]
        for thread in (self._logging, *self._threads):
            thread.start()

    def _keep_log(self, stream: IO[bytes]) -> None:
        with stream:
            for line in iter(lambda: stream.readline(LINE_BYTES), b""):
                self._logged = time.monotonic()
                text = line.decode(errors="replace").rstrip().rpartition("\r")[2]  # of a progress bar the last state
                if text:
                    self._log.append(_SECRET.sub("***", text))

    def _write(self) -> None:
        # a worker that is stuck reads nothing: only this thread waits for it
        with suppress(OSError), self._requests:
            while (line := self._outbox.get()) is not None:
                self._requests.write(line)
                self._requests.flush()

    def _read(self) -> None:
        with self._replies:
            for line in self._replies:
                self._inbox.put(line)
        self._inbox.put(None)

    def send(self, message: Mapping[str, object]) -> None:
        """Hand it a message; returns at once."""
        self._outbox.put(json.dumps(message).encode() + b"\n")

    def receive(self, seconds: float, *, log_counts: bool = False) -> dict[str, Any]:
        """Its next message; `Ended` where it died, or was silent for so long (a log line may count as a word)."""
        since = time.monotonic()
        while True:
            try:
                line = self._inbox.get(timeout=min(1.0, max(0.0, seconds)))
            except queue.Empty:
                heard = max(since, self._logged) if log_counts else since
                if time.monotonic() - heard >= seconds:
                    raise Ended(f"its process gave no sign of life for {seconds:.0f} s") from None
                continue
            if line is None or not line.endswith(b"\n"):
                raise Ended(self._how())
            message: dict[str, Any] = json.loads(line)
            return message

    def _how(self) -> str:
        """How it died."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return "its process closed its replies"
        if code < 0:
            return f"its process was killed by {signal.Signals(-code).name}"
        return f"its process ended with exit code {code}"

    def tail(self, lines: int) -> list[str]:
        """The last lines of its log; a moment is given to a dead one's last words."""
        if self._process.poll() is not None:
            self._logging.join(1)
        return list(self._log)[-lines:]

    def kill(self) -> None:
        """Kill the whole group and wait until all of it is gone, 30 seconds at most."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._outbox.put(None)
        self._logging.join(30)  # each process of the group holds the log open until it is gone
        for thread in self._threads:
            thread.join(5)
