"""Tables made partition by partition: what becomes of one needs nothing that runs beside it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from catalog.tables import PartitionCommit, sum_commits
from flows.running.commit import write_outcome
from flows.running.engine_pool import EnginePool
from flows.running.kinds.kind import Kind
from flows.running.partitions import Partition
from flows.running.watcher import Watcher
from schemas.task import Outcome, Task

T = TypeVar("T", bound=Task[Any])


class PartitionedKind(Kind[T]):
    """Partitions are run one after the other, here or in processes of their own."""

    offloads = True

    def run(self, partitions: Sequence[Partition], watcher: Watcher, engines: EnginePool) -> None:
        """Run the partitions of a batch in this process; no model is asked."""
        for partition in partitions:
            self.run_partition(partition, watcher)

    def run_partition(self, partition: Partition, watcher: Watcher) -> None:
        """Run the task on a partition, check and write what it made, and commit it."""
        self.folder.commit(partition.name, sum_commits(self.run_chunks(partition, watcher)))

    @abstractmethod
    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """Run a partition chunk by chunk: a Parquet file is one chunk, a file of records has many, each committed by itself."""

    def write_chunk(self, partition: Partition, rows_in: int, outcome: Outcome, watcher: Watcher) -> PartitionCommit:
        """Write what became of a partition that is one chunk."""
        commit = write_outcome(self.job, f"{partition.name}-00000", rows_in, outcome)
        watcher.advance(self.job.name, rows_in, None)
        return commit
