"""Writing to the ledger: completions are gathered and written a segment at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any

from catalog.ledger.segments import Segment, Stored, flush, make_entry, make_storable
from catalog.storage import Store
from schemas.request import Request

COUNT = 256
"""Completions that are written at the latest when there are so many."""
SECONDS = 5.0
"""Seconds after which a completion is written at the latest."""
SEGMENTS = 256
"""Segments after which a writer that is at work merges small ones."""


class Writer:
    """Takes completions of one corpus and table, from any number of threads.

    They are written when there are `count` of them, when the oldest has waited
    `seconds`, and at the end of the `with` block, however it ends. A process
    that is killed loses what was not yet written: at most one such flush.
    """

    def __init__(
        self, store: Store, corpus: str, table: str, count: int, seconds: float,
        written: Callable[[Segment], None], tidy: Callable[[], object],
    ) -> None:  # fmt: skip
        self.store, self.corpus, self.table = store, corpus, table
        self.count, self.seconds = count, seconds
        self._written, self._tidy = written, tidy
        self._waiting: list[dict[str, Any]] = []
        self._underway = 0
        self._oldest = 0.0
        self._made = 0
        self._lock, self._writing = Lock(), Lock()
        self._end = Event()
        self._clock: Thread | None = None
        self._failure: Exception | None = None

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(tidy=kind is None)

    def append(self, request: Request, reply: Stored) -> Stored:
        """Take a completion, or the failure of a request that gets none however often it is asked.

        Args:
            request: What was asked.
            reply: What came.

        Returns:
            The reply as it is stored: with U+FFFD for lone surrogates, else as it came.

        Raises:
            ValueError: It answers another request, or the writer is closed.
            StoreError: The store cannot be written; nothing is lost, and the next append or flush tries again.

        """
        if reply.request != request.id:
            raise ValueError(f"ledger: reply to request {reply.request}, expected {request.id}")
        stored = make_storable(reply)
        row = make_entry(request, stored, self.corpus, self.table)
        with self._lock:
            if self._end.is_set():
                raise ValueError("ledger: this writer is closed; open another one")
            self._oldest = self._oldest if self._waiting else time.monotonic()
            self._waiting.append(row)
            full = len(self._waiting) + self._underway >= self.count
            if self._clock is None:
                self._clock = Thread(target=self._flush_in_time, name="ledger", daemon=True)
                self._clock.start()
        if full or self._failure:
            self.flush()
        return stored

    def flush(self) -> None:
        """Write what waits; when this returns, all that was appended before is in the store. May raise `StoreError`."""
        with self._writing:
            with self._lock:
                rows, self._waiting = self._waiting, []
                self._underway = len(rows)
            try:
                if rows:
                    self._written(flush(self.store, rows))
                    self._made += 1
            except BaseException:
                with self._lock:
                    self._waiting = rows + self._waiting
                raise
            finally:
                self._underway = 0
            self._failure = None

    def close(self, tidy: bool = True) -> None:
        """Write what waits and end; merge small segments, if there are many and `tidy`. May be called twice."""
        with self._lock:
            self._end.set()
        if self._clock is not None:
            self._clock.join()
        self.flush()
        if tidy:
            self._tidy()

    def _flush_in_time(self) -> None:
        while not self._end.wait(min(self.seconds / 4, 1.0)):
            try:
                with self._lock:
                    due = bool(self._waiting) and time.monotonic() - self._oldest >= self.seconds * 0.75
                if due:
                    self.flush()
                if self._made >= SEGMENTS:
                    self._made = 0
                    self._tidy()
            except Exception as error:  # the next append tries again, and tells
                self._failure = error
