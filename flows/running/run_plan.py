"""The runner: makes the tables of a plan, generation by generation, on whatever executor it is given.

It knows nothing of Prefect. The flow in `flows.build` hands it an executor that
submits each call as a Prefect task; tests and benchmarks run it on threads.
"""

from __future__ import annotations

import concurrent.futures
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from catalog.tables import Manifest
from flows.planning.plan import Plan, TableJob
from flows.running.calls import prepare, run_batch
from flows.running.complete import complete_table
from flows.running.engine_pool import EnginePool
from flows.running.kinds import find_kind
from flows.running.losses import refuse_empty
from flows.running.process_pool import ProcessPool
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
    the pools of `run_batch`: an executor that sends calls to other machines leaves them out.
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
        threads: How many calls run at a time; as many as there are processors unless given.

    """

    def __init__(self, threads: int | None = None) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(threads or os.cpu_count() or 1)

    def __enter__(self) -> ThreadExecutor:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def submit(self, call: Callable[..., F], job: TableJob, *arguments: Any) -> Future[F]:
        """Begin a call on a thread."""
        return self._pool.submit(call, job, *arguments)

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
        """A table cannot be made, or its generation cannot."""


@dataclass
class _Generation:
    """Tables that do not need each other, while they are made."""

    jobs: Sequence[TableJob]
    executor: Executor
    observers: Sequence[Observer]
    pool: ProcessPool | None
    engines: EnginePool | None
    watcher: Watcher
    done: dict[str, Manifest] = field(default_factory=dict)

    def run(self) -> None:
        """Make the tables; the partitions of all run side by side."""
        for job in self.jobs:
            for observer in self.observers:
                observer.begin(job)
        running = self._submit_partitions()
        left = Counter(job.name for job in running.values())
        for job in self.jobs:
            if not left[job.name]:
                self._complete(job)
        for future in self.executor.as_completed(running):
            future.result()
            job = running[future]
            left[job.name] -= 1
            if not left[job.name]:
                self._complete(job)

    def _submit_partitions(self) -> dict[Future[None], TableJob]:
        """Submit what is left of each table, once those that need it have been prepared."""
        prepared = {job.name: self.executor.submit(prepare, job) for job in self.jobs if find_kind(job).prepares}
        running: dict[Future[None], TableJob] = {}
        for job in self.engines.order(self.jobs) if self.engines else self.jobs:
            if job.name in prepared:
                prepared[job.name].result()
            running |= dict.fromkeys(self._submit_pending(job), job)
        return running

    def _submit_pending(self, job: TableJob) -> list[Future[None]]:
        kind = find_kind(job)
        pending, rows = kind.list_pending(), kind.count_expected_rows()
        left = sum(map(kind.count_rows, pending))
        self.watcher.begin(job.name, rows, 0 if rows is None else rows - left)
        pool = self.pool if self.pool and kind.offloads and self.pool.should_run(job, pending) else None
        batches = kind.batch(pending)
        if self.engines and batches:
            self.engines.expect(job)
        return [self.executor.submit(run_batch, job, batch, pool, self.engines, self.watcher) for batch in batches]

    def _complete(self, job: TableJob) -> None:
        """Complete a table whose partitions have all ended, and say so."""
        manifest = self.executor.run(complete_table, job)
        self.watcher.end(job.name, manifest.receipt.rows_kept(), manifest.receipt.rows_rejected())
        for observer in self.observers:
            observer.end(job, manifest)
        self.done[job.name] = manifest


def materialize(
    plan: Plan, executor: Executor | None = None, observers: Sequence[Observer] = (), watcher: Watcher = NOBODY
) -> Plan:
    """Make the tables of a plan that do not exist yet; the release is not one of them.

    Args:
        plan: What is to be made, and what is there.
        executor: Carries out the calls; threads of this process unless given.
        observers: Follow each table.
        watcher: Is notified of how far they are.

    Returns:
        The plan with the manifests of all its tables.

    Raises:
        NothingLeft: As soon as a table ends that leaves nothing to release.

    """
    if executor is None:
        with ThreadExecutor() as threads:
            return materialize(plan, threads, observers, watcher)
    done = dict(plan.done)
    refuse_empty(plan, done)
    with ProcessPool() as pool, EnginePool(watcher) as engines:
        for jobs in plan.topological_generations():
            done |= materialize_generation(jobs, executor, observers, pool, engines, watcher)
            refuse_empty(plan, done)
    return replace(plan, done=done)


def materialize_generation(
    jobs: Sequence[TableJob], executor: Executor, observers: Sequence[Observer] = (), pool: ProcessPool | None = None,
    engines: EnginePool | None = None, watcher: Watcher = NOBODY,
) -> dict[str, Manifest]:  # fmt: skip
    """Make tables that do not need each other.

    Args:
        jobs: The tables; their inputs are complete.
        executor: Carries out the calls.
        observers: Follow each table; where one cannot be made, they learn it of all that are not complete.
        pool: Processes for large tables; threads do all unless given.
        engines: Engines for the tables that ask models; each has its own unless given.
        watcher: Is notified of how far they are.

    Returns:
        The manifest of each table by its name.

    """
    generation = _Generation(jobs, executor, observers, pool, engines, watcher)
    try:
        generation.run()
    except BaseException as error:
        for job in jobs:
            if job.name not in generation.done:
                for observer in observers:
                    observer.fail(job, error)
        raise
    return generation.done
