"""Requests of several calls at once for the replicas of a model: which are inside each, which come next, and what a death means for them."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from queue import SimpleQueue

from schemas.request import EngineError, Reply, Request

UNTAKEN = 2
"""Replies of a call that are to be taken or to come, at most, in what may be inside."""


@dataclass(eq=False)
class Call:
    """Requests that are asked together, and the way back for their replies."""

    waiting: list[deque[Request]]
    """Those that are not inside yet, by the replica that they are meant for."""
    replies: SimpleQueue[Reply | EngineError] = field(default_factory=SimpleQueue)
    untaken: int = 0
    """Requests that were sent, and whose replies nobody has taken yet."""


@dataclass(frozen=True)
class Sent:
    """A request inside a replica, under a number."""

    number: int
    request: Request
    call: Call


def find_replica(request: Request, replicas: int) -> int:
    """The replica that a request is meant for: what begins alike goes to the same one, which then has it in its prefix cache."""
    if replicas == 1:
        return 0
    digest = hashlib.blake2b(digest_size=8)
    for message in request.messages:
        digest.update(message.content.encode(errors="surrogatepass"))
        if message.role == "user":  # what a conversation goes on with is behind the same beginning
            break
    return int.from_bytes(digest.digest(), "little") % replicas


class CallQueue:
    """Calls take turns, a request each, so that a long one does not hold up a short one. Not safe from threads.

    A request goes to the replica that it is meant for; where that has more
    than it can begin and another runs out of work, to the other.

    A caller that does not take its replies gets no more: what is answered and
    not kept yet would be lost with the build.

    What was inside a replica that died goes first, to whichever has a place. A
    replica may die again only if nothing is inside that was inside another
    death and is not answered yet: else that is taken to be what kills it.
    """

    def __init__(self, replicas: int = 1) -> None:
        self._turns: deque[Call] = deque()
        """Calls that have requests waiting, whose turn it is first."""
        self._again: deque[Sent] = deque()
        """What was inside a replica that died."""
        self._inside: list[dict[int, Sent]] = [{} for _ in range(replicas)]
        self._suspects: set[int] = set()
        """What was inside a replica that died, and is not answered yet."""
        self._calls: set[Call] = set()
        self._count = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing is inside or waits."""
        return not self._calls

    def has_inside(self, replica: int) -> bool:
        """Whether a replica has something to do."""
        return bool(self._inside[replica])

    def add(self, requests: Sequence[Request]) -> Call:
        """A new call; its requests are sent in this order."""
        call = Call([deque() for _ in self._inside])
        for request in requests:
            call.waiting[find_replica(request, len(self._inside))].append(request)
        self._calls.add(call)
        self._turns.append(call)
        return call

    def take(self, places: Mapping[int, int]) -> list[tuple[int, Sent]]:
        """What is to be sent now.

        Args:
            places: The replicas that are loaded, and how many requests may be inside each.

        Returns:
            Requests, with the replica that each goes to.

        """
        taken: list[tuple[int, Sent]] = []
        most_untaken = UNTAKEN * sum(places.values())
        away = [replica for replica in range(len(self._inside)) if replica not in places]
        for replica, most in places.items():
            inside = self._inside[replica]
            while len(inside) < most and (sent := self._take_own([replica, *away], most_untaken)):
                inside[sent.number] = sent
                taken.append((replica, sent))
        for replica, most in places.items():
            inside = self._inside[replica]
            while 2 * len(inside) < most and (sent := self._take_others(most_untaken)):
                inside[sent.number] = sent
                taken.append((replica, sent))
        return taken

    def _take_own(self, replicas: Sequence[int], most: int) -> Sent | None:
        """The next request for one of some replicas, of a call that has fewer than so many replies to take or to come."""
        if self._again:
            return self._again.popleft()
        for _ in range(len(self._turns)):
            call = self._turns.popleft()
            waiting = next((call.waiting[replica] for replica in replicas if call.waiting[replica]), None)
            if call.untaken < most and waiting:
                return self._send(call, waiting.popleft())
            self._turns.append(call)
        return None

    def _take_others(self, most: int) -> Sent | None:
        """The last request of those that are meant for the replica with the most to do."""
        for _ in range(len(self._turns)):
            call = self._turns.popleft()
            if call.untaken < most:
                return self._send(call, max(call.waiting, key=len).pop())
            self._turns.append(call)
        return None

    def _send(self, call: Call, request: Request) -> Sent:
        self._count += 1
        call.untaken += 1
        if any(call.waiting):
            self._turns.append(call)
        return Sent(self._count, request, call)

    def settle(self, number: int) -> Sent | None:
        """A request has its reply: what it was, None where nobody waits for it any more."""
        self._suspects.discard(number)
        return next((inside.pop(number) for inside in self._inside if number in inside), None)

    def withdraw(self, call: Call) -> dict[int, list[int]]:
        """A call needs no more replies; the numbers of its requests that are inside, by replica."""
        self._calls.discard(call)
        if call in self._turns:
            self._turns.remove(call)
        self._again = deque(sent for sent in self._again if sent.call is not call)
        withdrawn = {
            replica: numbers
            for replica, inside in enumerate(self._inside)
            if (numbers := [number for number, sent in inside.items() if sent.call is call])
        }
        for numbers in withdrawn.values():
            for number in numbers:
                self.settle(number)
        left = {number for inside in self._inside for number in inside}
        self._suspects &= left | {sent.number for sent in self._again}
        return withdrawn

    def return_inside(self, replica: int) -> bool:
        """A replica died: what was inside comes first again. False where some of it was inside another death, too."""
        inside = self._inside[replica].keys()
        is_first = self._suspects.isdisjoint(inside)
        self._suspects |= inside
        self.recall_inside(replica)
        return is_first

    def recall_inside(self, replica: int) -> None:
        """Another process takes the place of one that was well: what was inside comes first again."""
        self._again.extendleft(reversed(self._inside[replica].values()))
        self._inside[replica].clear()

    def fail(self, problem: str) -> None:
        """All calls end in an error."""
        for call in list(self._calls):
            call.replies.put(EngineError(problem))
            self.withdraw(call)
