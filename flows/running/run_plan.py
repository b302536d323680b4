"""The runner: makes the tables of a plan, each as soon as its inputs are there, on whatever executor it is given.

It knows nothing of Prefect. The flow in `flows.build` hands it an executor that
submits each call as a Prefect task; tests and benchmarks run it on threads.
"""

from __future__ import annotations

import concurrent.futures
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol, TypeVar

from catalog.storage import Store
from catalog.store_format import mark_format
from catalog.tables import MANY, Manifest
from flows.planning.plan import Plan, TableJob
from flows.running.calls import ASKING, prepare, run_batch
from flows.running.complete import complete_table, yield_to_other_builds
from flows.running.engine_pool import EnginePool
from flows.running.kinds import find_kind
from flows.running.kinds.kind import Kind
from flows.running.losses import refuse_empty
from flows.running.partitions import Partition, PartitionBatch
from flows.running.process_pool import ProcessPool
from flows.running.unit_executor import UnitExecutor
from flows.running.watcher import NOBODY, Watcher

T = TypeVar("T", covariant=True)
F = TypeVar("F")


class Future(Protocol[T]):
    """The result of a call that may not have ended."""

    def result(self) -> T:
        """Wait for the call and return its result, or raise what it raised."""


class Executor(Protocol):
    """What carries out the calls that a build is made of, each for some partitions of a table: threads, or Prefect.

    Their arguments are references (a job, partitions), never rows, so they can be sent elsewhere, but for
    the executor of units and the engines of `run_batch`, which are of this process.
    """

    def submit(self, call: Callable[..., F], job: TableJob, *arguments: Any) -> Future[F]:
        """Begin a call beside others."""

    def run(self, call: Callable[..., F], job: TableJob, *arguments: Any) -> F:
        """Make a short call at once, though others wait for their turn."""

    def as_completed(self, futures: Iterable[Future[Any]]) -> Iterator[Future[Any]]:
        """Futures as their calls end."""


class ThreadExecutor:
    """Carries out calls on threads of this process.

    Args:
        threads: How many calls run at a time, not counting those of tables that ask models unless it is given; as many as
            there are processors.

    """

    def __init__(self, threads: int | None = None) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count() or 1)
        self._asking = self._pool if threads else concurrent.futures.ThreadPoolExecutor(ASKING)

    def __enter__(self) -> ThreadExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        for pool in (self._pool, self._asking):
            pool.shutdown(cancel_futures=True)

    def submit(self, call: Callable[..., F], job: TableJob, *arguments: Any) -> Future[F]:
        """Begin a call on a thread."""
        return (self._asking if job.models else self._pool).submit(call, job, *arguments)

    def run(self, call: Callable[..., F], job: TableJob, *arguments: Any) -> F:
        """Make a call on the thread of the caller."""
        return call(job, *arguments)

    def as_completed(self, futures: Iterable[Future[Any]]) -> Iterator[Future[Any]]:
        """Futures as their calls end."""
        return concurrent.futures.as_completed(futures)  # type: ignore[arg-type]


class Observer(Protocol):
    """What follows the tables of a build as they begin, end or fail."""

    def begin(self, job: TableJob) -> None:
        """A table is begun."""

    def end(self, job: TableJob, manifest: Manifest) -> None:
        """A table is complete."""

    def fail(self, job: TableJob, error: BaseException) -> None:
        """A table that was begun is not made: it cannot be, or one beside it cannot."""


_Running = dict[Future[Any], Callable[[Any], Any]]
"""Calls that have not ended, and what goes on with the result of each: it gives the calls that are begun then."""
Done = dict[str, Manifest]
"""The manifests of complete tables, by name."""


