"""Leases: which requests builds are asking just now, so that builds beside each other pay for an answer once.

leases/<number>    who holds it, and a sign of life (a line of JSON), then 8 bytes for each request

A lease is created under the number that follows the highest there is, which
only one can do; then its holder looks at those with lower numbers, which were
all there before, and leaves to them what they hold. (A look before is not
enough: a list that is read while others create files may show a later one and
not an earlier one.) So that no number comes twice, the file of a lease that
has ended stays until there is one with a higher number; who is so slow that
his number came and went meanwhile finds a higher one, and takes another.

A holder that is killed gives no sign of life, and its lease ends when whoever
waits for it has seen none for a minute by his own watch: no two clocks are
compared, so that one that is wrong, or set, makes nobody pay twice. On its own
machine, where the build is started again, it ends at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Event, Lock, Thread

import numpy as np

from catalog.storage import Store, StoreError
from schemas.request import Request

LEASES = "leases"
SECONDS = 60.0
"""For so long a lease holds though no sign of life of its holder is seen."""
POLL = 1.0
"""Seconds between two looks at a lease that is waited for."""


@dataclass(frozen=True)
class Lease:
    """What a build asks just now of some requests, and who asks the others."""

    requests: list[Request]
    """Those that are its own to ask."""
    others: frozenset[int]
    """The numbers of the leases that hold the rest."""


class Leases:
    """The leases in a ledger, for one that asks, on any number of threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.news = 0
        """Grows where another build may have written an answer since a lease was taken last: the ledger is to be read again."""
        self._taking = Lock()
        self._last, self._alone = 0, True
        """The number of the last lease that was taken, and whether no other build held one then."""
        self._own: set[int] = set()
        """Leases that are held."""
        self._signs: dict[int, tuple[bytes, float]] = {}
        """Of others' leases the last sign of life, and when it was first seen, by the monotonic clock."""

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
        with self._taking:
            number, holders = self._create(by_key.keys())
        mine = by_key.keys() - holders.keys()
        lease = Lease(
            [request for key, request in by_key.items() if key in mine],
            frozenset(holders[key] for key in by_key.keys() - mine),
        )
        if number is None:
            yield lease
            return
        with self._keeping(number, mine):
            yield lease

    def _create(self, keys: Set[int]) -> tuple[int | None, dict[int, int]]:
        """The number of a new lease, None where others hold all, and who holds what it does not."""
        while True:
            before = self._read_live()
            holders = _list_holders(before)
            if keys <= holders.keys():
                self._alone = False
                self.news += 1
                return None, holders
            last = max(before, default=0)
            number = last + 1
            if not self.store.create(_locate(number), _encode(keys - holders.keys())):
                continue
            there = self._read_live()
            if max(there, default=number) == number:
                break
            # the number may have been another's, that ended, and a higher one that holds the same was there before
            self.store.write(_locate(number), _encode(frozenset()))
        if not self._alone or last != self._last:
            self.news += 1
        others = {other: held for other, held in there.items() if held and other != number}
        self._own.add(number)
        self._last, self._alone = number, others.keys() <= self._own
        self._remove(other for other in there if other < number and other not in others)
        return number, holders | _list_holders(others)

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
            self._own.discard(number)
            with suppress(StoreError):  # it ends by itself; what was answered is in the ledger
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
            is_gone = _is_gone(holder["machine"], holder["process"])
            held = frozenset(np.frombuffer(keys, np.uint64).tolist())
            return frozenset() if is_gone or self._is_silent(number, header) else held
        except FileNotFoundError:
            return frozenset()
        except (ValueError, KeyError, TypeError, OverflowError):
            raise StoreError(f"{self.store.link(_locate(number))}: is no lease; remove it") from None

    def _is_silent(self, number: int, sign: bytes) -> bool:
        """Whether the sign of life in a lease has been the same for too long."""
        now = time.monotonic()
        if number in self._own:
            return False
        last, since = self._signs.get(number, (b"", now))
        if sign != last:
            since = now
        self._signs[number] = sign, since
        return now - since >= SECONDS

    def _remove(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            self._signs.pop(number, None)
            with suppress(OSError):  # another has removed it
                self.store.fs.rm_file(self.store.full(_locate(number)))


def _locate(number: int) -> str:
    return f"{LEASES}/{number:012d}"


def _list_holders(leases: Mapping[int, frozenset[int]]) -> dict[int, int]:
    """Who holds each request: the number of a lease by what it holds."""
    return {key: number for number, held in leases.items() for key in held}


def _encode(keys: Set[int]) -> bytes:
    holder = {"machine": _name_machine(), "process": os.getpid(), "sign": uuid.uuid4().hex}
    return json.dumps(holder).encode() + b"\n" + np.array(sorted(keys), np.uint64).tobytes()


@cache
def _name_machine() -> str:
    """Where process numbers mean what they mean here: neither two containers of a machine nor two machines of one name share them."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        space = f"{boot} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        space = f"{uuid.getnode():x}"
    return f"{socket.gethostname()} {space}"


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
