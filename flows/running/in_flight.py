"""Requests that are being asked just now: two tables of a build that need the same answer pay for it once."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Event, Lock

from catalog.ledger.leases import identify_request
from schemas.request import Reply, Request


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

    def wait(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """The replies to some of its requests, once it has ended; those that failed to be asked are left out."""
        self.ended.wait()
        return {request.id: self.replies[request.id] for request in requests if request.id in self.replies}


class InFlight:
    """The requests that the tables of a build are asking just now, by who asks them; safe from threads."""

    def __init__(self) -> None:
        self.ended = 0
        """Claims that have ended: what they brought is in the ledger, for who looks again."""
        self._lock = Lock()
        self._claims: dict[Hashable, SharedRequests] = {}

    @contextmanager
    def claim(self, requests: Sequence[Request]) -> Iterator[SharedRequests]:
        """Claim those of some requests that nobody asks, for as long as the `with` block lasts.

        Who waits for another's claim does so when his own has ended, so that no two wait for each other.

        Args:
            requests: What is to be asked.

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
                self.ended += 1
            claim.ended.set()
