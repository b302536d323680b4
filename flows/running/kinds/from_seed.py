"""Tables made out of numbers alone: partitions are ranges of them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import polars as pl

from catalog.tables import PartitionCommit
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import UNIT_ROWS, UNITS, Partition
from flows.running.sample import PilotSample
from flows.running.watcher import Watcher
from schemas.task import FromSeed

ROWS_OF_A_PARTITION = 1_000
"""Of a small table; a large one has larger ones."""


class FromSeedKind(PartitionedKind[FromSeed[Any]]):
    """Rows that are made from their numbers, some at a time."""

    @cached_property
    def partitions(self) -> list[Partition]:
        """Ranges of the rows' numbers."""
        count = self.task.count(self.job.parameters)
        count = min(count, self.job.most or count)
        size = max(ROWS_OF_A_PARTITION, min(count // UNITS, UNIT_ROWS))
        ranges = [range(start, min(start + size, count)) for start in range(0, count, size)]
        return [Partition(f"{i:05d}", numbers=numbers, rows=len(numbers)) for i, numbers in enumerate(ranges)]

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the rows of the range."""
        assert partition.numbers is not None
        outcome = self.task.run(partition.numbers, self.job.parameters)
        yield self.write_chunk(partition, partition.rows, outcome, watcher)

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """Rows evenly spread over the numbers."""
        count = self.task.count(self.job.parameters)
        numbers = dict.fromkeys(range(i * count // wanted, i * count // wanted + 1) for i in range(wanted))
        return PilotSample(pl.concat([self.task.run(number, self.job.parameters).kept for number in numbers]), count)
