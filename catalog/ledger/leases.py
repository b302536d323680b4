"""Leases: which requests builds are asking just now, so that builds beside each other pay for an answer once.

leases/<number>    until when it holds and who holds it (a line of JSON), then 8 bytes for each request

A lease is created under the number that follows the highest there is, which
only one can do; then its holder looks at those with lower numbers, which were
all there before, and leaves to them what they hold. (A look before is not
enough: a list that is read while others create files may show a later one and
not an earlier one.) So that no number comes twice, the file of a lease that
has ended stays until there is one with a higher number. A holder that is
killed gives no sign of life, and its lease ends by itself; on its own machine,
where the build is started again, at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from threading import Event, Thread

import numpy as np

from catalog.storage import Store, StoreError
from schemas.request import Request

LEASES = "leases"
SECONDS = 60.0
"""For so long a lease holds after its holder's last sign of life; clocks of machines must differ by less."""
POLL = 1.0
"""Seconds between two looks at a lease that is waited for."""


@dataclass(frozen=True)
class Lease:
    """What a build asks just now of some requests, and who asks the others."""

    requests: list[Request]
    """Those that are its own to ask."""
    others: frozenset[int]
    """The numbers of the leases that hold the rest."""
    is_current: bool
    """Whether no other build can have written an answer since the last lease was taken: the ledger need not be read again."""


class Leases:
    """The leases in a ledger, for one that asks."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._last, self._alone = 0, True
        """The number of the last lease that was taken, and whether no other held one then."""

    @contextmanager
    def take(self, requests: Sequence[Request]) -> Iterator[Lease]:
        """Take those of some requests that nobody asks, for as long as the `with` block lasts.

        Who waits for another's lease does so when his own has ended, so that no two wait for each other.

        Args:
            requests: What is to be asked.

        Yields:
            The lease. What others may have written meanwhile is to be looked up before it is asked.

        Raises:
            StoreError: The store cannot be read or written.

        """
        by_key = {_hash(request): request for request in requests}
        while True:
            before = self._read_live()
            holders = _list_holders(before)
            if not (mine := by_key.keys() - holders.keys()):
                self._alone = False
                yield Lease([], frozenset(holders[key] for key in by_key), False)
                return
            last = max(before, default=0)
            if self.store.create(_locate(last + 1), _encode(mine)):
                break
        is_current = self._alone and last == self._last
        there = self._read_live()
        others = {number: held for number, held in there.items() if held and number != last + 1}
        holders |= _list_holders({number: held for number, held in others.items() if number < last + 1})
        self._last, self._alone = last + 1, not others
        self._remove(number for number in there if number < last + 1 and number not in others)
        with self._keeping(last + 1, mine - holders.keys()):
            asked = [request for key, request in by_key.items() if key in mine and key not in holders]
            yield Lease(asked, frozenset(holders[key] for key in by_key if key in holders), is_current)

    def wait(self, numbers: frozenset[int], stopped: Callable[[], bool]) -> None:
        """Wait until leases have ended, or there is no need any more."""
        while not stopped() and any(self._read_held(number) for number in numbers):
            time.sleep(POLL)

    @contextmanager
    def _keeping(self, number: int, keys: Set[int]) -> Iterator[None]:
        """Hold a lease on these alone, give signs of life, and end it."""
        ended = Event()
        self.store.write(_locate(number), _encode(keys))

        def renew() -> None:
            while not ended.wait(SECONDS / 4):
                with suppress(
                    StoreError
                ):  # the next one may come through; else it ends, and what it asks may be asked twice
                    self.store.write(_locate(number), _encode(keys))

        thread = Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            self.store.write(_locate(number), _encode(frozenset()))

    def _read_live(self) -> dict[int, frozenset[int]]:
        """What each lease holds, by their numbers; nothing where it has ended."""
        numbers = sorted(int(name) for name in self.store.names(LEASES) if name.isdecimal())
        return {number: self._read_held(number) for number in numbers}

    def _read_held(self, number: int) -> frozenset[int]:
        """What a lease holds; nothing if it has ended."""
        try:
            header, _, keys = self.store.read(_locate(number)).partition(b"\n")
            holder = json.loads(header)
            lives = holder["until"] > time.time() and not _is_gone(holder["machine"], holder["process"])
            return frozenset(np.frombuffer(keys, np.uint64).tolist() if lives else ())
        except FileNotFoundError:
            return frozenset()
        except (ValueError, KeyError, TypeError, OverflowError):
            raise StoreError(f"{self.store.link(_locate(number))}: is no lease; remove it") from None

    def _remove(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            with suppress(OSError):  # another has removed it
                self.store.fs.rm_file(self.store.full(_locate(number)))


def _locate(number: int) -> str:
    return f"{LEASES}/{number:012d}"


def _list_holders(leases: Mapping[int, frozenset[int]]) -> dict[int, int]:
    """Who holds each request: the number of a lease by what it holds."""
    return {key: number for number, held in leases.items() for key in held}


def _encode(keys: Set[int]) -> bytes:
    holder = {"until": time.time() + SECONDS if keys else 0, "machine": _name_machine(), "process": os.getpid()}
    return json.dumps(holder).encode() + b"\n" + np.array(sorted(keys), np.uint64).tobytes()


@cache
def _name_machine() -> str:
    """Where process numbers mean what they mean here; two containers of a machine do not share them."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return f"{socket.gethostname()} {space}".strip()


def _is_gone(machine: str, process: int) -> bool:
    """Whether a process of this machine is there no more; of another machine's nobody knows."""
    if machine != _name_machine() or os.name != "posix":
        return False
    try:
        os.kill(process, 0)  # no signal is sent
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def identify_request(request: Request) -> tuple[str, int, bool, frozenset[str]]:
    """What two requests have in common that one reply answers."""
    return request.id, request.sampling.max_tokens, request.logprobs, frozenset(request.statistics)


def _hash(request: Request) -> int:
    """Of what identifies a request; that of two is the same once in some billion pairs, and one is then asked later."""
    *parts, statistics = identify_request(request)
    text = json.dumps([*parts, sorted(statistics)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")
