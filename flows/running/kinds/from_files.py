"""Tables made from files of records: each file is a partition, and each batch of its records a chunk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import polars as pl

from catalog.records.read import read_batches, read_first
from catalog.sources import Source, verify_unchanged
from catalog.tables import PartitionCommit
from flows.running.commit import write_outcome
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import Partition
from flows.running.sample import PilotSample, spread_rows
from flows.running.watcher import Watcher
from schemas.task import FromRecords, Record


class FromFilesKind(PartitionedKind[FromRecords[Any]]):
    """Records of files, some thousands at a time."""

    @cached_property
    def partitions(self) -> list[Partition]:
        """The files; in a preview no more than it has rows."""
        chosen = self.job.sources[: self.job.most or None]
        return [Partition(f"{i:05d}", source=source) for i, source in enumerate(chosen)]

    def count_expected_rows(self) -> int | None:
        """Not known before the files are read."""
        return None

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """Run a file batch by batch of its records.

        A file is long, so its chunks are committed, too, and not made again
        where an earlier build was cut off in the middle of it.

        Args:
            partition: The file.
            watcher: Is notified of how far it is.

        Yields:
            The commit of each batch.

        """
        assert partition.source is not None
        parameters = self.job.parameters
        for chunk, (batch, share) in enumerate(self._read_batches(partition.source)):
            name = f"{partition.name}-{chunk:05d}"
            rows_in = sum(self.task.rows_per_record(record, parameters) for record in batch)
            commit = self.folder.read_commit(name)
            if commit is None:
                commit = write_outcome(self.job, name, rows_in, self.task.run(batch, parameters))
                self.folder.commit(name, commit)
            yield commit
            watcher.advance(self.job.name, rows_in, share)
        if not self.job.most:
            verify_unchanged(partition.source)

    def _read_batches(self, source: Source) -> Iterable[tuple[list[Record], float]]:
        """The records of a file; in a preview its first ones, as many of each file."""
        if not self.job.most:
            return read_batches(source)
        return [(read_first(source, -(-self.job.most // len(self.partitions))), 1.0)]

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """Rows of the first records of each file; what all of them hold is guessed from the share read."""
        kept: list[pl.DataFrame] = []
        of = 0.0
        for source in self.job.sources:
            for batch, share in islice(read_batches(source), 1):
                rows = self.task.run(batch, self.job.parameters).kept
                kept.append(rows)
                of += rows.height / share if share else rows.height
        return PilotSample(spread_rows(pl.concat(kept), wanted), of) if kept else None
