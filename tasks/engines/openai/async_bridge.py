"""An event loop in a thread of its own, whose work a plain iterator takes as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Put = Callable[[T], Awaitable[None]]
"""Hands one thing over to whoever iterates; waits while there is no room."""

_PATIENCE = 10.0
"""Seconds that cancelled work has to end."""


@dataclass(frozen=True)
class _End:
    """The last thing handed over: how the work ended."""

    error: BaseException | None


@dataclass(frozen=True)
class _Handover(Generic[T]):
    """A thing handed over."""

    value: T


class Background:
    """An event loop that runs in a daemon thread from its first use until it is closed."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: Thread | None = None
        self._closed = False

    def stream(self, work: Callable[[Put[T]], Coroutine[Any, Any, None]], room: int) -> Iterator[T]:
        """Run `work` and give what it puts, as it comes; its exception is raised here, after all that it put.

        Closing the iterator cancels the work and waits for its end.

        Args:
            work: A coroutine that is given the way to put something.
            room: How much may wait to be taken.

        Yields:
            What was put.

        """
        loop = self._running()
        outputs: SimpleQueue[_Handover[T] | _End] = SimpleQueue()
        space, running = asyncio.run_coroutine_threadsafe(_started(work, outputs, room), loop).result()
        try:
            while isinstance(item := outputs.get(), _Handover):
                _call(loop, space.release)
                yield item.value
        except BaseException:  # the iterator is closed, or Ctrl-C
            _call(loop, running.cancel)
            with suppress(Empty):
                while isinstance(outputs.get(timeout=_PATIENCE), _Handover):
                    pass
            raise
        if item.error is not None:
            raise item.error

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel what runs, run `last`, and end the thread; the second time nothing happens."""
        with self._lock:
            self._closed = True
            loop, self._loop = self._loop, None
        if loop is None:
            return
        assert self._thread is not None
        try:
            asyncio.run_coroutine_threadsafe(_ended(last), loop).result(_PATIENCE)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join(_PATIENCE)
            if not self._thread.is_alive():
                loop.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = Thread(target=self._loop.run_forever, name="errata-engine", daemon=True)
                self._thread.start()
            return self._loop


def _call(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    with suppress(RuntimeError):  # the loop is closed already
        loop.call_soon_threadsafe(function)


async def _started(
    work: Callable[[Put[T]], Coroutine[Any, Any, None]], outputs: SimpleQueue[_Handover[T] | _End], room: int
) -> tuple[asyncio.Semaphore, asyncio.Task[None]]:
    space = asyncio.Semaphore(room)

    async def put(value: T) -> None:
        await space.acquire()
        outputs.put(_Handover(value))

    def end(task: asyncio.Task[None]) -> None:
        closed = RuntimeError("the engine was closed while it was asked")
        outputs.put(_End(closed if task.cancelled() else task.exception()))

    running = asyncio.create_task(work(put))
    running.add_done_callback(end)
    return space, running


async def _ended(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last()