@dataclass
class _Schedule:
    """Tables while they are made: each is begun when all of the others that it is made from are complete."""

    waiting: list[TableJob]
    """Those that are not begun."""
    needs: Mapping[str, frozenset[str]]
    """For each table the others that it is made from."""
    executor: Executor
    observers: Sequence[Observer]
    units: UnitExecutor | None
    engines: EnginePool | None
    watcher: Watcher
    completed: Callable[[Done], None]
    """Is called with those that are complete whenever another is; what it raises ends the build."""
    left: Counter[str] = field(default_factory=Counter)
    """Batches of each table that have not ended."""
    begun: list[TableJob] = field(default_factory=list)
    done: Done = field(default_factory=dict)

    def run(self) -> None:
        """Make the tables; the partitions of all that are begun run side by side."""
        for url in {job.store for job in self.waiting}:
            mark_format(Store(url))
        running = self._begin_ready()
        while running:
            for future in self.executor.as_completed(list(running)):
                if begun := running.pop(future)(future.result()):
                    running |= begun
                    break  # they are waited for, too

    def _begin_ready(self) -> _Running:
        """Begin the tables whose inputs are complete; those that models are loaded for first."""
        ready = [job for job in self.waiting if self.needs[job.name] <= self.done.keys()]
        self.waiting = [job for job in self.waiting if job not in ready]
        self.begun += ready
        for job in ready:
            for observer in self.observers:
                observer.begin(job)
        running: _Running = {}
        for job in self.engines.order(ready) if self.engines else ready:
            kind = find_kind(job)
            if kind.prepares:
                units = self._choose_units(kind, kind.partitions) if kind.prepares_by_units else None
                call = self.executor.submit(prepare, job, units, self.watcher)
                running[call] = partial(self._submit_partitions, job)
            else:
                running |= self._submit_partitions(job)
        return running

    def _submit_partitions(self, job: TableJob, _: None = None) -> _Running:
        """Submit what is left of a table, which is prepared."""
        kind = find_kind(job)
        pending: list[Partition] = []
        with yield_to_other_builds(job):
            pending, rows = kind.list_pending(), kind.count_expected_rows()
            left = sum(map(kind.count_rows, pending))
            self.watcher.begin(job.name, rows, 0 if rows is None else rows - left)
        units = self._choose_units(kind, pending)
        batches = [PartitionBatch(pending)] if units and units.takes_all else kind.batch(pending)
        if not batches:
            return self._complete(kind)
        if self.engines:
            self.engines.expect(job)
        self.left[job.name] = len(batches)
        arguments = units, self.engines, self.watcher
        return {
            self.executor.submit(run_batch, job, batch, *arguments): partial(self._end_batch, kind) for batch in batches
        }

    def _end_batch(self, kind: Kind[Any], _: None) -> _Running:
        """What follows a batch of a table."""
        self.left[kind.job.name] -= 1
        return {} if self.left[kind.job.name] else self._complete(kind)

    def _choose_units(self, kind: Kind[Any], partitions: Sequence[Partition]) -> UnitExecutor | None:
        """What runs the work on partitions in other processes, where it is enough for that."""
        units = self.units
        return units if units and kind.offloads and units.should_run(kind.job, partitions) else None

    def _complete(self, kind: Kind[Any]) -> _Running:
        """Complete a table whose partitions have all ended: beside others, where there are many files to put together."""
        job = kind.job
        if len(kind.partitions) <= MANY:
            return self._end(job, self.executor.run(complete_table, job))
        units = self.units if self.units and self.units.should_run(job, kind.partitions) else None
        return {self.executor.submit(complete_table, job, units, self.watcher): partial(self._end, job)}

    def _end(self, job: TableJob, manifest: Manifest) -> _Running:
        """Say that a table is complete, and begin what waited for it."""
        self.watcher.end(job.name, manifest.receipt.rows_kept(), manifest.receipt.rows_rejected())
        for observer in self.observers:
            observer.end(job, manifest)
        self.done[job.name] = manifest
        self.completed(self.done)
        return self._begin_ready()


def materialize(
    plan: Plan, executor: Executor | None = None, observers: Sequence[Observer] = (), watcher: Watcher = NOBODY,
    units: UnitExecutor | None = None,
) -> Plan:  # fmt: skip
    """Make the tables of a plan that do not exist yet; the release is not one of them.

    Args:
        plan: What is to be made, and what is there.
        executor: Carries out the calls; threads of this process unless given.
        observers: Follow each table.
        watcher: Is notified of how far they are.
        units: Runs units in other processes, and is closed where a table cannot be made, else by whoever gave it;
            processes of this machine unless given.

    Returns:
        The plan with the manifests of all its tables.

    Raises:
        NothingLeft: As soon as a table ends that leaves nothing to release.

    """
    if executor is None:
        with ThreadExecutor() as threads:
            return materialize(plan, threads, observers, watcher, units)
    refuse_empty(plan, dict(plan.done))
    missing = [job for job in plan.jobs[:-1] if job.name not in plan.done]
    names = {job.name for job in missing}
    needs = {table.name: frozenset(names.intersection(table.inputs)) for table in plan.recipe.tables}

    def refuse(done: Done) -> None:
        refuse_empty(plan, plan.done | done)

    with _open_units(units) as pool, EnginePool(watcher, pool.host) as engines:
        schedule = _Schedule(missing, needs, executor, observers, pool, engines, watcher, refuse)
        return replace(plan, done=plan.done | _make_tables(schedule))


@contextmanager
def _open_units(units: UnitExecutor | None) -> Iterator[UnitExecutor]:
    """What runs units: what is given, else processes of this machine. Where tables cannot be made, it ends at once, as calls wait for it."""
    pool = units or ProcessPool()
    try:
        yield pool
    except BaseException:
        pool.close()
        raise
    if units is None:
        pool.close()


def materialize_generation(
    jobs: Sequence[TableJob], executor: Executor, observers: Sequence[Observer] = (), units: UnitExecutor | None = None,
    engines: EnginePool | None = None, watcher: Watcher = NOBODY,
) -> Done:  # fmt: skip
    """Make tables that do not need each other.

    Args:
        jobs: The tables; their inputs are complete.
        executor: Carries out the calls.
        observers: Follow each table; where one cannot be made, they learn it of all that are not complete.
        units: Runs the units of large tables in other processes; threads do all unless given.
        engines: Engines for the tables that ask models; each has its own unless given.
        watcher: Is notified of how far they are.

    Returns:
        The manifest of each table by its name.

    """
    needs = {job.name: frozenset[str]() for job in jobs}
    return _make_tables(_Schedule(list(jobs), needs, executor, observers, units, engines, watcher, lambda _: None))


def _make_tables(schedule: _Schedule) -> Done:
    """Make the tables of a schedule; where one cannot be made, observers learn it of all that were begun."""
    try:
        schedule.run()
    except BaseException as error:
        for job in schedule.begun:
            if job.name not in schedule.done:
                for observer in schedule.observers:
                    observer.fail(job, error)
        raise
    return schedule.done
