"""The process of a replica of Abacus: requests come in as it goes on, and each is answered as soon as it ends."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController

from schemas.recipe.models import Abacus
from schemas.request import Reply, Request
from tasks.engines.abacus.engine import AbacusEngine, prepare_prompts
from tasks.engines.abacus.scheduler import ROWS, TOKENS, SharedPrompt, generate_completions
from tasks.worker_process import PICKLE

Message = dict[str, Any]


class Inbox:
    """What is to be asked, as it comes."""

    def __init__(self, requests: int) -> None:
        self._stream = os.fdopen(requests, "rb")
        self._messages: SimpleQueue[Any] = SimpleQueue()
        self._waiting: deque[tuple[int, Request]] = deque()

    def receive(self) -> Any:
        """The next message."""
        return self._messages.get()

    def listen(self) -> None:
        """Take messages until whoever sends them is gone, and end with him."""
        for line in self._stream:
            self._messages.put(PICKLE.decode(line))
        os._exit(0)

    def put_back(self, number: int, request: Request) -> None:
        """Have a request wait again."""
        self._waiting.append((number, request))

    def take(self, most: int, wait: bool = False) -> list[tuple[int, Request]]:
        """The next requests that are not dropped, at most so many."""
        while True:
            with suppress(Empty):
                message = self._messages.get(block=wait and not self._waiting)
                if "drop" in message:
                    dropped = set(message["drop"])
                    self._waiting = deque(asked for asked in self._waiting if asked[0] not in dropped)
                else:
                    self._waiting.append((message["ask"], message["request"]))
                continue
            break
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


class Answering:
    """Carries on what is inside, and takes in what comes."""

    def __init__(self, engine: AbacusEngine, inbox: Inbox) -> None:
        self.engine, self.inbox = engine, inbox
        self.rows = min(ROWS, max(1, TOKENS // engine.networks.checkpoint.shape.positions))
        """Completions under way at once, so that the keys and values of all fit however long they become."""
        self.numbers: dict[str, int] = {}
        """Of each request that is inside the number under which it was asked."""
        self.failed: list[Reply] = []

    def begin(self, rows: int, _: int) -> list[SharedPrompt]:
        """What is begun next; see `scheduler.Take`."""
        return self._prepare(self.inbox.take(rows))

    def _prepare(self, asked: list[tuple[int, Request]]) -> list[SharedPrompt]:
        fresh = []
        for number, request in asked:
            if self.numbers.setdefault(request.id, number) == number:
                fresh.append(request)
            else:  # the same with another limit is inside: a reply does not say to which of them it is
                self.inbox.put_back(number, request)
        prompts, failures = prepare_prompts(self.engine.networks.checkpoint, fresh)
        self.failed += failures
        return prompts

    def answer(self) -> Iterator[Message]:
        """The replies to what comes, with their numbers, for ever."""
        while True:
            first = self._prepare(self.inbox.take(self.rows, wait=True))
            begun = [first]

            def take(rows: int, tokens: int, begun: list[list[SharedPrompt]] = begun) -> list[SharedPrompt]:
                return begun.pop() if begun else self.begin(rows, tokens)

            for reply in generate_completions(self.engine.networks, take, self.rows):
                yield from self._number([reply] if reply else [])
            yield from self._number([])

    def _number(self, replies: list[Reply]) -> Iterator[Message]:
        failed, self.failed = self.failed, []
        for reply in [*failed, *replies]:
            yield {"is": "reply", "number": self.numbers.pop(reply.request), "reply": reply}


def serve(requests: int, replies: int) -> None:
    """Answer until the requests end."""
    for descriptor in (requests, replies):
        os.set_inheritable(descriptor, False)
    inbox = Inbox(requests)
    Thread(target=inbox.listen, daemon=True).start()
    model: Abacus = inbox.receive()
    with (
        os.fdopen(replies, "wb") as stream,
        ThreadpoolController().limit(limits=1, user_api="blas"),
        np.errstate(over="ignore"),
    ):
        engine = AbacusEngine(model, 1)

        def say(message: Message) -> None:
            stream.write(PICKLE.encode(message) + b"\n")
            stream.flush()

        say({"is": "ready", "name": engine.name})
        for message in Answering(engine, inbox).answer():
            say(message)
