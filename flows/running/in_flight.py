"""Requests that are being asked just now: two tables of a build that need the same answer pay for it once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock

from catalog.ledger.leases import identify_request
from schemas.request import Reply, Request

POLL = 1.0
"""Seconds between two looks whether a reply is still needed."""


@dataclass(eq=False)
class SharedRequests:
    """What one table asks a model just now, and which of its requests others are asking already."""

    requests: list[Request] = field(default_factory=list)
    """Those that it asks itself."""
    others: dict[SharedRequests, list[Request]] = field(default_factory=dict)
    """Those that are asked already, by who asks them."""
    replies: dict[str, Reply] = field(default_factory=dict)
    """What was answered, by the requests' ids; whoever asks puts it here before the claim ends."""
    ended: Event = field(default_factory=Event)

    def wait(self, requests: Sequence[Request], stopped: Callable[[], bool]) -> dict[str, Reply]:
        """The replies to some of its requests, once it has ended or there is no need; those that were not asked are left out."""
        while not self.ended.wait(POLL) and not stopped():
            pass
        return {request.id: self.replies[request.id] for request in requests if request.id in self.replies}


class InFlight:
    """The requests that the tables of a build are asking just now, by who asks them; safe from threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._ended: Counter[Hashable] = Counter()
        """Claims that have ended, by who had them."""
        self._claims: dict[Hashable, SharedRequests] = {}

    def count_ended(self, owner: Hashable) -> int:
        """Claims of all but one that have ended: what they brought is in the ledger, for who looks again."""
        with self._lock:
            return self._ended.total() - self._ended[owner]

    @contextmanager
    def claim(self, requests: Sequence[Request], owner: Hashable) -> Iterator[SharedRequests]:
        """Claim those of some requests that nobody asks, for as long as the `with` block lasts.

        Who waits for another's claim does so when his own has ended, so that no two wait for each other.

        Args:
            requests: What is to be asked.
            owner: Who asks.

        Yields:
            The requests to ask now, and those that others are asking.

        """
        claim = SharedRequests()
        with self._lock:
            for request in requests:
                other = self._claims.setdefault(identify_request(request), claim)
                if other is claim:
                    claim.requests.append(request)
                else:
                    claim.others.setdefault(other, []).append(request)
        try:
            yield claim
        finally:
            with self._lock:
                for request in claim.requests:
                    del self._claims[identify_request(request)]
                self._ended[owner] += 1
            claim.ended.set()
