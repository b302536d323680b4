"""Tables made problem by problem: rows are shuffled first, so that those of a problem are in one partition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import polars as pl

from catalog.parts import ParquetFile
from catalog.tables import PartitionCommit
from flows.planning.plan import TableJob
from flows.running.exchange import DESTINATION, read_received, send_rows
from flows.running.kinds.kind import name_table
from flows.running.kinds.partitioned import PREPARED, PartitionedKind
from flows.running.partitions import Partition, list_file_partitions, read_partition
from flows.running.sample import PilotSample, scale_sample
from flows.running.shuffle import shuffle_by_problem, shuffle_key
from flows.running.unit_executor import UnitExecutor
from flows.running.unit_files import make_files
from flows.running.verdict_cache import use_verdict_cache
from flows.running.watcher import NOBODY, Watcher
from schemas.frames import to_polars_schema
from schemas.task import PerProblem
from tasks import TASKS

ROWS_OF_A_BUCKET = 50_000
"""Rows, about, of the problems that a task sees at a time."""
BUCKETS_OF_A_SHARE = 20
"""Buckets whose rows are sent together in a large table, which are a million rows, about."""


class PerProblemKind(PartitionedKind[PerProblem[Any]]):
    """The task runs on buckets of whole problems."""

    prepares = prepares_by_units = True

    @cached_property
    def partitions(self) -> list[Partition]:
        """The buckets; only the rows of all together are known."""
        rows = sum(partition.file.rows for partition in list_file_partitions(self.job) if partition.file)
        count = -(-rows // ROWS_OF_A_BUCKET)
        shares = [rows * (i + 1) // count - rows * i // count for i in range(count)]
        return [Partition(f"{i:05d}", bucket=i, rows=share) for i, share in enumerate(shares)]

    def prepare(self, units: UnitExecutor | None = None, watcher: Watcher = NOBODY) -> None:
        """Shuffle the rows by problem: of a large table shares of many buckets first, then each share by itself."""
        if self.preparation.read_commit(PREPARED):
            return
        count = len(self.partitions)
        if units is None or count <= BUCKETS_OF_A_SHARE:
            rows = (read_partition(self.job, partition) for partition in list_file_partitions(self.job))
            self.commit_buckets(range(count), shuffle_by_problem(rows, count, self.preparation))
            self.preparation.commit(PREPARED, PartitionCommit(0))
            return
        shares = [range(at, min(at + BUCKETS_OF_A_SHARE, count)) for at in range(0, count, BUCKETS_OF_A_SHARE)]
        batches = self.list_batches()
        of = f"{len(shares)}-{len(batches)}"
        sending = [(self.job, batch, count) for batch in batches]
        with self.beside_others():
            sent = make_files(self.job, f"sent-{of}", send_problems, sending, units, watcher)
            dealing = [(self.job, share, count, sent) for share in shares]
            self.receive(f"share-{of}", shuffle_share, dealing, sent, units, watcher)

    def commit_buckets(self, buckets: range, files: Sequence[ParquetFile]) -> None:
        """Say of buckets what is in them; of an empty one, too, so that one that is missing is never taken for empty."""
        parts = {file.path: [file] for file in files}
        for bucket in buckets:
            name = self.partitions[bucket].name
            self.preparation.commit(f"{PREPARED}-{name}", PartitionCommit(0, parts.get(f"shares/{name}.parquet", [])))

    def run_chunks(self, partition: Partition, watcher: Watcher) -> Iterator[PartitionCommit]:
        """One chunk: the bucket."""
        rows = self._read_bucket(partition)
        with name_table(self.job), use_verdict_cache(self.folder.store):
            outcome = self.task.run(rows, self.job.parameters)
        yield self.write_chunk(partition, rows.height, outcome, watcher)

    def _read_bucket(self, partition: Partition) -> pl.DataFrame:
        """All rows of a bucket, in the order of the input; a bucket may be empty."""
        files = self.read_prepared(f"{PREPARED}-{partition.name}").parts
        return (
            self.preparation.read(files[0]) if files else pl.DataFrame(schema=to_polars_schema(self.job.input_contract))
        )

    def sample(self, inputs: PilotSample | None, wanted: int) -> PilotSample | None:
        """What the task makes of the sample of its inputs."""
        if inputs is None or not inputs.rows.height:
            return None
        return scale_sample(self.job, inputs, self.task.run(inputs.rows, self.job.parameters).kept)


def send_problems(job: TableJob, batch: range, count: int, name: str, watcher: Watcher) -> list[ParquetFile]:
    """Send the rows of some input files to the shares of their buckets; what was written."""
    folder, files = job.folder().preparation, list_file_partitions(job)
    rows = pl.concat([read_partition(job, files[number]) for number in batch])
    share = (shuffle_key(count) // BUCKETS_OF_A_SHARE).cast(pl.Int32)
    sent = [send_rows(folder, f"sent/{name}.parquet", rows.with_columns(share.alias(DESTINATION)))]
    folder.commit(name, PartitionCommit(0, sent))
    return sent


def shuffle_share(
    job: TableJob, buckets: range, count: int, sent: Sequence[ParquetFile], name: str, watcher: Watcher
) -> list[ParquetFile]:
    """Deal the rows of a share out to its buckets, of which each says what is in it; nothing else was written."""
    task = TASKS[job.task]
    assert isinstance(task, PerProblem)
    kind = PerProblemKind(job, task)
    rows = read_received(kind.preparation, sent, buckets.start // BUCKETS_OF_A_SHARE)
    kind.commit_buckets(buckets, shuffle_by_problem(rows, count, kind.preparation, buckets))
    kind.preparation.commit(name, PartitionCommit(0))
    return []
