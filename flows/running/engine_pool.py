"""The engines of a build: each model is opened once and shared by the tables that ask it.

Models that compute here take room (`Declaration.room`). Where a model does not
fit beside those that are loaded, it waits until the tables that ask them have
no more to ask, and they are closed before it is opened: never both at once,
and not in turns.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Condition, Lock
from typing import NewType

from flows.planning import engines
from flows.planning.asked_models import AskedModel
from flows.planning.plan import TableJob
from flows.running.in_flight import InFlight
from flows.running.watcher import NOBODY, Watcher
from schemas.engine import Engine, LoadingEngine, Spent
from schemas.recipe.settings import LanguageModelSettings
from schemas.request import EngineError, Request
from tasks.engines.replicas.host import ReplicaHost

EngineKey = NewType("EngineKey", str)
ROUNDING = 1e-9
EXPECTED_SECONDS = 2.0
"""For so long a table that was submitted keeps its model loaded though it has not begun to ask."""


def identify_engine(asked: AskedModel) -> EngineKey:
    """What tables that share an engine have in common: the declaration, but for what each request says itself."""
    return EngineKey(asked.model.model_dump_json(exclude=set(LanguageModelSettings.model_fields)))


@dataclass
class TableUse:
    """What a table that asks models holds of them."""

    table: str
    models: frozenset[EngineKey]
    """The models that it may ask."""
    leases: int = 0
    """Engines that answer it just now."""
    waits: int = 0
    """What it waits for: room, or another table's answers."""
    expected_since: float | None = None
    """When it was submitted, until it begins."""
    failed: bool = False
    """Whether it needs no engine any more, because one of its models cannot be asked."""

    def may_ask(self, key: EngineKey) -> bool:
        """Whether it may ask a model at any moment: neither is it asking another, nor does it wait."""
        if self.expected_since is not None and time.monotonic() - self.expected_since >= EXPECTED_SECONDS:
            return False
        return key in self.models and not self.leases and not self.waits


@dataclass
class _OpenEngine:
    """An engine that is open, or has room kept for it."""

    asked: AskedModel
    host: ReplicaHost | None = None
    leases: int = 0
    last_used: float = 0.0
    lock: Lock = field(default_factory=Lock)
    """Held by who opens or closes it."""
    engine: Engine | None = None
    closed: bool = False

    def open(self, spent: Spent) -> Engine:
        """The engine, opened by whoever comes first."""
        with self.lock:
            if self.closed:
                raise _describe_end(self.asked)
            if self.engine is None:
                hosted = [self.host] if self.host else []
                self.engine = engines.open_engine(self.asked.model, spent, *hosted)
            return self.engine

    def close(self) -> None:
        """Close it for good."""
        with self.lock:
            self.closed = True
        if self.engine is not None:
            self.engine.close()


