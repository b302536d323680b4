"""Executors for tests."""

import pickle
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from catalog.tables import Manifest
from flows.planning.plan import TableJob
from flows.running.partitions import Partition
from flows.running.run_plan import Future, materialize_generation
from flows.running.unit_executor import Unit
from flows.running.watcher import Watcher

T = TypeVar("T")


class Call:
    """A call that is made when its result is asked for, once."""

    def __init__(self, call: Callable[[], Any]) -> None:
        self._call = call
        self._results: list[Any] = []

    def result(self) -> Any:
        if not self._results:
            self._results.append(self._call())
        return self._results[0]


class Backwards:
    """Makes calls on the thread of the caller, the last one first; remembers what it made."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def submit(self, call: Callable[..., T], job: TableJob, *arguments: Any) -> Future[T]:
        return Call(lambda: self.run(call, job, *arguments))

    def run(self, call: Callable[..., T], job: TableJob, *arguments: Any) -> T:
        self.calls.append(f"{job.name} {call.__name__}")
        return call(job, *arguments)

    def as_completed(self, futures: Iterable[Future[Any]]) -> Iterator[Future[Any]]:
        yield from reversed(list(futures))


def make_table(job: TableJob) -> Manifest:
    """Make one table, its partitions in the other order: it must not matter."""
    return materialize_generation([job], Backwards())[job.name]


class UnitsHere:
    """Runs units in this process, the last one first, each after a journey as bytes; remembers their names."""

    count = 2
    takes_all = False
    host = None

    def __init__(self) -> None:
        self.names: list[str] = []

    def should_run(self, job: TableJob, partitions: Sequence[Partition]) -> bool:
        return True

    def run(self, units: Sequence[Unit], watcher: Watcher) -> list[Any]:
        results = []
        for unit in reversed(units):
            sent: Unit = pickle.loads(pickle.dumps(unit))
            self.names.append(sent.name)
            results.append(pickle.loads(pickle.dumps(sent.call(*sent.arguments, watcher))))
        return results[::-1]

    def close(self) -> None:
        """Nothing is at work."""
