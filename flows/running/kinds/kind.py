"""What the runner asks of a kind of task."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar

from catalog.storage import StoreError
from catalog.tables import AGAIN, PartitionCommit, TableFolder
from flows.planning.plan import TableJob
from flows.running.engine_pool import EnginePool
from flows.running.partitions import Partition, PartitionBatch, batch_partitions, list_file_partitions
from flows.running.sample import WANTED, Forecast, PilotSample, concat_samples
from flows.running.unit_executor import UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from schemas.task import Task, TaskError

T = TypeVar("T", bound=Task[Any])


class Kind(ABC, Generic[T]):
    """How a table is made by a task of one kind: what its partitions are, what comes before them, and how one is run.

    A partition is, unless a kind says otherwise, a Parquet file of an input table.
    """

    prepares: bool = False
    """Whether `prepare` has anything to do."""
    prepares_by_units: ClassVar[bool] = False
    """Whether `prepare` has units for other processes."""
    offloads: ClassVar[bool] = False
    """Whether its partitions may run in processes of their own."""

    def __init__(self, job: TableJob, task: T) -> None:
        self.job, self.task = job, task

    @cached_property
    def folder(self) -> TableFolder:
        """Where the table lies."""
        return self.job.folder()

    @cached_property
    def preparation(self) -> TableFolder:
        """Where what was prepared for its partitions lies."""
        return self.folder.preparation

    @cached_property
    def partitions(self) -> list[Partition]:
        """All partitions of the table, in the order of its rows."""
        return list_file_partitions(self.job)

    def list_pending(self) -> list[Partition]:
        """The partitions that have not been committed yet; none of a complete table, whose receipts may be gone."""
        if self.folder.read_manifest() is not None:
            return []
        names = self.folder.store.names(f"{self.folder.path}/receipts")
        committed = {name.removesuffix(".json") for name in names}
        return [partition for partition in self.partitions if partition.name not in committed]

    def count_rows(self, partition: Partition) -> int:
        """The rows that a partition stands for (in = kept + rejected counts these), 0 where nobody knows."""
        return partition.file.rows if partition.file else partition.rows

    def count_expected_rows(self) -> int | None:
        """The rows that come in, None where that is not known beforehand."""
        return sum(map(self.count_rows, self.partitions))

    def repeats_keys(self) -> bool:
        """Whether a key may be there in several partitions: of two tables, or of rows named by their content."""
        return len(self.job.inputs) != 1

    def batch(self, pending: Sequence[Partition]) -> list[PartitionBatch]:
        """Partitions as they are handed to an executor."""
        return batch_partitions(pending, self.count_rows)

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Find out what the partitions need to know of each other; doing it again changes nothing.

        Args:
            units: What runs units in other processes, where that is worth it; all is done here unless given.
            watcher: Is notified of how far it is.

        """

    @abstractmethod
    def run(self, partitions: Sequence[Partition], watcher: Watcher, engines: EnginePool) -> None:
        """Run the task on the partitions of a batch in this process, and commit each.

        Args:
            partitions: What to run.
            watcher: Is notified of how far each is.
            engines: The engines of the build, for a task that asks models.

        """

    def combine(self, samples: Sequence[PilotSample]) -> PilotSample | None:
        """The sample of a table's inputs together, from those of each that is known."""
        return concat_samples(samples)

    @abstractmethod
    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """Some rows of the table before it exists.

        Args:
            inputs: Some rows of its inputs, None where there are none.
            wanted: How many rows are wanted of a task that has no input.

        Returns:
            The rows; None where nothing can be said.

        """

    def forecast(
        self, inputs: PilotSample | None, pilot: int | None, engines: EnginePool
    ) -> tuple[PilotSample | None, list[Forecast]]:
        """Some rows of the table, and what it would ask of each model; a task that asks none forecasts nothing."""
        return self.sample(inputs, WANTED), []

    def read_prepared(self, unit: str) -> PartitionCommit:
        """What was prepared for a partition; that it is missing is an error, and never taken for nothing."""
        commit = self.preparation.read_commit(unit)
        if commit is None:
            link = self.folder.store.link(f"{self.preparation.path}/receipts/{unit}.json")
            raise StoreError(f"{self.job.name}: {link}: is missing, so what becomes of rows is not known; {AGAIN}")
        return commit


@contextmanager
def name_table(job: TableJob) -> Iterator[None]:
    """Put the table's name before the message of a task's error."""
    try:
        yield
    except TaskError as error:
        raise TaskError(f"{job.name}: {error}") from None
