"""The ledger: every completion that was ever paid for, append-only Parquet beside the tables of a store.

Its rows say all that is needed to audit a completion or to ask for it again:
the request with its prompt and sampling, the answer, what it cost, and which
corpus and table asked. Any number of processes on any machines may read,
write and merge at once, and be killed at any moment: files are seen whole or
not at all, and nothing is removed before it stands elsewhere.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from catalog.ledger import accounts as accounts
from catalog.ledger import merging
from catalog.ledger import segments as files
from catalog.ledger.accounts import Spending
from catalog.ledger.segments import FOLDER, Places, Segment
from catalog.ledger.writer import COUNT, SECONDS, Writer
from catalog.storage import Store, StoreError
from schemas.request import Failure, Reply, Request

LOOSE = 64
"""Small segments from which on a writer that ends merges them."""
HELD = 1 << 25
"""Completions whose places are kept in memory (8 bytes each), at most; those of further segments are read each time."""
THREADS = 8
"""Segments that are read at once, at most; on a disk as many as there are processors."""
ATTEMPTS = 20
_Entry = tuple[bool, str, int, Reply]
"""Whether it failed, then where it stands: the least of several is taken."""
_T = TypeVar("_T")


class Ledger:
    """Every completion of a store; requests are looked up in it before a model is asked.

    Opening it lists the folder, nothing more. What is written afterwards
    through `writer` is known at once, what others write at the next `refresh`.
    Of each completion 8 bytes are kept in memory, from when they are first
    looked at, up to 256 MiB in all. Files in the folder that are no segments are left alone and
    listed in `ignored`; a damaged segment raises `StoreError` when it is read.
    May be used by several threads.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.ignored: list[str] = []
        """Names in the folder that are no segment's."""
        self._segments: frozenset[Segment] = frozenset()
        self._places: dict[Segment, Places] = {}
        self._lock = Lock()
        self.refresh()

    def __len__(self) -> int:
        """Rows in all segments; more than there are completions while a merge is under way, or after one was killed."""
        return sum(segment.rows for segment in self._segments)

    def refresh(self) -> None:
        """Look for what others have written or merged since. Raises `StoreError` where the folder cannot be listed."""
        with self._lock:
            names = self._list_names()
            # Between the reading of two pages of a list a merge could remove what the first and make what the
            # second does not show: where nothing has gone from one list to the next, that was not so.
            while not set(names) <= set(again := self._list_names()):
                names = again
            segments = {name: Segment.named(name) for name in again}
            known = {segment for segment in segments.values() if segment}
            ours = {name for segment in known for name in (segment.path, segment.places)}
            others = (name for name in again if not segments[name] and not merging.is_claim(name))
            self.ignored = [name for name in others if f"{FOLDER}/{name}" not in ours]
            self._segments = frozenset(known)
            self._places = {segment: places for segment, places in self._places.items() if segment in known}

    def _list_names(self) -> list[str]:
        try:
            self.store.fs.invalidate_cache(self.store.full(FOLDER))
            return self.store.names(FOLDER)
        except OSError as error:
            link = self.store.link(FOLDER)
            raise StoreError(f"{link}: cannot be listed ({error.strerror or error}); check --store") from error

    def find(self, requests: Sequence[Request]) -> dict[str, Reply]:
        """The completions of those of the requests that are answered, and the failures of those that failed for good.

        Of several that answer a request it is the one that was written first, so
        that who writes later does not change what is read; a completion comes
        before any failure. What a writer has not flushed is not there yet.

        Args:
            requests: What would be asked.

        Returns:
            By the requests' ids; those without an answer are left out.

        Raises:
            StoreError: The store or a segment of it cannot be read.

        """
        wanted = {request.id: request for request in requests}
        if not wanted:
            return {}
        places = files.place_requests(wanted.values())
        entries = self._retry(lambda segments: self._search(segments, wanted, places))
        return {id_: entries[id_][-1] for id_ in wanted if id_ in entries}

    def spent(self) -> list[Spending]:
        """What was spent, by corpus, model and revision, sorted. Streams: half a million completions at a time."""
        return self._retry(lambda segments: accounts.sum_spending(self.store, segments, self._load))

    def spent_on(self, corpus: str, model: str, revision: str) -> tuple[int, float]:
        """Tokens of prompts and completions, and money, that a corpus has spent on a model; 0 where there is nothing."""
        mine = [
            account
            for account in self.spent()
            if (account.corpus, account.model, account.revision) == (corpus, model, revision)
        ]
        tokens = sum(account.prompt_tokens + account.tokens for account in mine)
        return tokens, sum(account.price or 0.0 for account in mine)

    def writer(self, corpus: str, table: str, count: int = COUNT, seconds: float = SECONDS) -> Writer:
        """What takes completions that a table of a corpus asked for.

        Args:
            corpus: Who asks, for the accounts.
            table: For which table.
            count: Completions after which they are written, or
            seconds: the time after which they are.

        Returns:
            It is to be used in a `with` block.

        """
        return Writer(self.store, corpus, table, count, seconds, self._add, self._tidy)

    def compact(self) -> int:
        """Merge small segments into large ones; how many segments went. It can run beside readers and writers."""
        went = 0
        others: set[str] = set()
        while merge := self._choose_merge(others):
            merged = merging.merge(self.store, merge, self._load)
            self.refresh()
            if merged is None:
                others.add(merge.claim)
            else:
                went += len(merge.segments) - len(merged)
        return went

    def _choose_merge(self, others: Collection[str]) -> merging.Merge | None:
        """What to merge next, but for what others merge."""
        merges = merging.list_merges(sorted(self._segments))
        return next((merge for merge in merges if merge.claim not in others), None)

    def _tidy(self) -> None:
        self.refresh()
        if merging.count_loose(list(self._segments)) >= LOOSE:
            self.compact()

    def _add(self, segment: Segment) -> None:
        with self._lock:
            self._segments |= {segment}

    def _load(self, segment: Segment) -> Places:
        places = self._places.get(segment)
        if places is None:
            places = files.read_places(self.store, segment)
            if sum(map(len, list(self._places.values()))) + len(places) <= HELD:
                self._places[segment] = places
        return places

    def _retry(self, work: Callable[[list[Segment]], _T]) -> _T:
        """Do something with the segments, again if one is merged away meanwhile."""
        for _ in range(ATTEMPTS):
            try:
                return work(sorted(self._segments))
            except FileNotFoundError:
                self.refresh()
        link = self.store.link(FOLDER)
        raise StoreError(f"{link}: segments go as fast as they are listed; see what removes them, and try again")

    def _search(self, segments: Sequence[Segment], wanted: dict[str, Request], places: Places) -> dict[str, _Entry]:
        def search_segment(segment: Segment) -> list[_Entry]:
            begin = np.searchsorted(places, np.uint64(segment.low), side="left")
            mine = places[begin : np.searchsorted(places, np.uint64(segment.high), side="right")]
            return self._match_rows(segment, self._load(segment), mine, wanted) if len(mine) else []

        first: dict[str, _Entry] = {}
        most = min(THREADS, os.cpu_count() or 1) if self.store.local else THREADS
        with ThreadPoolExecutor(most) as threads:
            for entries in threads.map(search_segment, segments):
                for candidate in entries:
                    known = first.get(candidate[-1].request)
                    if known is None or candidate[:3] < known[:3]:
                        first[candidate[-1].request] = candidate
        return first

    def _match_rows(self, segment: Segment, places: Places, mine: Places, wanted: dict[str, Request]) -> list[_Entry]:
        """What of the rows of a segment, at some of its places, answers requests."""
        rows = _find_rows(places, mine)
        if not len(rows):
            return []
        return [
            (isinstance(reply, Failure), stem, row, reply)
            for stem, row, reply in files.read_entries(self.store, segment, places, rows)
            if (request := wanted.get(reply.request)) is not None and reply.answers(request)
        ]


def _find_rows(places: Places, wanted: Places) -> NDArray[np.int64]:
    """The numbers of the rows at the wanted places, ascending; both are sorted, and none is wanted twice."""
    if len(places) < len(wanted):
        near = wanted[np.minimum(np.searchsorted(wanted, places), len(wanted) - 1)]
        return np.flatnonzero(near == places)
    begins = np.searchsorted(places, wanted, side="left")
    counts = np.searchsorted(places, wanted, side="right") - begins
    numbers: NDArray[np.int64] = np.arange(counts.sum()) + np.repeat(begins - counts.cumsum() + counts, counts)
    return numbers