class EnginePool:
    """The engines of one build, for its tables on any number of threads. All are closed with it.

    A table says by `asking` which models it may ask, and takes an engine by
    `lease` for as long as it is answered. An engine stays open between leases;
    it is closed where another model needs its room and no table may ask it
    any more, and with the pool. `LoadingEngine`s are loaded before they are
    handed out.

    Args:
        watcher: Is notified of what tables wait for.
        host: Other machines that replicas run on; this one unless given.

    """

    def __init__(self, watcher: Watcher = NOBODY, host: ReplicaHost | None = None) -> None:
        self._watcher, self._host = watcher, host
        self.in_flight = InFlight()
        """What its tables are asking just now."""
        self._changed = Condition()
        self._open: dict[EngineKey, _OpenEngine] = {}
        self._tables: dict[str, TableUse] = {}
        self._closed = False

    def __enter__(self) -> EnginePool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def order(self, jobs: Sequence[TableJob]) -> list[TableJob]:
        """The order in which tables should begin: those that ask a loaded model first, then model by model."""
        first: dict[EngineKey, int] = dict.fromkeys(self._open, -1)
        for job in jobs:
            for asked in job.models:
                first.setdefault(identify_engine(asked), len(first))
        return sorted(jobs, key=lambda job: min((first[identify_engine(asked)] for asked in job.models), default=-1))

    def expect(self, job: TableJob) -> None:
        """A table that asks models was submitted; models that it asks are not closed until it had time to begin."""
        with self._changed:
            if job.models:
                self._tables.setdefault(job.name, _describe_use(job, time.monotonic()))

    @contextmanager
    def asking(self, job: TableJob) -> Iterator[TableUse]:
        """A table asks models, within the `with` block."""
        use = _describe_use(job, None)
        with self._changed:
            self._tables[job.name] = use
        try:
            yield use
        finally:
            with self._changed:
                self._tables.pop(job.name, None)
                self._changed.notify_all()

    def give_up(self, use: TableUse) -> None:
        """A table needs no engine any more; what it waits for, it need not wait for."""
        with self._changed:
            use.failed = True
            self._changed.notify_all()

    @contextmanager
    def waiting(self, use: TableUse) -> Iterator[None]:
        """A table waits for something that is not this pool's, within the `with` block: it keeps no model loaded."""
        with self._counting(use, leases=0, waits=1):
            yield

    def has_ended(self, use: TableUse) -> bool:
        """Whether a table needs no reply any more: it cannot be made, or the build has ended."""
        return self._closed or use.failed

    @contextmanager
    def lease(
        self, use: TableUse, asked: AskedModel, spent: Spent, requests: Sequence[Request] = ()
    ) -> Iterator[Engine]:
        """A model's engine, loaded, for as long as the `with` block lasts; waits for room where it needs some.

        Args:
            use: The table that asks.
            asked: The model.
            spent: Gives the tokens and the money that were spent on it before.
            requests: What it is to answer.

        Yields:
            The engine, which other tables may be asking, too.

        Raises:
            EngineError: It cannot be opened or loaded, or the build has ended.

        """
        entry = self._reserve(use, asked)
        try:
            with self._counting(use, leases=1, waits=0):
                engine = entry.open(spent)
                if isinstance(engine, LoadingEngine) and not engine.loaded:
                    replicas = engines.describe_replicas(asked.model, self._host)
                    self._watcher.waits(use.table, f"{asked.name} is loading{replicas and f' ({replicas})'}")
                    engine.load(requests)
                self._watcher.waits(use.table, None)
                yield engine
        finally:
            with self._changed:
                entry.leases -= 1
                entry.last_used = time.monotonic()
                self._changed.notify_all()

    @contextmanager
    def _counting(self, use: TableUse, leases: int, waits: int) -> Iterator[None]:
        with self._changed:
            use.leases, use.waits = use.leases + leases, use.waits + waits
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                use.leases, use.waits = use.leases - leases, use.waits - waits
                self._changed.notify_all()

    def _reserve(self, use: TableUse, asked: AskedModel) -> _OpenEngine:
        """Where a model's engine is, or may be opened: its room is kept from now on."""
        key = identify_engine(asked)
        with self._changed:
            use.waits += 1
            self._changed.notify_all()
            try:
                while not self._closed and not use.failed and key not in self._open and not self._make_room(asked):
                    self._watcher.waits(use.table, f"{asked.name} waits for room")
                    self._changed.wait(EXPECTED_SECONDS)
                if self._closed or use.failed:
                    raise _describe_end(asked)
                entry = self._open.setdefault(key, _OpenEngine(asked, self._host))
                entry.leases += 1
                return entry
            finally:
                use.waits -= 1

    def _make_room(self, asked: AskedModel) -> bool:
        """Whether there is room for a model; engines that nobody asks any more are closed for it, the longest idle first."""
        needed = engines.measure_room(asked.model, self._host)
        idle = [key for key, entry in self._open.items() if not entry.leases and not self._is_wanted(key)]
        idle.sort(key=lambda key: self._open[key].last_used)
        in_the_way: list[EngineKey] = []
        while is_short(
            needed,
            [
                engines.measure_room(entry.asked.model, self._host)
                for key, entry in self._open.items()
                if key not in in_the_way
            ],
        ):
            useful = [
                key
                for key in idle
                if needed.keys() & engines.measure_room(self._open[key].asked.model, self._host).keys()
            ]
            if not useful:
                return False
            in_the_way.append(useful[0])
            idle.remove(useful[0])
        for key in in_the_way:
            self._open.pop(key).close()
        return True

    def _is_wanted(self, key: EngineKey) -> bool:
        return any(use.may_ask(key) for use in self._tables.values())

    def close(self) -> None:
        """Close all engines, also those at work: a build that fails does not wait for answers that are of no more use."""
        with self._changed:
            self._closed = True
            entries, self._open = list(self._open.values()), {}
            self._changed.notify_all()
        for entry in entries:
            entry.close()


def is_short(needed: Mapping[str, float], taken: Sequence[Mapping[str, float]]) -> bool:
    """Whether what is needed and what is taken are together more than there is of any resource that is needed."""
    return any(
        share + sum(room.get(resource, 0.0) for room in taken) > 1 + ROUNDING for resource, share in needed.items()
    )


def _describe_use(job: TableJob, expected_since: float | None) -> TableUse:
    return TableUse(job.name, frozenset(map(identify_engine, job.models)), expected_since=expected_since)


def _describe_end(asked: AskedModel) -> EngineError:
    return EngineError(f"model '{asked.name}': was not asked, because the build has ended; build again")
