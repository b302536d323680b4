"""Tables made from files of records: each file is a partition, and so many of its records as make a part a chunk.

Other rows may belong to the records: of further files, or of a table that is
given. Of such a table each row is accounted for: one to which no record belongs
is rejected, in a partition of the table's own file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import cached_property
from itertools import islice
from typing import Any, cast

import polars as pl

from catalog.records.read import read_batches, read_first
from catalog.sources import Source, verify_unchanged
from catalog.tables import AGAIN, PartitionCommit
from flows.planning.plan import TableJob
from flows.planning.side_inputs import open_side_input
from flows.running.commit import ChunkWriter
from flows.running.kinds.partitioned import PartitionedKind
from flows.running.partitions import AccountingError, InputColumns, Partition, list_file_partitions, read_partition
from flows.running.record_lookup import RecordLookup
from flows.running.sample import PilotSample, spread_rows
from flows.running.unit_executor import UnitExecutor
from flows.running.watcher import NOBODY, Watcher
from schemas.frames import to_polars_schema
from schemas.task import FromRecords, Outcome, Record, Records

PREPARED = "alone"


class FromFilesKind(PartitionedKind[FromRecords[Any]]):
    """Records of files, some thousands at a time."""

    def __init__(self, job: TableJob, task: FromRecords[Any]) -> None:
        super().__init__(job, task)
        self.joins = task.joins(job.parameters, job.input_contract)
        self.prepares = bool(job.inputs) and not job.most

    @cached_property
    def partitions(self) -> list[Partition]:
        """The files, and those of the table that is given; in a preview no more files than it has rows, and none of the table."""
        chosen = self.job.sources[: self.job.most or None]
        files = [Partition(f"{i:05d}", source=source) for i, source in enumerate(chosen)]
        others = [] if self.job.most else list_file_partitions(self.job)
        return files + [replace(other, name=f"{i:05d}") for i, other in enumerate(others, len(files))]

    def repeats_keys(self) -> bool:
        """As rows are named by their content, a key may be in several files."""
        return len(self.partitions) > 1

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Find the rows of the table that is given to which no record belongs, and write them by its files."""
        joins = [join for join in self.joins if join.of_input]
        if not joins or self.preparation.read_commit(PREPARED):
            return
        with self._open_lookups() as lookups:
            (of_input,) = [lookup for lookup in lookups if lookup.join.of_input]
            before = [lookup for lookup in lookups if lookup is not of_input]
            for source in self.job.sources:
                for batch, _ in read_batches(source):
                    of_input.note_used(_attach(batch, before))
            for partition in self.partitions:
                if partition.source is None:
                    rows = read_partition(self.job, partition)
                    alone = rows.filter([not of_input.is_used(row) for row in rows.iter_rows(named=True)])
                    file = self.preparation.write(f"{PREPARED}/{partition.name}.parquet", alone)
                    self.preparation.commit(f"{PREPARED}-{partition.name}", PartitionCommit(alone.height, [file]))
        self.preparation.commit(PREPARED, PartitionCommit(0))

    @contextmanager
    def _open_lookups(self) -> Iterator[list[RecordLookup]]:
        """What is joined to the records: the rows of other files first, then those of the table that is given."""
        with ExitStack() as stack:
            lookups = [stack.enter_context(RecordLookup(join)) for join in self.joins]
            others = [open_side_input(located) for located in self.job.side_inputs]
            for lookup, records in zip(lookups, others):
                for batch in cast(Records, records):
                    lookup.add(record.value for record in batch if record.value is not None)
            for lookup in lookups:
                if lookup.join.of_input:
                    for part in InputColumns(self.job, list(self.job.input_contract.names())):
                        lookup.add(part.iter_rows(named=True))
            yield lookups

    def _reject_alone(self, partition: Partition, watcher: Watcher) -> PartitionCommit:
        """The rows of a file of the table that is given to which no record belongs."""
        rows = self.preparation.read(self.read_prepared(f"{PREPARED}-{partition.name}").parts[0])
        rejected = rows.select(
            "source",
            pl.col("question").str.slice(0, 10_000).alias("raw"),
            pl.lit("no solution").alias("reason"),
            (pl.lit("problem ") + pl.col("problem_id")).alias("detail"),
        )
        kept = pl.DataFrame(schema=to_polars_schema(self.job.contract))
        return self.write_chunk(partition, rows.height, Outcome(kept, rejected), watcher)

    def count_expected_rows(self) -> int | None:
        """Not known before the files are read."""
        return None

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """Run a file batch by batch of its records.

        A file is long: each part of it is a chunk that is committed, too, and not
        made again where an earlier build was cut off in the middle of it.

        Args:
            partition: The file.
            watcher: Is notified of how far it is.

        Yields:
            The commit of each chunk.

        """
        if partition.source is None:
            yield self._reject_alone(partition, watcher)
            return
        with self._open_lookups() as lookups:
            before = self._read_chunks(partition)
            yield from before
            known, writer = sum(commit.rows_in for commit in before), None
            chunk = len(before)
            for batch, share in self._read_batches(partition.source):
                rows_in = sum(self.task.rows_per_record(record, self.job.parameters) for record in batch)
                if known > 0:
                    known -= rows_in
                    if known < 0:
                        raise AccountingError(
                            f"{self.job.name}, unit {partition.name}: an earlier build cut the file otherwise; {AGAIN}"
                        )
                else:
                    writer = writer or ChunkWriter(self.job, f"{partition.name}-{chunk:05d}")
                    writer.add(rows_in, self.task.run(_attach(batch, lookups), self.job.parameters))
                    if writer.full:
                        yield self._commit_chunk(writer)
                        chunk, writer = chunk + 1, None
                watcher.advance(self.job.name, rows_in, share)
            if writer is not None:
                yield self._commit_chunk(writer)
        if not self.job.most:
            verify_unchanged(partition.source)

    def _commit_chunk(self, writer: ChunkWriter) -> PartitionCommit:
        commit = writer.close()
        self.folder.commit(writer.name, commit)
        return commit

    def _read_chunks(self, partition: Partition) -> list[PartitionCommit]:
        """The chunks of a file that an earlier build has committed; a chunk is whole batches."""
        chunks: list[PartitionCommit] = []
        while (commit := self.folder.read_commit(f"{partition.name}-{len(chunks):05d}")) is not None:
            chunks.append(commit)
        return chunks

    def _read_batches(self, source: Source) -> Iterable[tuple[list[Record], float]]:
        """The records of a file; in a preview its first ones, as many of each file."""
        if not self.job.most:
            return read_batches(source)
        return [(read_first(source, -(-self.job.most // len(self.partitions))), 1.0)]

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """Rows of the first records of each file; what all of them hold is guessed from the share read."""
        kept: list[pl.DataFrame] = []
        of = 0.0
        if any(join.of_input for join in self.joins):
            return None  # the table that is given may not be there yet
        for source in self.job.sources:
            for batch, share in islice(read_batches(source), 1):
                with self._open_lookups() as lookups:
                    rows = self.task.run(_attach(batch, lookups), self.job.parameters).kept
                kept.append(rows)
                of += rows.height / share if share else rows.height
        return PilotSample(spread_rows(pl.concat(kept), wanted), of) if kept else None


def _attach(records: Sequence[Record], lookups: Sequence[RecordLookup]) -> Sequence[Record]:
    """Records with the rows that belong to them."""
    for lookup in lookups:
        records = lookup.attach(records)
    return records
