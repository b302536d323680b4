"""Rounds of many conversations, asked side by side: each goes on when its own requests are answered, however long those of others take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Generic, TypeVar

from flows.running.inference import Dispatcher
from schemas.request import Reply, Request

T = TypeVar("T")
SHARE = 1 / 8
"""Of all that is unanswered the share that is ready before it is asked: what is looked up and leased together is not little."""


@dataclass(eq=False)
class _Round(Generic[T]):
    """What a conversation asks at a time."""

    conversation: T
    requests: Sequence[Request]
    replies: dict[str, Reply] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)


class Rounds(Generic[T]):
    """The rounds of conversations that are open, within a `with` block. One thread asks and takes; others answer.

    What is ready goes to the dispatcher together, as soon as the models would
    otherwise soon have nothing to do: so no window of requests waits for the
    last reply of the one before.
    """

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._ready: list[_Round[T]] = []
        self._open: set[_Round[T]] = set()
        self._unanswered = 0
        self._lock = Lock()
        self._events: SimpleQueue[_Round[T] | None] = SimpleQueue()
        """Rounds that are answered; None where a thread has ended."""
        self._threads: list[Thread] = []

    def __enter__(self) -> Rounds[T]:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if kind is None:
            self._join()
            if self._dispatcher.error:
                raise self._dispatcher.error
        elif issubclass(kind, Exception):
            self._dispatcher.give_up(error)
            self._join()

    @property
    def requests(self) -> int:
        """The requests of open rounds, which are held in memory with their replies."""
        return sum(len(round_.requests) for round_ in self._open)

    def __len__(self) -> int:
        return len(self._open)

    def ask(self, conversation: T, requests: Sequence[Request]) -> None:
        """Have the requests of a conversation's next round answered."""
        round_ = _Round(conversation, requests, missing={request.id for request in requests})
        self._open.add(round_)
        if round_.missing:
            self._ready.append(round_)
        else:
            self._events.put(round_)

    def take(self) -> list[tuple[T, dict[str, Reply]]]:
        """Wait until rounds are answered: their conversations, with the replies, which are in the ledger.

        Returns:
            Each conversation with the replies to its requests, by their ids, in the order of the requests.

        Raises:
            EngineError: A model cannot be asked.

        """
        taken: list[_Round[T]] = []
        while not taken:
            self._send()
            taken = [round_ for round_ in self._receive() if round_]
            if self._dispatcher.error:
                raise self._dispatcher.error
        self._dispatcher.flush()
        self._open.difference_update(taken)
        return [
            (round_.conversation, {request.id: round_.replies[request.id] for request in round_.requests})
            for round_ in taken
        ]

    def _receive(self) -> list[_Round[T] | None]:
        """Wait for something to happen, and take all that has happened."""
        events = [self._events.get()]
        with suppress(Empty):
            while True:
                events.append(self._events.get_nowait())
        return events

    def _send(self) -> None:
        """Have what is ready asked, if it is time."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        ready = sum(len(round_.missing) for round_ in self._ready)
        with self._lock:
            if not ready or (self._threads and ready < SHARE * (ready + self._unanswered)):
                return
            self._unanswered += ready
        thread = Thread(target=self._answer, args=[self._ready], name="rounds", daemon=True)
        self._ready = []
        self._threads.append(thread)
        thread.start()

    def _answer(self, rounds: Sequence[_Round[T]]) -> None:
        """Have rounds answered, each of which is told when it is."""
        wanting: dict[str, list[_Round[T]]] = defaultdict(list)
        for round_ in rounds:
            for id_ in round_.missing:
                wanting[id_].append(round_)

        def deliver(replies: Mapping[str, Reply]) -> None:
            with self._lock:
                for id_, reply in replies.items():
                    for round_ in wanting.pop(id_, ()):
                        round_.replies[id_] = reply
                        round_.missing.discard(id_)
                        self._unanswered -= 1
                        if not round_.missing:
                            self._events.put(round_)

        try:
            self._dispatcher.answer_each([request for round_ in rounds for request in round_.requests], deliver)
        except BaseException as error:  # raised where the replies are awaited
            self._dispatcher.give_up(error)
        finally:
            self._events.put(None)

    def _join(self) -> None:
        """Wait until no round is under way: what comes is kept."""
        for thread in self._threads:
            thread.join()
