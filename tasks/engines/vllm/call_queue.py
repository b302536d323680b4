"""Requests of several calls at once for one worker: which are inside it, which come next, and what its death means for them."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from schemas.request import EngineError, Reply, Request

UNTAKEN = 2
"""Replies of a call that are to be taken or to come, at most, in what may be inside."""


@dataclass(eq=False)
class Call:
    """Requests that are asked together, and the way back for their replies."""

    waiting: deque[Request]
    """Those that are not inside yet."""
    replies: SimpleQueue[Reply | EngineError] = field(default_factory=SimpleQueue)
    untaken: int = 0
    """Requests that were sent, and whose replies nobody has taken yet."""


@dataclass(frozen=True)
class Sent:
    """A request inside the worker, under a number."""

    number: int
    request: Request
    call: Call


class CallQueue:
    """Calls take turns, a request each, so that a long one does not hold up a short one. Not safe from threads.

    A caller that does not take its replies gets no more: what is answered and
    not kept yet would be lost with the build.

    A worker that dies is started again and gets first what was inside it. It
    may die again only when all of that was answered: else one of those
    requests is taken to be what kills it.
    """

    def __init__(self) -> None:
        self._turns: deque[Call] = deque()
        """Calls that have requests waiting, whose turn it is first."""
        self._again: deque[Sent] = deque()
        """What was inside a worker that died."""
        self._inside: dict[int, Sent] = {}
        self._suspects: set[int] = set()
        """What was inside a worker that died, and is not answered yet."""
        self._calls: set[Call] = set()
        self._count = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is inside or waits."""
        return not self._calls

    @property
    def has_inside(self) -> bool:
        """Whether the worker has something to do."""
        return bool(self._inside)

    def add(self, requests: Sequence[Request]) -> Call:
        """A new call; its requests are sent in this order."""
        call = Call(deque(requests))
        self._calls.add(call)
        self._turns.append(call)
        return call

    def take(self, most: int) -> list[Sent]:
        """What is to be sent now, so that at most so many are inside."""
        taken: list[Sent] = []
        while len(self._inside) < most:
            sent = self._again.popleft() if self._again else self._take_turn(UNTAKEN * most)
            if sent is None:
                break
            self._inside[sent.number] = sent
            taken.append(sent)
        return taken

    def _take_turn(self, most: int) -> Sent | None:
        """The next request, of a call that has fewer than so many replies to take or to come."""
        for _ in range(len(self._turns)):
            call = self._turns.popleft()
            if call.untaken >= most:
                self._turns.append(call)
                continue
            self._count += 1
            call.untaken += 1
            sent = Sent(self._count, call.waiting.popleft(), call)
            if call.waiting:
                self._turns.append(call)
            return sent
        return None

    def settle(self, number: int) -> Sent | None:
        """A request has its reply: what it was, None where nobody waits for it any more."""
        self._suspects.discard(number)
        return self._inside.pop(number, None)

    def withdraw(self, call: Call) -> list[int]:
        """A call needs no more replies; the numbers of its requests that are inside."""
        self._calls.discard(call)
        if call in self._turns:
            self._turns.remove(call)
        self._again = deque(sent for sent in self._again if sent.call is not call)
        inside = [number for number, sent in self._inside.items() if sent.call is call]
        for number in inside:
            self.settle(number)
        self._suspects &= {*self._inside, *(sent.number for sent in self._again)}
        return inside

    def return_inside(self) -> bool:
        """The worker died: what was inside comes first again. False where some of it was inside another that died, too."""
        first = not self._suspects
        self._suspects |= self._inside.keys()
        self.recall_inside()
        return first

    def recall_inside(self) -> None:
        """Another worker takes the place of one that was well: what was inside comes first again."""
        self._again.extendleft(reversed(self._inside.values()))
        self._inside.clear()

    def fail(self, problem: str) -> None:
        """All calls end in an error."""
        for call in list(self._calls):
            call.replies.put(EngineError(problem))
            self.withdraw(call)
